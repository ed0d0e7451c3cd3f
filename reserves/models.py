"""What stands behind a currency, and what was attested about it.

The executor writes assets, snapshots and attestations (`reserves/rows.py`); `issuing` writes the leaves with them.
"""

from typing import Any

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

NUMERIC: dict[str, Any] = {"max_digits": 38, "decimal_places": 0}


class ReserveAsset(models.Model):
    """Something of value that backs one currency, and how much of it may be counted.

    `haircut_bps` is the part that is not counted: 10000 counts nothing, which is where every asset begins.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    name = models.TextField()
    currency = models.TextField()
    asset_type = models.TextField()
    provider = models.TextField()
    unit = models.TextField()
    custody = models.TextField(default="")  # who holds it, where, under whose name
    source = models.JSONField(default=dict)  # where its snapshots are read from (reserves/sources.py); {}: by hand
    haircut_bps = models.IntegerField()
    max_age_seconds = models.IntegerField()
    is_eligible = models.BooleanField()
    metadata = models.JSONField()
    version = models.IntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["tenant", "name"], name="reserve_asset_exists"),
            CheckConstraint(condition=Q(haircut_bps__range=(0, 10_000)), name="reserve_haircut_range"),
            CheckConstraint(condition=Q(max_age_seconds__gte=1), name="reserve_max_age_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class ReserveSnapshot(models.Model):
    """How much of an asset there was at a moment, who says so, and what it was worth; never changed.

    The price is a snapshot of its own, with its own source and time: it may be older than the amount, not newer than
    the record.
    """

    id = models.UUIDField(primary_key=True, editable=False)  # the event's
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    asset = models.ForeignKey(ReserveAsset, models.PROTECT, db_index=False, related_name="snapshots")
    amount = models.DecimalField(**NUMERIC)
    price_num = models.DecimalField(**NUMERIC, null=True)
    price_den = models.DecimalField(**NUMERIC, null=True)
    price_provenance = models.TextField(null=True)
    price_taken_at = models.DateTimeField(null=True)
    price_evidence_hash = models.TextField(null=True)
    taken_at = models.DateTimeField()
    provenance = models.TextField()
    evidence_hash = models.TextField(null=True)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(amount__gte=0), name="reserve_amount_positive"),
            CheckConstraint(
                condition=Q(price_num__isnull=True, price_den__isnull=True)
                | (Q(price_num__gte=0, price_den__gt=0) & Q(price_num__isnull=False, price_den__isnull=False)),
                name="reserve_price_fraction",
            ),
            CheckConstraint(
                condition=Q(taken_at__lte=F("recorded_at"))
                & (Q(price_taken_at__isnull=True) | Q(price_taken_at__lte=F("recorded_at"))),
                name="taken_in_future",
            ),
            CheckConstraint(
                condition=Q(price_num__isnull=False)
                | Q(price_provenance__isnull=True, price_taken_at__isnull=True, price_evidence_hash__isnull=True),
                name="reserve_price_source",
            ),
        ]
        indexes = [
            models.Index(fields=["asset", "-taken_at", "-id"], name="reserve_snapshot_newest"),
            models.Index(fields=["tenant", "id"], name="reserve_snapshot_page"),
        ]

    def __str__(self) -> str:
        return f"rsn_{self.id.hex}"


class Attestation(models.Model):
    """A signed statement of what is owed in a currency and what stands behind it; never changed.

    `document` is the canonical JSON as it was signed and `jws` its compact signature.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    currency = models.TextField()
    sequence = models.IntegerField()
    as_of = models.DateTimeField()
    checkpoint = models.ForeignKey("log.Checkpoint", models.PROTECT, db_index=False, related_name="+")
    document = models.TextField()
    document_hash = models.BinaryField()
    jws = models.TextField()
    event = models.UUIDField()

    class Meta:
        constraints = [UniqueConstraint(fields=["tenant", "currency", "sequence"], name="attestation_outdated")]
        indexes = [
            models.Index(fields=["tenant", "id"], name="attestation_page"),
            models.Index(fields=["event"], name="attestation_first", condition=Q(sequence=1)),
        ]

    def __str__(self) -> str:
        return f"att_{self.id.hex}"


class AttestationLeaf(models.Model):
    """What an attestation counts as owed to one account, and the salt of its leaf; never changed."""

    pk = models.CompositePrimaryKey("attestation", "account")
    attestation = models.ForeignKey(Attestation, models.PROTECT, db_index=False, related_name="leaves")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="+")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    owed = models.DecimalField(max_digits=40, decimal_places=0)  # six buckets of 38 digits
    salt = models.BinaryField()

    class Meta:
        verbose_name_plural = "attestation leaves"

    def __str__(self) -> str:
        return f"att_{self.attestation_id.hex} acc_{self.account_id.hex}"
