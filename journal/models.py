"""The journal: entries and their postings. Only `journal/posting.py` writes them, and nothing changes them."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from accounts.folding import Folded
from accounts.models import NUMERIC
from journal.external.models import ExternalAdjustment as ExternalAdjustment
from journal.external.models import ExternalLine as ExternalLine
from journal.external.models import ExternalMatch as ExternalMatch
from journal.external.models import ExternalStatement as ExternalStatement
from journal.external.models import MatchedEntry as MatchedEntry
from journal.external.models import MatchedLine as MatchedLine
from journal.reconciliation.models import Finding as Finding  # Django looks for models here
from journal.reconciliation.models import ReconciliationRun as ReconciliationRun
from journal.statements.models import IssuedStatement as IssuedStatement
from ledger_project.log.models import SnapshotField


class Entry(models.Model):
    """The money that one event moved. Its id is the event's: `ent_…` and `evt_…` share their digits."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, db_constraint=False, related_name="+")
    effective_at = models.DateTimeField()
    kind = models.TextField()
    description = models.TextField(blank=True, default="")
    references = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, db_index=False, db_constraint=False, related_name="reversals"
    )

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            UniqueConstraint(fields=["reverses"], condition=Q(reverses__isnull=False), name="already_reversed"),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="entry_page"),
            # Rare kinds are found here; transfers, the bulk, are met soon enough on the page index and pay nothing.
            models.Index(fields=["tenant", "kind", "id"], condition=~Q(kind="transfer"), name="entry_kind_page"),
            GinIndex(
                fields=["references"],
                opclasses=["jsonb_path_ops"],
                condition=~Q(references={}),
                name="entry_references",
            ),
        ]

    def __str__(self) -> str:
        return f"ent_{self.id.hex}"


class Posting(models.Model):
    """One leg: `amount` is signed, positive = debit; `version` counts the postings of its balance row."""

    pk = models.CompositePrimaryKey("account_id", "stripe", "version")
    entry = models.ForeignKey(Entry, models.PROTECT, db_index=False, db_constraint=False, related_name="postings")
    seq = models.SmallIntegerField()
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="postings"
    )
    stripe = models.SmallIntegerField()
    bucket = models.SmallIntegerField()
    amount = models.DecimalField(max_digits=38, decimal_places=0)
    balance_after = models.DecimalField(max_digits=38, decimal_places=0)
    version = models.BigIntegerField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(bucket__range=(0, 6)), name="posting_bucket"),
            CheckConstraint(condition=~Q(amount=0), name="posting_amount"),
        ]
        # The postings of one entry share one key, which the B-tree stores once.
        # Rare buckets are found at any version here; `available` is met soon enough on the key and pays nothing.
        indexes = [
            models.Index(fields=["entry"], name="posting_entry"),
            models.Index(
                fields=["account", "stripe", "bucket", "version"], condition=~Q(bucket=0), name="posting_bucket_history"
            ),
        ]

    def __str__(self) -> str:
        return f"ent_{self.entry_id.hex}/{self.seq}"


class RefundTotal(models.Model):
    """How much of an entry was refunded, or that it was reversed: never both, and never more than it paid."""

    entry = models.OneToOneField(
        Entry, models.PROTECT, primary_key=True, db_constraint=False, related_name="refund_total"
    )
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    amount = models.DecimalField(**NUMERIC)
    refunded = models.DecimalField(**NUMERIC, default=0)
    reversed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(refunded__gte=0, refunded__lte=F("amount")), name="refund_exceeds_original"),
            CheckConstraint(condition=Q(reversed=False) | Q(refunded=0), name="already_refunded"),
        ]

    def __str__(self) -> str:
        return f"ent_{self.entry_id.hex}"


class PromoGrant(models.Model):
    """Money that was granted at once, promotional or paid for, and what became of it."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="promo_grants")
    amount = models.DecimalField(**NUMERIC)
    kind = models.TextField(choices=[("promo", "promo"), ("paid", "paid")], default="promo", db_default="promo")
    spent = models.DecimalField(**NUMERIC, default=0)
    held = models.DecimalField(**NUMERIC, default=0, db_default=0)
    burned = models.DecimalField(**NUMERIC, default=0)
    priority = models.SmallIntegerField(default=100, db_default=100)
    starts_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    automatic = models.BooleanField(default=False, db_default=False)
    voided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    models = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(spent__gte=0, held__gte=0, burned__gte=0, amount__gte=F("spent") + F("held") + F("burned")),
                name="promo_exceeds_grant",
            ),
            CheckConstraint(condition=Q(kind__in=["promo", "paid"]), name="grant_kind"),
        ]
        indexes = [
            models.Index(
                fields=["account", "priority", "expires_at", "id"],
                condition=Q(amount__gt=F("spent") + F("held") + F("burned")),
                name="grant_open",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(amount__gt=F("spent") + F("held") + F("burned"), expires_at__isnull=False),
                name="grant_due",
            ),
            models.Index(fields=["tenant", "id"], name="promo_page"),
        ]

    def __str__(self) -> str:
        return f"prm_{self.id.hex}"


class BillingRecord(models.Model):
    """A payment, refund, payout or dispute of the billing engine, once by the id that it has there."""

    entry = models.OneToOneField(
        Entry, models.PROTECT, primary_key=True, db_constraint=False, related_name="billing_record"
    )
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    kind = models.TextField()
    external_id = models.TextField()
    party = models.TextField()
    currency = models.TextField()
    amount = models.DecimalField(**NUMERIC)

    class Meta:
        constraints = [UniqueConstraint("tenant", "kind", Folded("external_id"), name="duplicate_record")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class ClearingAccount(models.Model):
    """The account that a domain's exchange with others goes through, one per currency. Its row is its lock."""

    account = models.OneToOneField("accounts.Account", models.PROTECT, primary_key=True, related_name="clearing")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    domain = models.TextField()
    currency = models.TextField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [UniqueConstraint("tenant", Folded("domain"), "currency", name="clearing_account_exists")]

    def __str__(self) -> str:
        return f"{self.domain} ({self.currency})"


class SettlementBatch(models.Model):
    """What was settled at once; its id is its event's, and its entry's where money moved."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    netting_batch_id = models.TextField()
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    moved = models.BooleanField()
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "settlement batches"
        constraints = [UniqueConstraint("tenant", Folded("netting_batch_id"), name="settlement_exists")]
        indexes = [models.Index(fields=["tenant", "id"], name="settlement_page")]

    def __str__(self) -> str:
        return self.netting_batch_id


class SettledRange(models.Model):
    """The postings of one stripe that a batch settled: versions above `version_from`, up to and with `version_to`."""

    pk = models.CompositePrimaryKey("batch_id", "account_id", "stripe")
    batch = models.ForeignKey(SettlementBatch, models.PROTECT, db_index=False, related_name="ranges")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="+")
    stripe = models.SmallIntegerField()
    version_from = models.BigIntegerField()
    version_to = models.BigIntegerField()
    net = models.DecimalField(**NUMERIC)
    postings = models.IntegerField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["account", "stripe", "version_from"], name="settled_twice"),
            CheckConstraint(condition=Q(version_to__gt=F("version_from")), name="settled_range"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.stripe} ({self.version_from}, {self.version_to}]"


class Monitor(models.Model):
    """A line that an account's bucket may cross; each time it does, one event says so. Its id is its event's."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="monitors")
    bucket = models.SmallIntegerField()
    operator = models.TextField()
    value = models.DecimalField(**NUMERIC)
    # Of an unbounded account: its balance at the place in the log that was looked at last.
    running = models.DecimalField(**NUMERIC, null=True, blank=True)
    created_at = models.DateTimeField()
    triggered_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    slot = models.SmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            # Slots are few, and each is taken once: so an account has no more monitors than slots.
            UniqueConstraint(fields=["account", "slot"], name="too_many_monitors"),
            CheckConstraint(
                condition=Q(deleted_at__isnull=True, slot__isnull=False, slot__range=(0, 19))
                | Q(deleted_at__isnull=False, slot__isnull=True),
                name="monitor_slot",
            ),
            CheckConstraint(condition=Q(operator__in=["lt", "lte", "gt", "gte", "eq"]), name="monitor_operator"),
            CheckConstraint(condition=Q(bucket__range=(0, 6)), name="monitor_bucket"),
        ]
        indexes = [models.Index(fields=["tenant", "id"], name="monitor_page")]

    def __str__(self) -> str:
        return f"mon_{self.id.hex}"


class Crossing(models.Model):
    """An entry that crossed a monitor, and the event that says so."""

    event = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    monitor = models.ForeignKey(Monitor, models.PROTECT, db_index=False, related_name="crossings")
    entry = models.UUIDField()
    balance_before = models.DecimalField(**NUMERIC)
    balance = models.DecimalField(**NUMERIC)
    version = models.BigIntegerField()

    class Meta:
        constraints = [UniqueConstraint(fields=["monitor", "entry"], name="already_triggered")]

    def __str__(self) -> str:
        return f"evt_{self.event.hex}"


class MonitorCursor(models.Model):
    """How far the log was looked at for crossings. There is one row."""

    next_index = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.next_index)


class VerifiedPoint(models.Model):
    """The view of the database in which a full replay last found a tenant's books right."""

    tenant = models.OneToOneField("accounts.Tenant", models.PROTECT, primary_key=True, related_name="+")
    snapshot = SnapshotField()
    verified_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.tenant_id} at {self.verified_at}"


class VerifiedBalance(models.Model):
    """A balance row as it was at the verified point: where an incremental replay begins to add up."""

    pk = models.CompositePrimaryKey("account_id", "stripe")
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    stripe = models.SmallIntegerField()
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    version = models.BigIntegerField()
    available = models.DecimalField(**NUMERIC)
    held = models.DecimalField(**NUMERIC)
    escrowed = models.DecimalField(**NUMERIC)
    bonded = models.DecimalField(**NUMERIC)
    fee_pool = models.DecimalField(**NUMERIC)
    promo = models.DecimalField(**NUMERIC)
    credit_used = models.DecimalField(**NUMERIC)

    def __str__(self) -> str:
        return f"{self.account_id}/{self.stripe}"


class PostingLine(models.Model):
    """A posting with the names around it: a view (sql/posting_line.sql), for the admin, which wants one id a row.

    To find one row, split the id and ask for its `entry` and `seq`, which have an index; the id is made up.
    """

    id = models.TextField(primary_key=True)
    entry = models.ForeignKey(Entry, models.DO_NOTHING, related_name="lines")
    seq = models.SmallIntegerField()
    tenant = models.ForeignKey("accounts.Tenant", models.DO_NOTHING, related_name="+")
    kind = models.TextField()
    effective_at = models.DateTimeField()
    account = models.ForeignKey("accounts.Account", models.DO_NOTHING, related_name="+")
    name = models.TextField()
    currency = models.TextField()
    scale = models.SmallIntegerField()
    stripe = models.SmallIntegerField()
    bucket = models.TextField()
    amount = models.DecimalField(max_digits=38, decimal_places=0)
    balance_after = models.DecimalField(max_digits=38, decimal_places=0, null=True)
    version = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "journal_posting_line"

    def __str__(self) -> str:
        return self.id
