"""Receivers and webhooks for tests. What a test registered is deleted after it, since senders serve all tenants."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from pytest_django import Settings

from ledger_project.kernel import ids
from ledger_project.log import sealing
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import queries, sender
from ledger_project.webhooks.models import Delivery, Endpoint
from ledger_project.webhooks.tests.receiver import Receiver


@dataclass
class Webhook:
    """A registered webhook and the receiver behind it."""

    ledger: Ledger
    receiver: Receiver
    id: str
    secret: str

    @property
    def row(self) -> Endpoint:
        return Endpoint.objects.select_related("cursor").get(pk=ids.read("wbh", self.id))

    @property
    def deliveries(self) -> list[Delivery]:
        return list(Delivery.objects.filter(endpoint=self.row).order_by("log_index"))

    def run(self, command: str, **arguments: Any) -> Any:
        return self.ledger.run(command, webhook=self.id, **arguments)

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.deliveries]


@pytest.fixture
def loopback(settings: Settings) -> None:
    """Let webhooks go to this machine."""
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


@pytest.fixture
def receiver(loopback: None) -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


Register = Callable[..., Webhook]


@pytest.fixture
def register(ledger: Ledger, receiver: Receiver) -> Iterator[Register]:
    """Register webhooks: `register("hold.*")`. Its own registration is delivered only where it is asked for."""
    made: list[Webhook] = []

    def register(*types: str, url: str | None = None, to: Ledger | None = None, **more: Any) -> Webhook:
        books = to or ledger
        done = books.run(
            "register_webhook", url=url or receiver.url, types=list(types or ("credits.*", "transfer.*")), **more
        )
        shown = done.document["result"]["webhook"]
        made.append(Webhook(books, receiver, shown["id"], queries.secret(shown["id"], 1)))
        return made[-1]

    yield register
    for each in made:
        if each.row.deleted_at is None:
            each.run("delete_webhook")


def seal_and_deliver() -> int:
    """What the clock does every second."""
    sealing.seal()
    return sender.deliver()
