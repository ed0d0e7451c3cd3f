"""The log: events, written by the executor alone, and what seals them, written by the sealer alone.

Nothing here changes once it is written (see sql/), except what says how findings and deliveries fare.
"""

from typing import Any

from django.db import models
from django.db.models.functions import Now


class Xid8Field(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's 64-bit transaction id."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class SnapshotField(models.Field):  # type: ignore[type-arg]
    """Which transactions were over at a moment, as PostgreSQL writes it: `xmin:xmax:xids still running between`."""

    def db_type(self, connection: Any) -> str:
        return "pg_snapshot"


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


TRANSFER = "transfer.posted"  # the type of most events


class Event(models.Model):
    """One accepted command.

    `payload` holds the arguments as given, `result` what the command made and the balances after it, and
    `content_hash` the SHA-256 of the whole event in canonical JSON, its entry and postings included.
    """

    # Columns of eight bytes come first: between texts each would be padded to its place.
    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, db_constraint=False, related_name="+")
    insert_xid = Xid8Field(db_default=CurrentXid())
    recorded_at = models.DateTimeField(db_default=Now())
    type = models.TextField()
    command = models.TextField()
    idempotency_key = models.TextField()
    actor = models.TextField()
    payload = JSONTextField()
    result = JSONTextField()
    content_hash = models.BinaryField()

    class Meta:
        constraints = [
            # The key first: with the tenant first PostgreSQL takes this index for a tenant's list, and sorts it whole.
            models.UniqueConstraint(fields=["idempotency_key", "tenant"], name="idempotency_key_reused"),
        ]
        indexes = [
            # Transfers, the bulk, pay nothing for these: they are found by their entries (`queries.Newest`).
            models.Index(fields=["tenant", "id"], condition=~models.Q(type=TRANSFER), name="event_page"),
            models.Index(fields=["tenant", "type", "id"], condition=~models.Q(type=TRANSFER), name="event_type_page"),
            # Where the sealer finds what was committed since its last checkpoint.
            models.Index(fields=["insert_xid"], name="event_transaction"),
        ]

    def __str__(self) -> str:
        return f"evt_{self.id.hex}"


class Leaf(models.Model):
    """The place of one event in the sealed log, and its leaf of the Merkle tree (RFC 6962).

    There is no foreign key to the event: checking it would lock and dirty every event's row once more.
    """

    log_index = models.BigIntegerField(primary_key=True)
    tenant = models.ForeignKey(
        "accounts.Tenant", models.DO_NOTHING, db_index=False, db_constraint=False, related_name="+"
    )
    event = models.OneToOneField(Event, models.DO_NOTHING, db_constraint=False, related_name="leaf")
    leaf_hash = models.BinaryField()

    class Meta:
        verbose_name_plural = "leaves"
        indexes = [models.Index(fields=["tenant", "log_index"], name="leaf_feed")]

    def __str__(self) -> str:
        return f"leaf {self.log_index}"


class Node(models.Model):
    """The hash of one complete subtree of 2**level leaves; `log/tree.py` says which are stored."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField()

    def __str__(self) -> str:
        return f"node {self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed head of the log: every event that `snapshot` sees is among its first `size` leaves, and no other.

    A log that has not grown is signed again now and then, which shows that it has not.
    """

    size = models.BigIntegerField()
    root = models.BinaryField()
    note = models.TextField()
    snapshot = SnapshotField()
    recorded_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"checkpoint of {self.size} leaves"


class SealingFinding(models.Model):
    """Something that is not as it was posted or sealed. It raises an alarm until it is resolved.

    `content_mismatch`: an event's rows are not what was hashed when it was posted; it gets no leaf until they are.
    `log_altered`: the stored tree is not the one that was signed; nothing is sealed until it is again.
    `cut_back`: an anchor holds a checkpoint of more leaves than there are, as after a restore from a backup; `forked`:
    of other leaves. Both are about everything under one `origin`: nothing is sealed or sent under it any more.
    `fenced`: this may be a copy of a database that goes on; nothing is sealed or sent until an operator says so.
    `verification_failed`: the last check of the whole log found something.
    """

    kind = models.TextField()
    event = models.ForeignKey(
        Event, models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+"
    )
    detail = models.TextField(blank=True, default="")
    origin = models.TextField(blank=True, default="", db_default="")
    found_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "event", "origin"],
                condition=models.Q(resolved_at__isnull=True),
                nulls_distinct=False,
                name="sealing_finding_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id or ''}".strip()


class Instance(models.Model):
    """Which of several copies of this database it is: the newest row. Each was made by the first pass, or by `unfence`.

    The same id stands outside of the database (log/fence.py): where the two differ, this is a copy.
    """

    instance = models.TextField()
    reason = models.TextField()
    made_by = models.TextField()
    made_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.instance


class Revision(models.Model):
    """How often a tenant's rules have changed: what a process remembers of them, it remembers at a revision."""

    tenant = models.OneToOneField("accounts.Tenant", models.PROTECT, primary_key=True, related_name="+")
    revision = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(revision__gt=0), name="revision_counts")]

    def __str__(self) -> str:
        return str(self.revision)


class SigningKey(models.Model):
    """The public half of a key that signs the log, and when it did. The private half is never in the database."""

    kid = models.TextField(primary_key=True)
    public_key = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # One key signs at a time; the constant is the same in every row that counts.
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(retired_at__isnull=True), name="signing_key_in_use"
            ),
        ]

    def __str__(self) -> str:
        return self.kid


class AnchorDelivery(models.Model):
    """A checkpoint on its way to a place outside of this database's reach; the row remembers it over failures."""

    sink = models.TextField()
    checkpoint = models.ForeignKey(Checkpoint, models.PROTECT, db_index=False, related_name="deliveries")
    created_at = models.DateTimeField(db_default=Now())
    attempts = models.IntegerField(db_default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, db_default="")

    class Meta:
        verbose_name_plural = "anchor deliveries"
        constraints = [
            # One at a time, so that a sink receives checkpoints in their order.
            models.UniqueConstraint(
                fields=["sink"], condition=models.Q(delivered_at__isnull=True), name="anchor_delivery_pending"
            ),
        ]
        indexes = [models.Index(fields=["sink", "-checkpoint"], name="anchor_newest")]

    def __str__(self) -> str:
        return f"checkpoint {self.checkpoint_id} to {self.sink}"
