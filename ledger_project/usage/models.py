"""Price books in versions, what was used, and what each account carries on from one charge to the next."""

from typing import Any

from django.db import models
from django.db.models import CheckConstraint, Index, Q, UniqueConstraint

from accounts.folding import Folded
from accounts.models import NUMERIC

REMAINDER: dict[str, Any] = {"max_digits": 12, "decimal_places": 0}  # in 10⁻¹² minor units


class PriceVersion(models.Model):
    """One version of a price book; it never changes."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    book = models.TextField(db_collation="C")
    number = models.IntegerField()
    currency = models.TextField()
    time_zone = models.TextField()
    effective_at = models.DateTimeField()
    published_at = models.DateTimeField()
    rates = models.JSONField()
    markup_bps = models.IntegerField()
    minimum = models.TextField()

    class Meta:
        constraints = [
            UniqueConstraint("tenant", Folded("book"), "number", name="price_version"),
            CheckConstraint(condition=Q(number__gte=1, markup_bps__gte=0), name="price_version_form"),
        ]
        indexes = [Index(fields=["tenant", "id"], name="price_version_page")]

    def __str__(self) -> str:
        return f"{self.book} {self.number}"


class Meter(models.Model):
    """What an account carries on in a book: less than one minor unit, and what it used of rates with tiers by month."""

    pk = models.CompositePrimaryKey("account_id", "book")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_constraint=False, related_name="+")
    book = models.TextField(db_collation="C")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    remainder = models.DecimalField(**REMAINDER)
    counts = models.JSONField()

    class Meta:
        constraints = [CheckConstraint(condition=Q(remainder__gte=0), name="meter_remainder")]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.book}"


class Usage(models.Model):
    """What was used, by which version it was priced, and what of its cost was charged; it never changes.

    What is posted about a request later is a row of its own, which `follows` on the one before it.
    """

    class Kind(models.TextChoices):
        RECORDED = "recorded"
        CORRECTED = "corrected"
        COLLECTED = "collected"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    kind = models.TextField(choices=Kind.choices, default=Kind.RECORDED, db_default="recorded")
    follows = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, db_index=False, db_constraint=False, related_name="+"
    )
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    to_account = models.ForeignKey(
        "accounts.Account", models.PROTECT, null=True, blank=True, db_index=False, db_constraint=False, related_name="+"
    )
    version = models.ForeignKey(PriceVersion, models.PROTECT, db_index=False, related_name="+")
    source = models.TextField(db_collation="C")
    request_id = models.TextField(db_collation="C")
    model = models.TextField()
    metrics = models.JSONField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    lines = models.JSONField()
    cost = models.DecimalField(max_digits=50, decimal_places=0)
    charged = models.DecimalField(**NUMERIC)
    paid = models.DecimalField(**NUMERIC, default=0, db_default=0)
    uncovered = models.DecimalField(**NUMERIC, default=0, db_default=0)
    remainder = models.DecimalField(**REMAINDER)
    hold = models.ForeignKey(
        "holds.Hold", models.PROTECT, null=True, blank=True, db_index=False, db_constraint=False, related_name="+"
    )
    late = models.BooleanField(default=False, db_default=False)
    budgets = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    grants = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))

    class Meta:
        verbose_name_plural = "usage"
        constraints = [
            UniqueConstraint(
                "tenant",
                Folded("source"),
                Folded("request_id"),
                condition=Q(follows__isnull=True),
                name="usage_recorded",
            ),
            UniqueConstraint(fields=["follows"], condition=Q(follows__isnull=False), name="usage_superseded"),
            UniqueConstraint(fields=["hold"], condition=Q(late=True, follows__isnull=True), name="late_usage_recorded"),
            CheckConstraint(
                condition=Q(remainder__gte=0, uncovered__gte=0)
                & (
                    Q(kind="recorded", follows__isnull=True, cost__gte=0, charged__gte=0)
                    | Q(kind="corrected", follows__isnull=False)
                    | Q(kind="collected", follows__isnull=False, charged__gt=0)
                ),
                name="usage_form",
            ),
        ]
        indexes = [
            Index(fields=["tenant", "id"], name="usage_page"),
            Index(fields=["account", "at"], name="usage_of_account"),
            Index(fields=["account", "recorded_at"], name="usage_billed"),
            Index("tenant", Folded("source"), Folded("request_id"), "id", name="usage_of_request"),
        ]

    def __str__(self) -> str:
        return f"usg_{self.id.hex}"
