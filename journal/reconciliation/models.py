"""Reconciliations: what was checked of a tenant's books when, and what was found. A finished one stands."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint


class ReconciliationRun(models.Model):
    """One run of all checks over one tenant's books; its id is that of the event which asked for it.

    `checks` has each check with how many differences it found; they are listed as findings, up to a limit.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    requested_by = models.TextField()
    reason = models.TextField(blank=True, default="")
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    log_size = models.BigIntegerField(null=True, blank=True)
    mismatches = models.BigIntegerField(null=True, blank=True)
    checks = models.JSONField(default=list)
    reported_at = models.DateTimeField(null=True, blank=True)  # the event that tells of a mismatch
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "reconciliation"
        constraints = [
            # Runs that wait are done together, so a second one of the same books would tell nothing new.
            UniqueConstraint(fields=["tenant"], condition=Q(finished_at__isnull=True), name="reconciliation_under_way"),
            CheckConstraint(
                condition=Q(finished_at__isnull=True, mismatches__isnull=True, reported_at__isnull=True)
                | Q(finished_at__isnull=False, started_at__isnull=False, mismatches__gte=0, log_size__isnull=False),
                name="reconciliation_finished",
            ),
            CheckConstraint(condition=Q(reported_at__isnull=True) | Q(mismatches__gt=0), name="reconciliation_matched"),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="reconciliation_page"),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="reconciliation_newest"),
            models.Index(fields=["finished_at"], condition=Q(mismatches__gt=0), name="reconciliation_mismatched"),
        ]

    def __str__(self) -> str:
        return f"rec_{self.id.hex}"

    @property
    def status(self) -> str:
        if self.mismatches is None:
            return "requested"
        return "mismatched" if self.mismatches else "matched"


class Finding(models.Model):
    """One difference that a run found: what is stored, and what it should be."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(ReconciliationRun, models.PROTECT, db_index=False, related_name="findings")
    seq = models.IntegerField()
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    check_name = models.TextField()
    subject = models.TextField()
    stored = models.TextField()
    replayed = models.TextField()
    account = models.TextField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.check_name}: {self.subject}"
