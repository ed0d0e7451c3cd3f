"""How far webhooks are behind, as a metric: of who could be told, and was not."""

from datetime import timedelta

from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import fanout, sender
from ledger_project.webhooks.tests.conftest import Register, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Receiver, Reply
from ledger_project.webhooks.tests.test_retry import figures

DAY = 24 * 3600


def lag() -> float:
    return figures()["ledger_webhook_lag_seconds"]


def of_yesterday() -> Ledger:
    with clock.moved(timedelta(seconds=-DAY)):
        return Ledger()


def test_an_event_is_late_from_its_seal_until_it_was_told(register: Register, receiver: Receiver) -> None:
    ledger = of_yesterday()
    with clock.moved(timedelta(seconds=-DAY)):
        register("credits.*", to=ledger, ordered=False)
        sealing.seal()
        sender.deliver()
        ledger.open("alice", funded=100)
        assert lag() < DAY, "what is not sealed is the sealer's affair"

        sealing.seal()
        assert lag() >= DAY, "nobody has read it for the endpoint"
        fanout.spread(fanout.Each("fan_out"))
        assert lag() >= DAY, "nobody has sent it"
        sender.deliver()

    assert len(receiver.received) == 1
    assert lag() < DAY


def test_an_endpoint_that_fails_and_what_it_refused_are_counted_elsewhere(
    register: Register, receiver: Receiver
) -> None:
    ledger = of_yesterday()
    receiver.behaves = lambda request: Reply(500)
    with clock.moved(timedelta(seconds=-DAY)):
        register("credits.*", to=ledger)
        ledger.open("alice", funded=100)
        seal_and_deliver()

    assert len(receiver.received) == 1
    assert lag() < DAY
    assert figures()["ledger_webhooks_failing"] >= 1
