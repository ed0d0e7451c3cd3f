"""Payouts: every withdrawal reaches the executor, and whatever crashes, none is paid twice or forgotten."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from holds import payouts
from holds.errors import HoldNotPending, WithdrawalUnderWay
from holds.executors import HttpExecutor, ManualExecutor, NotPaid, Paid, Unknown, configured
from holds.models import Hold, Payout
from holds.payouts import LEASE, pay_pending
from holds.tasks import pay_withdrawals
from holds.tests.receiver import Receiver
from holds.tests.story import Story, later
from ledger_project.kernel import clock
from ledger_project.log.models import Event
from ledger_project.testing.crowd import together

pytestmark = pytest.mark.slow

AFTER_THE_LEASE = {"seconds": int(LEASE.total_seconds()) + 1}


@pytest.fixture(autouse=True)
def nothing_else_to_pay():
    """Payouts are for all tenants: what other tests left pending is not for this one's executor."""
    pay_all_with(lambda payment: NotPaid("another test's"))


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def http(receiver: Receiver) -> HttpExecutor:
    return HttpExecutor(url=receiver.url, token="s3cret")


class Scripted:
    """An executor that answers as told; not a mock of ours, an executor like any other."""

    automatic = True

    def __init__(self, pay) -> None:
        self.pay = pay


def pay_all_with(pay) -> None:
    with clock.moved(timedelta(days=1)):
        while pay_pending(Scripted(pay), limit=1000):
            pass


def test_by_default_finance_pays_by_hand(books: Story, capsys) -> None:
    withdrawal = books.withdrawal(60)

    assert isinstance(configured(), ManualExecutor)
    pay_withdrawals()
    call_command("pay_withdrawals")

    assert "by hand" in capsys.readouterr().out
    assert books.state(withdrawal) == ("pending", 0, 0)
    assert not Payout.objects.filter(tenant=books.tenant).exists()
    books.run("confirm_withdrawal", withdrawal=withdrawal, external_ref="0x1")


def test_the_http_executor_posts_each_withdrawal_once(books: Story, http: HttpExecutor, receiver: Receiver) -> None:
    withdrawals = [books.withdrawal(10, references={"ticket": str(n)}) for n in range(3)]

    tally = pay_pending(http)

    assert tally == {"paid": 3}
    assert [request["body"]["withdrawal"] for request in receiver.requests] == withdrawals
    first = receiver.requests[0]
    assert first["body"] == {
        "withdrawal": withdrawals[0],
        "account": "alice",
        "amount": "10",
        "currency": "CRD",
        "scale": 0,
        "destination": "0xa11ce",
        "references": {"ticket": "0"},
    }
    assert first["headers"]["Idempotency-Key"] == withdrawals[0]
    assert first["headers"]["Authorization"] == "Bearer s3cret"
    assert [books.state(withdrawal) for withdrawal in withdrawals] == [("confirmed", 10, 0)] * 3
    assert books.stored(withdrawals[0]).external_ref == f"0x{withdrawals[0][-16:]}"
    assert books.balance("alice") == {"available": 70}
    assert pay_pending(http) == {}
    books.right()


def test_the_settings_choose_the_executor(books: Story, receiver: Receiver, settings, capsys) -> None:
    settings.WITHDRAWAL_EXECUTOR = "holds.executors.HttpExecutor"
    with pytest.raises(ImproperlyConfigured):
        pay_withdrawals()
    settings.WITHDRAWAL_EXECUTOR_URL = receiver.url
    withdrawal, second = books.withdrawal(10), books.withdrawal(10)

    call_command("pay_withdrawals", limit=1)
    pay_withdrawals()

    assert capsys.readouterr().out.strip() == "1 paid"
    assert [books.state(each)[0] for each in (withdrawal, second)] == ["confirmed", "confirmed"]
    assert "Authorization" not in receiver.requests[0]["headers"]


def test_what_the_payer_refuses_goes_back(books: Story, http: HttpExecutor, receiver: Receiver) -> None:
    receiver.answers = [(200, {"status": "failed", "reason": "unknown destination\n"})]
    withdrawal = books.withdrawal(60)

    assert pay_pending(http) == {"failed": 1}

    assert books.state(withdrawal) == ("failed", 0, 60)
    assert books.stored(withdrawal).reason == "unknown destination "
    assert books.balance("alice") == {"available": 100}


UNCLEAR = [
    (500, {"status": "failed"}),
    (422, {"status": "failed", "reason": "r"}),
    (307, {}),
    (200, {"status": "pending"}),
    (200, {"status": "paid"}),
    (200, {"status": "paid", "external_ref": 7}),
    (200, ["paid"]),
    (200, b"paid"),
    (200, b" " * 70_000 + b'{"status": "failed", "reason": "r"}'),
]


@pytest.mark.parametrize("unclear", UNCLEAR, ids=lambda answer: str(answer)[:30])
def test_an_unclear_answer_changes_nothing_and_is_asked_again_under_the_same_id(
    books: Story, http: HttpExecutor, receiver: Receiver, unclear
) -> None:
    receiver.answers = [unclear]
    withdrawal = books.withdrawal(60)

    assert pay_pending(http) == {"unknown": 1}

    assert books.state(withdrawal) == ("pending", 0, 0)
    payout = Payout.objects.get(pk=withdrawal[4:])
    assert (payout.attempts, payout.answer, payout.leased_until) == (1, "", None)
    assert payout.last_error
    assert pay_pending(http) == {}, "not before its pause is over"
    with later(seconds=11):
        assert pay_pending(http) == {"paid": 1}
    assert [request["headers"]["Idempotency-Key"] for request in receiver.requests] == [withdrawal] * 2
    assert receiver.requests[0]["body"] == receiver.requests[1]["body"]


def test_nobody_there_is_unclear(books: Story, receiver: Receiver) -> None:
    receiver.close()
    books.withdrawal(60)

    assert pay_pending(HttpExecutor(url=receiver.url)) == {"unknown": 1}


def test_the_pauses_grow_to_an_hour(books: Story) -> None:
    withdrawal = books.withdrawal(60)
    pauses = []
    for attempt in range(12):
        with later(days=attempt):
            asked = payouts.database_now()
            assert pay_pending(Scripted(lambda payment: Unknown("pending"))) == {"unknown": 1}
            payout = Payout.objects.get(pk=withdrawal[4:])
            pauses.append(round((payout.next_try_at - asked).total_seconds()))

    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]


def test_crash_before_the_request(books: Story, http: HttpExecutor, receiver: Receiver) -> None:
    """The worker was killed with the lease in its hand: the next one asks when the lease is over."""
    withdrawal = books.withdrawal(60)
    assert payouts.take_on() is not None

    assert pay_pending(http) == {}
    with later(**AFTER_THE_LEASE):
        assert pay_pending(http) == {"paid": 1}

    assert receiver.paid == {withdrawal: 1}


def test_crash_between_request_and_answer(books: Story, http: HttpExecutor, receiver: Receiver) -> None:
    """Paid, and the worker was killed before it noted so: the same id is asked again and nothing is paid again."""
    withdrawal = books.withdrawal(60)
    task = payouts.take_on()
    assert task is not None
    assert isinstance(http.pay(task.payment), Paid)

    with later(**AFTER_THE_LEASE):
        assert pay_pending(http) == {"paid": 1}

    assert receiver.paid == {withdrawal: 1}
    assert len(receiver.requests) == 2
    assert books.state(withdrawal) == ("confirmed", 60, 0)
    assert books.balance("alice") == {"available": 40}
    books.right()


@pytest.mark.parametrize(("answer", "state"), [(Paid("0x1"), ("confirmed", 60, 0)), (NotPaid("no"), ("failed", 0, 60))])
def test_crash_between_answer_and_ledger(books: Story, http: HttpExecutor, receiver: Receiver, answer, state) -> None:
    """The answer was noted and the worker killed: the next one carries it out and asks nobody."""
    withdrawal = books.withdrawal(60)
    task = payouts.take_on()
    assert task is not None
    payouts.note(task, answer)

    with later(**AFTER_THE_LEASE):
        pay_pending(http)

    assert receiver.requests == []
    assert books.state(withdrawal) == state


def test_crash_after_the_ledger(books: Story, http: HttpExecutor, receiver: Receiver) -> None:
    """The worker was killed after everything: the repeated confirmation is a replay."""
    withdrawal = books.withdrawal(60)
    task = payouts.take_on()
    assert task is not None
    assert payouts.carry_out(task, Paid("0x1")) == "paid"
    size = books.size()

    assert payouts.carry_out(task, Paid("0x1")) == "paid"
    with later(**AFTER_THE_LEASE):
        pay_pending(http)

    assert (books.size(), receiver.requests) == (size, [])
    key = Event.objects.filter(tenant=books.tenant).latest("id").idempotency_key
    assert key == f"system:confirm:{withdrawal}"


def test_workers_at_once_share_the_work(books: Story, http: HttpExecutor, receiver: Receiver) -> None:
    withdrawals = [books.withdrawal(2) for _ in range(30)]

    outcomes = together([lambda: pay_pending(http)] * 4)

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    while pay_pending(http):
        pass
    assert len(receiver.requests) == 30, "each was asked for once"
    assert receiver.paid == dict.fromkeys(withdrawals, 1)
    assert books.balance("alice") == {"available": 40}
    books.right()


def test_a_withdrawal_on_its_way_is_not_failed_by_hand(books: Story) -> None:
    withdrawal = books.withdrawal(60)
    task = payouts.take_on()
    assert task is not None

    facts = books.refused(WithdrawalUnderWay, "fail_withdrawal", withdrawal=withdrawal, reason="r", not_paid=True)
    assert facts["sending"] is True
    payouts.note(task, Unknown("HTTP 500"))
    facts = books.refused(WithdrawalUnderWay, "fail_withdrawal", withdrawal=withdrawal, reason="r")
    assert facts["sending"] is False
    books.run("fail_withdrawal", withdrawal=withdrawal, reason="the payer was asked by telephone", not_paid=True)

    assert books.balance("alice") == {"available": 100}
    with later(**AFTER_THE_LEASE):
        assert payouts.take_on() is None


def test_failing_and_taking_on_at_once_is_one_or_the_other(books: Story) -> None:
    for _ in range(20):
        withdrawal = books.withdrawal(5)
        failed, task = together(
            [
                lambda w=withdrawal: books.run("fail_withdrawal", withdrawal=w, reason="r", key=w),
                payouts.take_on,
            ]
        )
        if isinstance(failed, WithdrawalUnderWay):
            assert task is not None
            assert not isinstance(task, Exception)
            payouts.carry_out(task, Paid(withdrawal))
            assert books.state(withdrawal) == ("confirmed", 5, 0)
        else:
            assert task is None, "what was failed is not sent, and what is sent is not failed"
            assert books.state(withdrawal) == ("failed", 0, 5)
    books.right()


def test_finance_may_confirm_what_the_executor_does_not_know(
    books: Story, http: HttpExecutor, receiver: Receiver
) -> None:
    receiver.answers = [(500, {})]
    withdrawal = books.withdrawal(60)
    pay_pending(http)

    books.run("confirm_withdrawal", withdrawal=withdrawal, external_ref="wire_7")

    with later(days=1):
        assert pay_pending(http) == {}
    books.refused(HoldNotPending, "confirm_withdrawal", withdrawal=withdrawal, external_ref="0x2")


def test_a_frozen_accounts_withdrawal_waits(books: Story, http: HttpExecutor, receiver: Receiver) -> None:
    withdrawal = books.withdrawal(60)
    books.run("freeze_account", account="alice")
    assert pay_pending(http) == {}

    books.run("unfreeze_account", account="alice")
    assert pay_pending(http) == {"paid": 1}

    assert books.state(withdrawal) == ("confirmed", 60, 0)


def test_frozen_while_it_was_being_paid(books: Story) -> None:
    """The payment happened; it is booked as soon as money may leave the account again, without asking twice."""
    withdrawal = books.withdrawal(60)

    def pay(payment):
        books.run("freeze_account", account="alice")
        return Paid("0x1")

    assert pay_pending(Scripted(pay)) == {"account_frozen": 1}
    payout = Payout.objects.get(pk=withdrawal[4:])
    assert (payout.answer, payout.external_ref) == ("paid", "0x1")
    assert "account_frozen" in payout.last_error
    books.run("unfreeze_account", account="alice")
    pay_all_with(lambda payment: pytest.fail("it was paid already"))

    assert books.state(withdrawal) == ("confirmed", 60, 0)
    assert books.stored(withdrawal).external_ref == "0x1"


@pytest.mark.parametrize("reference", ["x" * 256, "a\x00b", "0xtwin"])
def test_a_reference_that_the_ledger_cannot_take_waits_for_finance(books: Story, reference: str) -> None:
    books.run("confirm_withdrawal", withdrawal=books.withdrawal(1), external_ref="0xtwin")
    withdrawal = books.withdrawal(60)

    tally = pay_pending(Scripted(lambda payment: Paid(reference)))

    assert list(tally) in (["invalid_request"], ["duplicate_withdrawal"])
    assert books.state(withdrawal) == ("pending", 0, 0)
    assert Payout.objects.get(pk=withdrawal[4:]).last_error
    books.run("confirm_withdrawal", withdrawal=withdrawal, external_ref="found by hand")
    assert Hold.objects.get(pk=withdrawal[4:]).status == "confirmed"


def test_a_payment_is_json_without_numbers_that_lose_digits(
    books: Story, http: HttpExecutor, receiver: Receiver
) -> None:
    amount = 10**37 + 1
    books.open("whale", funded=amount)
    books.withdrawal(amount, account="whale")

    pay_pending(http)

    assert json.loads(json.dumps(receiver.requests[0]["body"]))["amount"] == str(amount)
