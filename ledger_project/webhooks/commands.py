"""Commands about webhooks: who is told of what, and what is told again.

Secrets are neither arguments nor results: a plan makes one, its row is written encrypted, and the interface reads it
once for the caller who made the call (api/views.py).
"""

from ledger_project.kernel import ids
from ledger_project.kernel.fields import Flag
from ledger_project.log.command import command
from ledger_project.log.unit import Unit
from ledger_project.outbound.addresses import require_registrable
from ledger_project.outbound.errors import UnsafeUrl
from ledger_project.webhooks import signing, subscriptions
from ledger_project.webhooks.errors import (
    DeliveryNotFound,
    TooManyWebhooks,
    UnknownEventType,
    WebhookDisabled,
    WebhookNotFound,
)
from ledger_project.webhooks.fields import (
    DeliveryId,
    Description,
    DisabledReason,
    EventTypes,
    LogIndex,
    Url,
    WebhookId,
)
from ledger_project.webhooks.rows import ALL_SLOTS, SLOTS, DeliveryRow, EndpointRow


@command(
    event="webhook.registered",
    refuses=(UnsafeUrl, UnknownEventType, TooManyWebhooks),
    also_wants=lambda call: [ALL_SLOTS],
    own=(),
)
def register_webhook(
    books: Unit,
    *,
    url: Url,
    types: EventTypes,
    description: Description | None = None,
    ordered: Flag = True,
) -> None:
    """Tell a URL of events of these types, from this one on. Its signing secret is shown in this answer only.

    One event at a time in the order of the log, unless `ordered` is false: then several are under way at once.

    A webhook of an account's own key is that account's: it is told of what concerns it, without what others have.
    """
    require_registrable(url)
    _require_known(types)
    slot = next((n for n in range(SLOTS) if books.find(EndpointRow, ("slot", n)) is None), None)
    if slot is None:
        raise TooManyWebhooks(limit=SLOTS)
    row = EndpointRow(
        id=books.new_id(),
        url=url,
        types=types,
        description=description or "",
        enabled=True,
        disabled_reason="",
        disabled_at=None,
        secret_generation=1,
        secret_rotated_at=None,
        created_at=books.now,
        deleted_at=None,
        slot=slot,
        account=books.caller.account,
        ordered=ordered,
        secrets={1: signing.seal(signing.make_secret())},
    )
    books.result["webhook"] = books.add(row, ("slot", slot)).document()


@command(event="webhook.updated", refuses=(WebhookNotFound, UnsafeUrl, UnknownEventType), own=())
def update_webhook(
    books: Unit,
    *,
    webhook: WebhookId,
    url: Url | None = None,
    types: EventTypes | None = None,
    description: Description | None = None,
    ordered: Flag | None = None,
    enabled: Flag | None = None,
) -> None:
    """Change a webhook; what is left out stays. Enabled again, or at another URL, it goes on where it stopped."""
    row = _webhook(books, webhook)
    if url is not None:
        require_registrable(url)
        row.afresh = row.afresh or url != row.url
        row.url = url
    if types is not None:
        _require_known(types)
        row.types = types
    if description is not None:
        row.description = description
    if ordered is not None:
        row.ordered = ordered
    if enabled is not None and enabled != row.enabled:
        _switch(books, row, "" if enabled else "requested")
    _show(books, row)


@command(event="webhook.deleted", refuses=(WebhookNotFound,), own=())
def delete_webhook(books: Unit, *, webhook: WebhookId) -> None:
    """Tell this URL nothing more; what was not delivered yet is cancelled, and the secrets are forgotten."""
    row = _webhook(books, webhook)
    row.deleted_at, row.slot = books.now, None
    _show(books, row)


@command(event="webhook.secret_rotated", refuses=(WebhookNotFound,), own=())
def rotate_webhook_secret(books: Unit, *, webhook: WebhookId) -> None:
    """Make a new signing secret, shown in this answer only. The one before it signs as well for 24 hours.

    No more than two are ever good: a second rotation within the 24 hours ends the oldest at once.
    """
    row = _webhook(books, webhook)
    row.secret_generation += 1
    row.secret_rotated_at = books.now
    row.secrets[row.secret_generation] = signing.seal(signing.make_secret())
    _show(books, row)


@command(event="webhook.disabled", refuses=(WebhookNotFound, WebhookDisabled), own=())
def disable_webhook(books: Unit, *, webhook: WebhookId, reason: DisabledReason = "requested") -> None:
    """Stop telling a URL: on request, or because it answered 410 (`gone`) or nothing has reached it for days."""
    row = _webhook(books, webhook)
    _require_enabled(row)
    _switch(books, row, reason)
    _show(books, row)


@command(event="webhook.replayed", refuses=(WebhookNotFound, WebhookDisabled), own=())
def replay_webhook(books: Unit, *, webhook: WebhookId, from_log_index: LogIndex) -> None:
    """Tell everything again from this index of the log on, also what was before the webhook. Ids stay the same."""
    row = _webhook(books, webhook)
    _require_enabled(row)
    row.replay_from = min(from_log_index, from_log_index if row.replay_from is None else row.replay_from)
    row.afresh = True
    _show(books, row)


@command(event="webhook.redelivered", refuses=(WebhookNotFound, DeliveryNotFound, WebhookDisabled), own=())
def redeliver_webhook(books: Unit, *, webhook: WebhookId, delivery: DeliveryId) -> None:
    """Send one delivery again, under its id. The webhook's back-off ends with it."""
    row = _webhook(books, webhook)
    again = books.find(DeliveryRow, delivery)
    if again is None or again.webhook != row.id:
        raise DeliveryNotFound(delivery=ids.show("dlv", delivery))
    _require_enabled(row)
    again.state, again.changed = "pending", True
    row.afresh = row.changed = True
    books.result["delivery"] = again.document()


def _webhook(books: Unit, key: WebhookId) -> EndpointRow:
    """Refuses: WebhookNotFound."""
    row = books.find(EndpointRow, key)
    if row is None or row.deleted_at is not None:
        raise WebhookNotFound(webhook=ids.show("wbh", key))
    return row


def _require_enabled(row: EndpointRow) -> None:
    """Refuses: WebhookDisabled."""
    if not row.enabled:
        raise WebhookDisabled(webhook=ids.show("wbh", row.id), reason=row.disabled_reason)


def _require_known(types: list[str]) -> None:
    """Refuses: UnknownEventType."""
    for pattern in types:
        if not subscriptions.means_something(pattern):
            raise UnknownEventType(type=pattern)


def _switch(books: Unit, row: EndpointRow, reason: str) -> None:
    """Enable (no reason), or disable for a reason."""
    row.enabled, row.disabled_reason = not reason, reason
    row.disabled_at = books.now if reason else None
    row.afresh = row.afresh or row.enabled


def _show(books: Unit, row: EndpointRow) -> None:
    row.changed = True
    books.result["webhook"] = row.document()
