"""Retries: back-off held in rows, order while it can be kept, and an end to it where there is no hope."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import Settings

from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.outbound import transport
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import schedule, sender
from ledger_project.webhooks.metrics import WebhookCollector
from ledger_project.webhooks.models import Attempt
from ledger_project.webhooks.tests.conftest import Register, Webhook, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Received, Receiver, Reply

pytestmark = pytest.mark.slow

MINUTES_5 = timedelta(minutes=5)


def later(by: timedelta) -> int:
    """Deliver as if it were later."""
    with clock.moved(by):
        return sender.deliver()


def until_due(hook: Webhook) -> timedelta:
    """How long from now until the sender looks at this webhook again."""
    due_at = hook.row.cursor.due_at
    assert due_at is not None
    return due_at - clock.now() + timedelta(milliseconds=1)


def attempts(hook: Webhook) -> list[tuple[int | None, str]]:
    rows = Attempt.objects.filter(delivery__endpoint=hook.row).order_by("started_at")
    return [(row.status, row.error) for row in rows]


@pytest.fixture
def one(ledger: Ledger, register: Register) -> Webhook:
    """A webhook with one event to be told of."""
    hook = register("credits.*")
    ledger.open("alice", funded=100)
    return hook


def answering(*statuses: int) -> Callable[[Received], Reply]:
    """These statuses one after the other, then 200."""
    left = list(statuses)
    return lambda request: Reply(left.pop(0) if left else 200)


def test_what_fails_is_sent_again_under_the_same_id(one: Webhook, receiver: Receiver) -> None:
    receiver.behaves = answering(500)

    seal_and_deliver()
    assert one.states == ["pending"]
    assert sender.deliver() == 0, "not before it is due"
    later(until_due(one))

    assert one.states == ["delivered"]
    first, second = receiver.received
    assert first.id == second.id == str(one.deliveries[0])
    assert first.body == second.body
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert attempts(one) == [(500, ""), (200, "")]


def test_ten_attempts_over_75_hours_and_then_it_has_failed(one: Webhook, receiver: Receiver) -> None:
    receiver.behaves = lambda request: Reply(503)
    seal_and_deliver()
    passed = [timedelta()]
    while one.row.cursor.due_at is not None:
        passed.append(until_due(one))
        later(passed[-1])

    assert len(receiver.received) == schedule.MOST_ATTEMPTS == 10
    assert one.states == ["failed"]
    assert timedelta(hours=67) < passed[-1] < timedelta(hours=84)
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(passed)]
    for gap, planned in zip(gaps, schedule.DELAYS, strict=True):
        assert 0.89 < gap / planned.total_seconds() < 1.15
    assert one.row.enabled, "one event that a receiver cannot take does not end the others"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 429, 500, 502, 504, 599])
def test_only_2xx_is_success(one: Webhook, receiver: Receiver, status: int) -> None:
    receiver.behaves = lambda request: Reply(status, headers={"Location": f"{receiver.url}/elsewhere"})

    seal_and_deliver()

    assert one.states == ["pending"]
    assert [request.path for request in receiver.received] == ["/hook"], "a redirect is not followed"
    assert attempts(one) == [(status, "")]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_success(one: Webhook, receiver: Receiver, status: int) -> None:
    receiver.behaves = lambda request: Reply(status, body=b"")

    seal_and_deliver()

    assert one.states == ["delivered"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(wait=3), "timeout"),
        (Reply(drip=0.3), "timeout"),
        (Reply(hang_up=True), "connection"),
    ],
)
def test_no_answer_in_time_is_a_failure(
    one: Webhook, receiver: Receiver, reply: Reply, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "DEADLINE", 1.0)
    receiver.behaves = lambda request: reply

    seal_and_deliver()

    assert one.states == ["pending"]
    assert attempts(one) == [(None, error)]
    assert Attempt.objects.get(delivery=one.deliveries[0]).milliseconds < 2000


def test_nobody_listens(one: Webhook, receiver: Receiver) -> None:
    receiver.stop()

    seal_and_deliver()

    assert attempts(one) == [(None, "connection")]


def test_an_endless_answer_is_cut_off(one: Webhook, receiver: Receiver) -> None:
    receiver.behaves = lambda request: Reply(200, body=b"\x00<b>" + b"x" * 5_000_000)

    seal_and_deliver()

    assert one.states == ["delivered"]
    detail = Attempt.objects.get(delivery=one.deliveries[0]).detail
    assert detail.startswith("<b>x")
    assert len(detail) <= transport.EXCERPT


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        *(("120", 119, 121), ("99999999", 3599, 3601), ("1" * 5000, 3599, 3601)),
        *(("soon", 4, 6), ("-5", 4, 6), ("0", 4, 6), ("", 4, 6)),
        ("Thu, 26 Nov 2026 03:00:00 +99999999999999999999", 4, 6),
        ("Thu, 26 Nov 99999999999999999999 03:00:00 GMT", 4, 6),
    ],
)
def test_retry_after_is_honoured_within_bounds(
    one: Webhook, receiver: Receiver, asked: str, least: int, most: int
) -> None:
    receiver.behaves = lambda request: Reply(429, headers={"Retry-After": asked})

    seal_and_deliver()

    assert timedelta(seconds=least) <= until_due(one) <= timedelta(seconds=most)


def test_retry_after_may_be_a_date(one: Webhook, receiver: Receiver) -> None:
    moment = (clock.now() + timedelta(minutes=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    receiver.behaves = lambda request: Reply(503, headers={"Retry-After": moment})

    seal_and_deliver()

    assert timedelta(seconds=110) < until_due(one) < timedelta(seconds=125)


def test_410_disables_and_enabling_goes_on_where_it_stopped(ledger: Ledger, one: Webhook, receiver: Receiver) -> None:
    receiver.behaves = answering(410)
    seal_and_deliver()
    assert (one.row.enabled, one.row.disabled_reason) == (False, "gone")
    assert ledger.tail() == ["webhook.disabled"]
    ledger.run("mint", account="alice", amount=1)
    seal_and_deliver()
    assert len(receiver.received) == 1, "nothing is sent to what is gone"

    one.run("update_webhook", enabled=True)
    seal_and_deliver()

    assert one.states == ["delivered", "delivered"]
    assert len(receiver.received) == 3


def test_an_endpoint_that_fails_for_days_is_disabled_and_loses_nothing(
    ledger: Ledger, one: Webhook, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_DISABLE_AFTER_DAYS = 1
    receiver.behaves = lambda request: Reply(500)
    seal_and_deliver()
    while one.row.enabled:
        later(until_due(one))
    assert one.row.disabled_reason == "failing"
    assert ledger.tail() == ["webhook.disabled"]
    ledger.run("mint", account="alice", amount=1)

    receiver.behaves = answering()
    one.run("update_webhook", enabled=True)
    seal_and_deliver()

    assert one.states == ["delivered", "delivered"]


def test_order_is_kept_for_three_attempts_and_then_the_others_go_on(
    ledger: Ledger, register: Register, receiver: Receiver
) -> None:
    hook = register("credits.*")
    ledger.open("alice")
    done = [ledger.run("mint", account="alice", amount=n) for n in (1, 2, 3)]
    poison = done[0].document["id"].encode()
    receiver.behaves = lambda request: Reply(500 if poison in request.body else 200)

    seal_and_deliver()
    assert hook.states == ["pending"] * 3
    later(until_due(hook))
    assert hook.states == ["pending"] * 3
    later(until_due(hook))
    assert hook.states == ["pending"] * 3
    assert len(set(receiver.ids)) == 1, "nothing overtakes the first one yet"
    assert until_due(hook) < timedelta(minutes=12)
    later(until_due(hook))
    assert hook.states == ["pending", "delivered", "pending"], "a success wakes what waits, which fails once more"
    later(until_due(hook))

    assert hook.states == ["pending", "delivered", "delivered"]


def test_an_endpoint_that_is_down_is_asked_every_five_minutes_and_recovers_at_once(
    ledger: Ledger, register: Register, receiver: Receiver
) -> None:
    hook = register("credits.*")
    ledger.open("alice")
    for n in range(1, 21):
        ledger.run("mint", account="alice", amount=n)
    receiver.behaves = lambda request: Reply(500)
    seal_and_deliver()
    asked, passed = 1, timedelta()
    while passed < timedelta(hours=10):
        passed = until_due(hook)
        asked += later(passed)
    assert asked < 140, "120 times five minutes, and a few at the beginning"
    assert hook.row.enabled

    receiver.behaves = answering()
    later(until_due(hook))

    assert hook.states == ["delivered"] * 20
    assert hook.row.cursor.failing_since is None


def test_what_does_not_keep_up_waits_in_the_log(
    ledger: Ledger, register: Register, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger_project.webhooks.fanout.MOST_PENDING", 5)
    monkeypatch.setattr("ledger_project.webhooks.fanout.PAGE", 4)
    hook = register("credits.*")
    ledger.open("alice")
    for n in range(1, 21):
        ledger.run("mint", account="alice", amount=n)
    receiver.behaves = lambda request: Reply(500)
    seal_and_deliver()
    sender.deliver()
    assert len(hook.deliveries) <= 8

    receiver.behaves = answering()
    later(until_due(hook))

    assert hook.states == ["delivered"] * 20
    assert len(set(receiver.ids)) == 20


def test_a_secret_that_cannot_be_read_fails_loudly_and_not_for_ever(
    one: Webhook, receiver: Receiver, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another key, and the old one was thrown away"
    seal_and_deliver()
    assert attempts(one) == [(None, "unreadable_secret")]
    assert "was the secret key changed?" in caplog.text

    settings.SECRET_KEY_FALLBACKS = [old]
    later(until_due(one))

    assert one.states == ["delivered"]


def test_two_senders_at_once_send_everything_once(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice")
    for n in range(1, 101):
        ledger.run("mint", account="alice", amount=n)
    sealing.seal()

    together([sender.deliver, sender.deliver, sender.deliver])

    assert hook.states == ["delivered"] * 100
    assert len(receiver.received) == 100
    assert len(set(receiver.ids)) == 100


def test_the_metrics_say_how_webhooks_fare(one: Webhook, receiver: Receiver) -> None:
    receiver.behaves = lambda request: Reply(500)
    before = figures()
    seal_and_deliver()

    after = figures()

    assert after["ledger_webhooks_failing"] == before["ledger_webhooks_failing"] + 1
    assert after["ledger_webhook_deliveries_pending"] == before["ledger_webhook_deliveries_pending"] + 1
    assert after["ledger_webhook_overdue_seconds"] >= 0
    assert after["ledger_event_stream_behind"] > 0


def figures() -> dict[str, float]:
    return {metric.name: metric.samples[0].value for metric in WebhookCollector().collect()}
