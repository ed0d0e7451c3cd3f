"""Who is told of events, and what became of telling them.

Commands write `Endpoint` and `Secret`; everything else is bookkeeping of delivery, which can be lost without losing an
event: a cursor set back makes it again.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint


class Endpoint(models.Model):
    """A URL of a tenant, and the types of events that are sent to it. Its id is that of the event that made it."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    # Whose webhook it is: it is told of what concerns this account, and of nothing else; null is the tenant's own.
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    url = models.TextField()
    types = ArrayField(models.TextField())
    description = models.TextField(blank=True)
    ordered = models.BooleanField(db_default=True)  # one event at a time; else several are under way
    enabled = models.BooleanField()
    disabled_reason = models.TextField(blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    # The secret in use is of the last generation; the one before it is good for a day after the rotation.
    generation = models.IntegerField()
    rotated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    slot = models.SmallIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "webhook"
        constraints = [
            # Slots are few, and each is taken once: so a tenant has no more webhooks than slots.
            UniqueConstraint(fields=["tenant", "slot"], name="too_many_webhooks"),
            CheckConstraint(
                condition=Q(deleted_at__isnull=True, slot__isnull=False, slot__range=(0, 49))
                | Q(deleted_at__isnull=False, slot__isnull=True),
                name="webhook_slot",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="webhook_page"),
            models.Index(fields=["account", "id"], condition=Q(account__isnull=False), name="webhook_of_account"),
        ]

    def __str__(self) -> str:
        return self.url


class Secret(models.Model):
    """The HMAC secret of one generation, encrypted; never in the log."""

    pk = models.CompositePrimaryKey("endpoint_id", "generation")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, db_index=False, related_name="secrets")
    generation = models.IntegerField()
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    sealed = models.TextField()

    def __str__(self) -> str:
        return f"{self.endpoint_id}/{self.generation}"


class Cursor(models.Model):
    """Where an endpoint stands in the log, how it fares, and who is sending to it."""

    endpoint = models.OneToOneField(Endpoint, models.PROTECT, primary_key=True, related_name="cursor")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    next_index = models.BigIntegerField(null=True, blank=True)  # null: from its own registration on
    due_at = models.DateTimeField(null=True, blank=True)  # when there is something to send; null: never
    rest_until = models.DateTimeField(null=True, blank=True)  # nothing is sent before
    failures = models.IntegerField(default=0)  # attempts in a row
    failing_since = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    milliseconds = models.IntegerField(null=True, blank=True)  # the last answer took, by which an endpoint is slow
    lease = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="webhook_due")]

    def __str__(self) -> str:
        return str(self.endpoint_id)


class Delivery(models.Model):
    """One event for one endpoint. The id follows from both, so it is the same whenever this is made again."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, db_index=False, related_name="deliveries")
    event = models.UUIDField()
    log_index = models.BigIntegerField()
    type = models.TextField()
    state = models.TextField(choices=State.choices, default=State.PENDING)
    attempts = models.IntegerField(default=0)  # since it was last made due by a command
    due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            UniqueConstraint(fields=["endpoint", "log_index"], name="webhook_delivery"),
            CheckConstraint(
                condition=Q(state="pending", due_at__isnull=False, settled_at__isnull=True)
                | Q(state__in=["delivered", "failed", "cancelled"], due_at__isnull=True, settled_at__isnull=False),
                name="webhook_delivery_state",
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint", "log_index"], condition=Q(state="pending"), name="webhook_pending"),
            models.Index(fields=["-log_index", "-id"], name="webhook_delivery_page"),
            models.Index(fields=["settled_at"], condition=Q(settled_at__isnull=False), name="webhook_settled"),
        ]

    def __str__(self) -> str:
        return f"dlv_{self.id.hex}"


class Attempt(models.Model):
    """One try. Written when it begins, so one whose worker was killed shows as begun and never ended."""

    id = models.UUIDField(primary_key=True, editable=False)  # the request's X-Request-ID
    delivery = models.ForeignKey(Delivery, models.CASCADE, db_index=False, related_name="tries")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    url = models.TextField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    status = models.SmallIntegerField(null=True, blank=True)
    error = models.TextField(blank=True)
    detail = models.TextField(blank=True)
    milliseconds = models.IntegerField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["delivery", "-started_at"], name="webhook_attempts")]

    def __str__(self) -> str:
        return str(self.id)


class Outlet(models.Model):
    """How far an outlet of the whole log has got: the Redis stream."""

    name = models.TextField(primary_key=True)
    next_index = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
