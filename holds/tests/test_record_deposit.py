"""record_deposit: money comes in once for each reference of its source."""

import pytest

from accounts.errors import AccountClosed, AccountNotFound, NormalBalanceMismatch
from holds.errors import DuplicateDeposit
from holds.models import Deposit
from holds.tests.story import Story
from ledger_project.testing.crowd import together


def test_a_deposit_raises_custody_and_the_agents_balance(books: Story) -> None:
    answer = books.answer("record_deposit", account="bob", amount=60, source="base", external_ref="0xfeed")

    assert books.balance("bob") == {"available": 60}
    assert books.balance("platform:custody:CRD") == {"available": 60}
    assert books.tail() == ["deposit.recorded"]
    deposit = answer["deposit"]
    assert (deposit["status"], deposit["amount"], deposit["source"]) == ("confirmed", "60", "base")
    assert answer["entry"]["references"] == {"source": "base", "deposit": deposit["id"], "external_ref": "0xfeed"}
    assert [(leg["name"], leg["amount"]) for leg in answer["entry"]["postings"]] == [
        ("platform:custody:CRD", "60"),
        ("bob", "-60"),
    ]
    books.right()


def test_the_same_reference_is_refused_with_the_original(books: Story) -> None:
    first = books.answer("record_deposit", account="bob", amount=60, source="base", external_ref="0xfeed")

    facts = books.refused(
        DuplicateDeposit, "record_deposit", account="alice", amount=5, source="base", external_ref="0xfeed"
    )

    assert (facts["deposit"], facts["event"]) == (first["deposit"]["id"], first["event"]["id"])
    assert DuplicateDeposit.status == 409
    books.deposit(1, source="solana"), books.deposit(1, external_ref="0xfeee")
    assert books.balance("alice") == {"available": 102}, "another source or another reference is another deposit"


def test_references_are_the_tenants_own(books: Story) -> None:
    other = Story()
    other.open("alice")

    books.deposit(), other.deposit()

    assert other.balance("alice") == {"available": 60}


def test_the_replay_of_a_deposit_is_no_duplicate(books: Story) -> None:
    call = {"account": "bob", "amount": 60, "source": "base", "external_ref": "0xfeed", "key": "once"}

    assert books.answer("record_deposit", **call) == books.answer("record_deposit", **call)


def test_an_announced_deposit_moves_nothing(books: Story) -> None:
    answer = books.answer(
        "record_deposit", account="bob", amount=60, source="base", external_ref="0xfeed", confirmed=False
    )

    assert answer["deposit"]["status"] == "announced"
    assert answer["entry"] is None
    assert books.balance("bob") == {}


def test_a_deposit_repays_drawn_credit_and_reaches_a_frozen_account(books: Story) -> None:
    books.credit("bob", 50)
    books.run("transfer", from_account="bob", to_account="shop", amount=50)
    books.run("freeze_account", account="bob")

    books.deposit(60, account="bob")

    assert books.balance("bob") == {"available": 10}


def test_the_refusals_come_in_their_order(books: Story) -> None:
    books.open("cash", type="asset")
    books.deposit()

    def refused(refusal: type, account: str, external_ref: str = "0xbeef") -> None:
        arguments = {"account": account, "amount": 1, "source": "base", "external_ref": external_ref}
        books.refused(refusal, "record_deposit", **arguments)

    refused(DuplicateDeposit, "nobody", external_ref="0xfeed")
    refused(AccountNotFound, "nobody")
    refused(NormalBalanceMismatch, "cash")
    books.run("close_account", account="bob")
    refused(AccountClosed, "bob")


def test_one_bulk_knows_its_own_deposits(books: Story) -> None:
    call = {"account": "bob", "amount": 60, "source": "base", "external_ref": "0xfeed"}

    first, second = books.execute(*(books.call("record_deposit", **call) for _ in range(2)))

    assert isinstance(second, DuplicateDeposit)
    assert second.facts["deposit"] == first.document["result"]["deposit"]["id"]
    assert books.balance("bob") == {"available": 60}


@pytest.mark.parametrize("accounts", [["bob"], ["bob", "shop"]])
def test_a_reference_recorded_by_many_at_once_counts_once(books: Story, accounts: list[str]) -> None:
    """Each webhook delivery comes with a key of its own; the reference decides."""

    def record(account: str, n: int):
        call = {"account": account, "amount": 60, "source": "base", "external_ref": "0xfeed", "key": f"{account}-{n}"}
        return lambda: books.run("record_deposit", **call)

    outcomes = together([record(account, n) for account in accounts for n in range(16 // len(accounts))])

    accepted = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, DuplicateDeposit)]
    assert (len(accepted), len(refused)) == (1, 15)
    assert {refusal.facts["deposit"] for refusal in refused} == {accepted[0].document["result"]["deposit"]["id"]}
    assert Deposit.objects.filter(tenant=books.tenant).count() == 1
    assert books.balance("platform:custody:CRD") == {"available": 60}
