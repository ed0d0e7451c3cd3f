"""An event as those outside see it: in webhooks, in the event stream, in Redis.

It is the document that was hashed, with its place in the log beside it. Who drops `log_index`, `content_hash` and
`seed_types` again holds the bytes whose SHA-256 over canonical JSON is the content hash (docs/log-format.md), unless
something was left out: `redacted` names arguments that are nobody's business, and says `others` where what other
accounts have was kept from an account's own key; `thin` says that the event is too big for a message and must be
fetched by its id.
"""

import json
from typing import Any
from uuid import UUID

from ledger_project.kernel import ids
from ledger_project.log import documents
from ledger_project.log.command import COMMANDS
from ledger_project.log.feed import Sealed
from ledger_project.webhooks import subscriptions

OTHERS = "others"
BODY_LIMIT = 20_000  # bytes, as Standard Webhooks advises

_THIN = ("version", "id", "tenant", "type", "command", "idempotency_key", "actor", "recorded_at")


def data(event: Sealed, only: UUID | None = None) -> dict[str, Any]:
    """The event with all it carries; with what one account may see of it, if one is given."""
    document = event.document if only is None else documents.seen_by(event.document, ids.show("acc", only))
    shown = {**document, **_place(event)}
    declared = COMMANDS.get(event.document["command"])
    secrets = sorted(declared.secrets & shown["payload"].keys()) if declared else []
    if secrets:
        shown["payload"] = {name: value for name, value in shown["payload"].items() if name not in secrets}
        shown["redacted"] = secrets
    if document != event.document:
        shown["redacted"] = [*secrets, OTHERS]
    return shown


def thin(event: Sealed) -> dict[str, Any]:
    """The event without what it carries, for `GET /v1/events/{id}` to complete."""
    return {**{name: event.document[name] for name in _THIN}, **_place(event), "thin": True}


def encode(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def body(event: Sealed, only: UUID | None = None) -> bytes:
    """What is posted to a webhook, the same at every attempt: `{"type", "timestamp", "data"}`."""
    whole = encode(_envelope(event, data(event, only)))
    return whole if len(whole) < BODY_LIMIT else encode(_envelope(event, thin(event)))


def line(event: Sealed, only: UUID | None = None) -> bytes:
    """The event on its own, for streams."""
    whole = encode(data(event, only))
    return whole if len(whole) < BODY_LIMIT else encode(thin(event))


def _envelope(event: Sealed, shown: dict[str, Any]) -> dict[str, Any]:
    return {"type": event.document["type"], "timestamp": event.document["recorded_at"], "data": shown}


def _place(event: Sealed) -> dict[str, Any]:
    return {
        "log_index": event.log_index,
        "content_hash": event.content_hash.hex(),
        "seed_types": list(subscriptions.seed_types(event.document["command"])),
    }
