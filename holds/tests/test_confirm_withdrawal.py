"""confirm_withdrawal: it was paid, under a reference that counts once."""

from accounts.errors import AccountFrozen
from holds.errors import DuplicateWithdrawal, HoldNotFound, HoldNotPending
from holds.tests.story import Story
from ledger_project.testing.crowd import together


def test_a_confirmed_withdrawal_has_left_custody(books: Story) -> None:
    books.deposit(100, account="bob")
    withdrawal = books.withdrawal(60, account="bob", references={"ticket": "t1"})

    answer = books.answer("confirm_withdrawal", withdrawal=withdrawal, external_ref="0xbeef")

    assert books.balance("bob") == {"available": 40}
    assert books.balance("platform:custody:CRD") == {"available": 40}
    assert books.state(withdrawal) == ("confirmed", 60, 0)
    assert answer["withdrawal"]["external_ref"] == "0xbeef"
    assert answer["entry"]["references"] == {"hold": withdrawal, "ticket": "t1", "external_ref": "0xbeef"}
    assert [(b["name"], b["total_out"]) for b in answer["balances"]] == [("bob", "60")]
    assert books.tail() == ["withdrawal.confirmed"]
    books.right()


def test_a_reference_confirms_one_withdrawal(books: Story) -> None:
    first, second = books.withdrawal(10), books.withdrawal(20)
    books.run("confirm_withdrawal", withdrawal=first, external_ref="0xbeef")

    facts = books.refused(DuplicateWithdrawal, "confirm_withdrawal", withdrawal=second, external_ref="0xbeef")

    assert facts == {"external_ref": "0xbeef", "withdrawal": first}
    other = Story()
    other.open("alice", funded=10)
    other.run("confirm_withdrawal", withdrawal=other.withdrawal(10), external_ref="0xbeef")


def test_a_bulk_knows_its_own_references(books: Story) -> None:
    calls = [books.call("confirm_withdrawal", withdrawal=books.withdrawal(10), external_ref="0xbeef") for _ in range(2)]

    _, second = books.execute(*calls)

    assert isinstance(second, DuplicateWithdrawal)


def test_many_withdrawals_at_once_do_not_share_a_reference(books: Story) -> None:
    withdrawals = [books.withdrawal(5) for _ in range(8)]

    def confirm(withdrawal: str):
        arguments = {"withdrawal": withdrawal, "external_ref": "0xbeef", "key": f"c-{withdrawal}"}
        return lambda: books.run("confirm_withdrawal", **arguments)

    outcomes = together([confirm(withdrawal) for withdrawal in withdrawals])

    assert sum(isinstance(outcome, DuplicateWithdrawal) for outcome in outcomes) == 7
    assert books.balance("alice") == {"available": 60, "held": 35}
    books.right()


def test_the_refusals_come_in_their_order(books: Story) -> None:
    first, second = books.withdrawal(10), books.withdrawal(10)
    books.run("confirm_withdrawal", withdrawal=first, external_ref="0x1")
    books.run("freeze_account", account="alice")

    books.refused(HoldNotFound, "confirm_withdrawal", withdrawal="hld_" + "0" * 32, external_ref="0x1")
    books.refused(HoldNotPending, "confirm_withdrawal", withdrawal=first, external_ref="0x1")
    books.refused(DuplicateWithdrawal, "confirm_withdrawal", withdrawal=second, external_ref="0x1")
    books.refused(AccountFrozen, "confirm_withdrawal", withdrawal=second, external_ref="0x2")
