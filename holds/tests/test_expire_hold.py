"""expire_hold: what is due ends, by command or by the sweeper, once."""

from django.core.management import call_command
from django.db import connections, transaction

from accounts.errors import AccountFrozen
from holds import expiry
from holds.errors import EscrowDisputed, HoldNotDue, HoldNotFound, HoldNotPending
from holds.models import Hold
from holds.tests.story import Story, later
from ledger_project.log.models import Event
from ledger_project.testing.crowd import together


def test_an_expired_hold_goes_back(books: Story) -> None:
    hold = books.hold(60, to_account="shop", expires_in=10)
    books.run("capture_hold", hold=hold, amount=20, final=False)

    with later(seconds=10):
        books.run("expire_hold", hold=hold)

    assert books.state(hold) == ("expired", 20, 40)
    assert books.balance("alice") == {"available": 80}
    assert books.balance("shop") == {"available": 20}
    assert books.tail() == ["hold.expired"]
    books.right()


def test_drawn_credit_is_given_back_by_expiry(books: Story) -> None:
    books.credit("alice", 50)
    hold = books.hold(150, expires_in=10)
    books.run("freeze_account", account="alice")

    with later(seconds=10):
        books.run("expire_hold", hold=hold)

    assert books.balance("alice") == {"available": 100}, "frozen or not"


def test_the_refusals_come_in_their_order(books: Story) -> None:
    hold, escrow = books.hold(10, expires_in=10), books.escrow(10, expires_in=10)

    books.refused(HoldNotFound, "expire_hold", hold=books.withdrawal(10))
    books.refused(HoldNotFound, "expire_hold", hold=books.stake(10))
    books.refused(HoldNotDue, "expire_hold", hold=hold)
    books.refused(HoldNotDue, "expire_hold", hold=books.escrow(10))
    books.run("dispute_escrow", escrow=escrow, reason="broken")
    with later(seconds=10):
        books.refused(EscrowDisputed, "expire_hold", hold=escrow)
        books.run("expire_hold", hold=hold)
        books.refused(HoldNotPending, "expire_hold", hold=hold)


def test_an_escrow_on_timeout_is_refunded_or_released_as_agreed(books: Story) -> None:
    refunded = books.escrow(30, expires_in=10)
    released = books.escrow(20, expires_in=10, on_timeout="release")

    with later(seconds=10):
        answer = books.answer("expire_hold", hold=refunded)
        books.run("expire_hold", hold=released)

    assert answer["escrow"]["status"] == "expired"
    assert books.state(refunded) == ("expired", 0, 30)
    assert books.state(released) == ("expired", 20, 0)
    assert books.balance("alice") == {"available": 80}
    assert books.balance("shop") == {"available": 20}
    books.right()


def test_an_escrow_for_a_seller_who_has_gone_is_refunded(books: Story) -> None:
    escrow = books.escrow(20, expires_in=10, on_timeout="release")
    books.run("close_account", account="shop")

    with later(seconds=10):
        books.run("expire_hold", hold=escrow)

    assert books.balance("alice") == {"available": 100}


def test_a_frozen_buyers_escrow_waits_where_it_should_be_released(books: Story) -> None:
    escrow, hold = books.escrow(20, expires_in=10, on_timeout="release"), books.hold(5, expires_in=11)
    books.run("freeze_account", account="alice")

    with later(seconds=20):
        books.refused(AccountFrozen, "expire_hold", hold=escrow)
        expiry.expire_due()
        assert books.state(escrow) == ("pending", 0, 0)
        assert books.state(hold) == ("expired", 0, 5), "it does not stand in the way of others"
        books.run("unfreeze_account", account="alice")
        expiry.expire_due()

    assert books.state(escrow) == ("expired", 20, 0)


def test_the_sweeper_ends_what_is_due_and_nothing_else(books: Story) -> None:
    due = [books.hold(1, expires_in=10) for _ in range(5)]
    disputed = books.escrow(2, expires_in=10)
    books.run("dispute_escrow", escrow=disputed, reason="broken")
    alive, stake, withdrawal = books.hold(1, expires_in=100), books.stake(1), books.withdrawal(1)

    with later(seconds=10):
        expiry.expire_due()
        size = books.size()
        expiry.expire_due()

    assert [books.state(hold)[0] for hold in due] == ["expired"] * 5
    assert [books.state(hold)[0] for hold in (disputed, alive, stake, withdrawal)] == [
        "disputed",
        "pending",
        "pending",
        "pending",
    ]
    assert books.size() == size, "a second run finds nothing to do"
    assert books.balance("alice") == {"available": 95, "held": 2, "escrowed": 2, "bonded": 1}
    books.right()


def test_the_sweepers_keys_name_the_hold(books: Story) -> None:
    hold = books.hold(10, expires_in=10)

    with later(seconds=10):
        expiry.expire_due()

    event = Event.objects.filter(tenant=books.tenant).latest("id")
    assert (event.idempotency_key, event.actor, event.command) == (
        f"system:expire:{hold}",
        "system:expiry",
        "expire_hold",
    )


def test_a_key_spent_by_somebody_else_does_not_keep_a_hold_from_ending(books: Story) -> None:
    hold = books.hold(10, expires_in=10)
    books.run("freeze_account", key=f"expire:{hold}", account="bob")

    with later(seconds=10):
        expiry.expire_due()

    assert books.state(hold) == ("expired", 0, 10)


def test_many_pages_are_one_run(books: Story, monkeypatch) -> None:
    monkeypatch.setattr(expiry, "PAGE", 7)
    for _ in range(4):
        books.execute(*(books.call("place_hold", account="alice", amount=1, expires_in=10) for _ in range(5)))

    with later(seconds=10):
        assert expiry.expire_due()["expired"] >= 20

    assert books.balance("alice") == {"available": 100}
    assert Hold.objects.filter(tenant=books.tenant, status="expired").count() == 20


def test_sweepers_at_once_share_the_work(books: Story, monkeypatch) -> None:
    monkeypatch.setattr(expiry, "PAGE", 10)
    for _ in range(5):
        books.execute(*(books.call("place_hold", account="alice", amount=1, expires_in=10) for _ in range(20)))

    with later(seconds=10):
        outcomes = together([expiry.expire_due] * 4)

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    with later(seconds=10):
        expiry.expire_due()
    ended = Event.objects.filter(tenant=books.tenant, type="hold.expired")
    assert ended.count() == 100, "each hold ended once"
    assert books.balance("alice") == {"available": 100}
    books.right()


def test_a_tenant_whose_rows_are_busy_does_not_stop_the_others(books: Story) -> None:
    other = Story()
    other.open("alice", funded=100)
    stuck, free = books.hold(10, expires_in=10), other.hold(10, expires_in=10)

    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT FROM accounts_balance WHERE tenant_id = %s FOR UPDATE", [books.tenant])
        with connections["default"].cursor() as waiting:
            waiting.execute("SET lock_timeout = '200ms'")
        try:
            with later(seconds=10):
                tally = expiry.expire_due()
        finally:
            connections["default"].close()

    assert tally["busy"] == 1
    assert books.state(stuck)[0] == "pending"
    assert other.state(free)[0] == "expired"
    with later(seconds=10):
        expiry.expire_due()
    assert books.state(stuck)[0] == "expired"


def test_the_command_says_what_it_did(books: Story, capsys) -> None:
    books.hold(10, expires_in=10)

    with later(seconds=10):
        call_command("expire_holds")

    assert "expired" in capsys.readouterr().out
    assert books.balance("alice") == {"available": 100}
