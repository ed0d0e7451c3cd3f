"""Webhooks in the back office: how they fare, what they were told, and sending one again."""

import re
from typing import Any

from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import staff
from ledger_project.webhooks import sender
from ledger_project.webhooks.tests.conftest import Register, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Receiver, Reply


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def submit(client: Any, address: str) -> Any:
    """Open an operation's page and confirm it."""
    page = client.get(address)
    token = re.search(r'name="token" value="([0-9a-f]+)"', page.content.decode())
    assert token is not None
    return client.post(address, {"token": token[1]}, follow=True)


def test_a_webhooks_page_says_how_it_fares_and_shows_no_secret(
    ledger: Ledger, register: Register, receiver: Receiver
) -> None:
    hook = register("credits.*")
    receiver.behaves = lambda request: Reply(500, body=b"out of order")
    ledger.open("alice", funded=1)
    seal_and_deliver()
    client = staff("ledger_viewer")

    page = text_of(client.get(f"/admin/webhooks/endpoint/{hook.id}/change/"))
    listed = text_of(client.get(f"/admin/webhooks/endpoint/?tenant={ledger.tenant}"))
    delivery = text_of(client.get(f"/admin/webhooks/delivery/{hook.deliveries[0]}/change/"))

    assert "failing" in page
    assert "credits.minted" in page
    assert receiver.url in listed
    assert "500" in delivery
    assert "out of order" in delivery
    for shown in (page, listed, delivery):
        assert hook.secret.removeprefix("whsec_") not in shown


def test_an_operator_disables_enables_and_sends_again(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice", funded=1)
    seal_and_deliver()
    client = staff("ledger_operator")

    submit(client, f"/admin/webhooks/endpoint/{hook.id}/do/disable_webhook/")
    assert (hook.row.enabled, hook.row.disabled_reason) == (False, "requested")
    submit(client, f"/admin/webhooks/endpoint/{hook.id}/do/update_webhook/")
    assert hook.row.enabled
    submit(client, f"/admin/webhooks/delivery/{hook.deliveries[0]}/do/redeliver_webhook/")
    sender.deliver()

    assert receiver.ids == [receiver.ids[0]] * 2
    assert ledger.tail(3) == ["webhook.disabled", "webhook.updated", "webhook.redelivered"]
    submit(client, f"/admin/webhooks/endpoint/{hook.id}/do/delete_webhook/")
    assert hook.row.deleted_at is not None


def test_a_viewer_does_none_of_it(register: Register) -> None:
    hook = register("credits.*")
    client = staff("ledger_viewer")

    for command in ("disable_webhook", "delete_webhook"):
        assert client.get(f"/admin/webhooks/endpoint/{hook.id}/do/{command}/").status_code == 403
    assert hook.row.enabled
