"""confirm_deposit and fail_deposit: an announced deposit arrives, once, or is given up."""

from accounts.errors import AccountClosed
from holds.errors import DepositNotFound, DepositNotPending, DuplicateDeposit
from holds.tests.story import Story
from ledger_project.testing.crowd import together


def test_a_confirmed_deposit_is_credited(books: Story) -> None:
    deposit = books.deposit(60, account="bob", confirmed=False)

    answer = books.answer("confirm_deposit", deposit=deposit)

    assert answer["deposit"]["status"] == "confirmed"
    assert answer["deposit"]["id"] == deposit
    assert books.balance("bob") == {"available": 60}
    assert books.balance("platform:custody:CRD") == {"available": 60}
    assert books.tail() == ["deposit.confirmed"]
    books.right()


def test_an_announced_reference_is_taken(books: Story) -> None:
    deposit = books.deposit(60, confirmed=False)

    arguments = {"account": "alice", "amount": 60, "source": "base", "external_ref": "0xfeed"}
    facts = books.refused(DuplicateDeposit, "record_deposit", **arguments)

    assert (facts["deposit"], facts["status"]) == (deposit, "announced")


def test_a_deposit_that_was_given_up_may_arrive_after_all(books: Story) -> None:
    deposit = books.deposit(60, account="bob", confirmed=False)

    books.run("fail_deposit", deposit=deposit, reason="dropped from the mempool")
    assert books.stored_deposit(deposit).status == "failed"
    assert books.balance("bob") == {}
    books.run("confirm_deposit", deposit=deposit)

    assert books.balance("bob") == {"available": 60}


def test_the_refusals_come_in_their_order(books: Story) -> None:
    deposit, closing = (
        books.deposit(60, confirmed=False),
        books.deposit(1, account="bob", external_ref="2", confirmed=False),
    )
    books.run("close_account", account="bob")

    for command, more in (("confirm_deposit", {}), ("fail_deposit", {"reason": "r"})):
        books.refused(DepositNotFound, command, deposit="dep_" + "0" * 32, **more)
    books.refused(AccountClosed, "confirm_deposit", deposit=closing)
    books.run("confirm_deposit", deposit=deposit)
    for command, more in (("confirm_deposit", {}), ("fail_deposit", {"reason": "r"})):
        books.refused(DepositNotPending, command, deposit=deposit, **more)


def test_another_tenants_deposit_is_not_found(books: Story) -> None:
    other = Story()
    other.open("alice")

    books.refused(DepositNotFound, "confirm_deposit", deposit=other.deposit(1, confirmed=False))


def test_many_confirmations_at_once_credit_once(books: Story) -> None:
    deposit = books.deposit(60, account="bob", confirmed=False)
    calls = [lambda n=n: books.run("confirm_deposit", deposit=deposit, key=f"c{n}") for n in range(16)]

    outcomes = together(calls)

    assert sum(isinstance(outcome, DepositNotPending) for outcome in outcomes) == 15
    assert books.balance("bob") == {"available": 60}
