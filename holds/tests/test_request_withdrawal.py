"""request_withdrawal: an account's own money is set aside for payment outside."""

from accounts.errors import AccountFrozen, AccountNotFound, InsufficientFunds, NormalBalanceMismatch
from holds.tests.story import Story, later


def test_a_request_sets_the_money_aside(books: Story) -> None:
    answer = books.answer("request_withdrawal", account="alice", amount=60, destination="0xa11ce")

    withdrawal = answer["withdrawal"]
    assert books.balance("alice") == {"available": 40, "held": 60}
    assert books.tail() == ["withdrawal.requested"]
    assert (withdrawal["kind"], withdrawal["status"], withdrawal["destination"]) == ("withdrawal", "pending", "0xa11ce")
    assert (withdrawal["external_ref"], withdrawal["expires_at"]) == (None, None)
    books.right()


def test_it_waits_as_long_as_it_takes(books: Story) -> None:
    withdrawal = books.withdrawal(60)

    with later(days=1000):
        books.run("confirm_withdrawal", withdrawal=withdrawal, external_ref="0x1")

    assert books.balance("alice") == {"available": 40}


def test_only_ones_own_money_is_paid_out(books: Story) -> None:
    books.credit("alice", 50)
    books.run("promo_mint", account="alice", amount=10)
    facts = books.refused(InsufficientFunds, "request_withdrawal", account="alice", amount=101, destination="d")
    assert (facts["available"], facts["shortfall"]) == ("100", "1")

    books.run("draw_credit", account="alice", amount=50)

    facts = books.refused(InsufficientFunds, "request_withdrawal", account="alice", amount=101, destination="d")
    assert (facts["available"], facts["shortfall"]) == ("100", "1"), "drawn credit is not one's own"
    books.withdrawal(100)
    assert books.balance("alice") == {"available": 50, "held": 100, "promo": 10, "credit_used": 50}


def test_an_unbounded_account_pays_out_what_all_its_stripes_have(books: Story) -> None:
    books.open("platform:revenue", type="revenue", unbounded=True)
    books.run("transfer", from_account="alice", to_account="platform:revenue", amount=50)

    facts = books.refused(
        InsufficientFunds, "request_withdrawal", account="platform:revenue", amount=51, destination="bank"
    )
    assert facts["available"] == "50"
    withdrawal = books.withdrawal(50, account="platform:revenue")
    books.run("confirm_withdrawal", withdrawal=withdrawal, external_ref="wire_1")

    assert books.balance("platform:revenue") == {}
    books.right()


def test_the_refusals_come_in_their_order(books: Story) -> None:
    books.open("cash", type="asset")

    books.refused(AccountNotFound, "request_withdrawal", account="nobody", amount=1000, destination="d")
    books.refused(NormalBalanceMismatch, "request_withdrawal", account="cash", amount=1000, destination="d")
    books.refused(InsufficientFunds, "request_withdrawal", account="alice", amount=1000, destination="d")
    books.run("freeze_account", account="alice")
    books.refused(AccountFrozen, "request_withdrawal", account="alice", amount=10, destination="d")
