"""fail_withdrawal: it will not be paid, and the money goes back."""

from holds.errors import HoldNotFound, HoldNotPending
from holds.tests.story import Story


def test_a_failed_withdrawal_gives_the_money_back(books: Story) -> None:
    withdrawal = books.withdrawal(60)

    answer = books.answer("fail_withdrawal", withdrawal=withdrawal, reason="address is sanctioned")

    assert books.balance("alice") == {"available": 100}
    assert books.state(withdrawal) == ("failed", 0, 60)
    assert answer["withdrawal"]["reason"] == answer["entry"]["description"] == "address is sanctioned"
    assert books.tail() == ["withdrawal.failed"]
    books.right()


def test_the_money_goes_back_to_a_frozen_account_and_repays_its_credit(books: Story) -> None:
    books.credit("alice", 50)
    withdrawal = books.withdrawal(60)
    books.run("transfer", from_account="alice", to_account="shop", amount=70)
    assert books.balance("alice") == {"held": 60, "credit_used": 30}
    books.run("freeze_account", account="alice")

    books.run("fail_withdrawal", withdrawal=withdrawal, reason="r")

    assert books.balance("alice") == {"available": 30}


def test_the_refusals_come_in_their_order(books: Story) -> None:
    withdrawal = books.withdrawal(10)

    books.refused(HoldNotFound, "fail_withdrawal", withdrawal=books.hold(10), reason="r")
    books.run("fail_withdrawal", withdrawal=withdrawal, reason="r")
    books.refused(HoldNotPending, "fail_withdrawal", withdrawal=withdrawal, reason="r")
