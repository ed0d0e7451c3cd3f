"""The journal: entries and their postings. Only `journal/posting.py` writes them, and nothing changes them."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint


class Entry(models.Model):
    """The money that one event moved. Its id is the event's: `ent_…` and `evt_…` share their digits."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    kind = models.TextField()
    effective_at = models.DateTimeField()
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
        indexes = [models.Index(fields=["entry"], name="posting_entry")]

    def __str__(self) -> str:
        return f"ent_{self.entry_id.hex}/{self.seq}"


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
