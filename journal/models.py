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

    pk = models.CompositePrimaryKey("entry_id", "seq")
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
            UniqueConstraint(fields=["account", "stripe", "version"], name="posting_version"),
            CheckConstraint(condition=Q(bucket__range=(0, 6)), name="posting_bucket"),
            CheckConstraint(condition=~Q(amount=0), name="posting_amount"),
        ]

    def __str__(self) -> str:
        return f"ent_{self.entry_id.hex}/{self.seq}"
