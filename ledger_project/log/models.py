"""The log's one table. Rows are written by the executor alone and never changed (see sql/)."""

from typing import Any

from django.db import models
from django.db.models.functions import Now


class Xid8Field(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's 64-bit transaction id."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class JSONTextField(models.JSONField):
    """`json`, not `jsonb`: kept as written, so an answer is replayed to the byte; nothing searches inside."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        # psycopg reads `json` itself; Django has it leave only `jsonb` as text.
        return value


class CurrentXid(models.Func):
    function = "pg_current_xact_id"
    output_field = Xid8Field()


class Event(models.Model):
    """One accepted command.

    `payload` holds the arguments as given, `result` what the command made and the balances after it, and
    `content_hash` the SHA-256 of the whole event in canonical JSON, its entry and postings included.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    type = models.TextField()
    command = models.TextField()
    idempotency_key = models.TextField()
    actor = models.TextField()
    payload = JSONTextField()
    result = JSONTextField()
    content_hash = models.BinaryField()
    insert_xid = Xid8Field(db_default=CurrentXid())
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="idempotency_key_reused"),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="event_page"),
            # Rare types are found here; transfers, the bulk, are met soon enough on the page index and pay nothing.
            models.Index(
                fields=["tenant", "type", "id"], condition=~models.Q(type="transfer.posted"), name="event_type_page"
            ),
        ]

    def __str__(self) -> str:
        return f"evt_{self.id.hex}"
