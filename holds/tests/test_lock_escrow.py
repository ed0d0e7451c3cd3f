"""lock_escrow: a buyer's money is locked for a seller."""

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    NormalBalanceMismatch,
    SameAccount,
)
from holds.tests.story import Story
from ledger_project.kernel.errors import InvalidRequest


def test_an_escrow_locks_the_buyers_money(books: Story) -> None:
    answer = books.answer(
        "lock_escrow", buyer="alice", seller="shop", amount=60, reference="job_1", references={"trial": "t_9"}
    )

    escrow = answer["escrow"]
    assert books.balance("alice") == {"available": 40, "escrowed": 60}
    assert books.balance("shop") == {}
    assert books.tail() == ["escrow.locked"]
    assert (escrow["kind"], escrow["status"], escrow["expires_at"]) == ("escrow", "pending", None)
    assert escrow["references"] == {"trial": "t_9", "reference": "job_1"}
    assert answer["entry"]["references"] == {"hold": escrow["id"], "trial": "t_9", "reference": "job_1"}
    books.right()


def test_a_shortfall_is_drawn_from_the_credit_line(books: Story) -> None:
    books.credit("alice", 50)

    books.escrow(120)

    assert books.balance("alice") == {"escrowed": 120, "credit_used": 20}
    books.right()


def test_without_a_time_there_is_no_timeout_to_agree_on(books: Story) -> None:
    arguments = {"buyer": "alice", "seller": "shop", "amount": 1, "reference": "r"}

    facts = books.refused(InvalidRequest, "lock_escrow", on_timeout="release", **arguments)

    assert facts["field"] == "on_timeout"


def test_the_refusals_come_in_their_order(books: Story) -> None:
    books.open("cash", type="asset")
    books.open("gone")
    books.run("close_account", account="gone")
    books.run("freeze_account", account="alice")
    books.run("register_currency", code="EUR")
    books.open("euro", currency="EUR")

    def refused(refusal: type, buyer: str = "alice", seller: str = "shop") -> None:
        books.refused(refusal, "lock_escrow", buyer=buyer, seller=seller, amount=1000, reference="r")

    refused(AccountNotFound, buyer="nobody", seller="nobody")
    refused(AccountNotFound, seller="nobody")
    refused(SameAccount, seller="alice")
    refused(CurrencyMismatch, seller="euro")
    refused(NormalBalanceMismatch, seller="cash")
    refused(AccountClosed, seller="gone")
    refused(AccountFrozen)
    books.run("unfreeze_account", account="alice")
    refused(InsufficientFunds)


def test_a_seller_of_the_same_bulk_may_be_paid(books: Story) -> None:
    books.execute(
        books.call("open_account", name="newcomer"),
        books.call("lock_escrow", buyer="alice", seller="newcomer", amount=10, reference="r"),
    )

    assert books.balance("alice") == {"available": 90, "escrowed": 10}
