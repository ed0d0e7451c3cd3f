"""Money that is promised, and money on its way in or out.

The executor writes holds and deposits with SQL of its own (`holds/rows.py`); the models serve the admin and the lists.
"""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from accounts.folding import Folded
from accounts.models import NUMERIC

OPEN = ["pending", "disputed"]


class Hold(models.Model):
    """Money of one account that is promised: `captured` has left the account, `released` has gone back to it.

    One table for holds, escrows (`counterparty` is the seller), stakes and withdrawals, because they live and end
    alike. `stripe` is the balance row that the money stands on. Its id is that of the event that placed it.
    """

    class Kind(models.TextChoices):
        HOLD = "hold"
        ESCROW = "escrow"
        STAKE = "stake"
        WITHDRAWAL = "withdrawal"

    class Status(models.TextChoices):
        PENDING = "pending"
        DISPUTED = "disputed"
        CAPTURED = "captured"
        RELEASED = "released"
        REFUNDED = "refunded"
        RESOLVED = "resolved"
        SLASHED = "slashed"
        EXPIRED = "expired"
        CONFIRMED = "confirmed"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    kind = models.TextField(choices=Kind.choices)
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="holds"
    )
    stripe = models.SmallIntegerField()
    counterparty = models.ForeignKey(
        "accounts.Account", models.PROTECT, null=True, blank=True, db_index=False, db_constraint=False, related_name="+"
    )
    amount = models.DecimalField(**NUMERIC)
    captured = models.DecimalField(**NUMERIC, default=0)
    released = models.DecimalField(**NUMERIC, default=0)
    overcaptured = models.DecimalField(**NUMERIC, default=0)
    allow_overcapture = models.BooleanField(default=False)
    status = models.TextField(choices=Status.choices, default=Status.PENDING)
    expires_at = models.DateTimeField(null=True, blank=True)
    on_timeout = models.TextField(default="refund")
    reason = models.TextField(blank=True, default="")
    references = models.JSONField(default=dict)
    order_id = models.TextField(null=True, blank=True)
    captured_entry = models.UUIDField(null=True, blank=True)
    destination = models.TextField(null=True, blank=True)
    session_key = models.UUIDField(null=True, blank=True)
    budgets = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    grants = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    external_ref = models.TextField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(
                "tenant",
                Folded("external_ref"),
                condition=Q(external_ref__isnull=False),
                name="duplicate_withdrawal",
            ),
            CheckConstraint(condition=Q(amount__gt=0), name="hold_amount"),
            CheckConstraint(
                condition=Q(captured__gte=0) & Q(released__gte=0) & Q(amount__gte=F("captured") + F("released")),
                name="capture_exceeds_hold",
            ),
            # More than the hold is taken only with leave, and only by the capture that ends it.
            CheckConstraint(
                condition=Q(overcaptured=0)
                | Q(overcaptured__gt=0, allow_overcapture=True, amount=F("captured") + F("released")),
                name="hold_overcapture",
            ),
            CheckConstraint(
                condition=Q(status__in=OPEN, amount__gt=F("captured") + F("released"))
                | (~Q(status__in=OPEN) & Q(amount=F("captured") + F("released"))),
                name="hold_status_matches_amounts",
            ),
            CheckConstraint(
                condition=Q(kind="hold", status__in=["pending", "captured", "released", "expired"])
                | Q(
                    kind="escrow",
                    status__in=["pending", "disputed", "released", "refunded", "resolved", "expired"],
                    counterparty__isnull=False,
                )
                | Q(kind="stake", status__in=["pending", "released", "slashed"], expires_at__isnull=True)
                | Q(
                    kind="withdrawal",
                    status__in=["pending", "confirmed", "failed"],
                    expires_at__isnull=True,
                    destination__isnull=False,
                ),
                name="hold_kind",
            ),
            CheckConstraint(condition=Q(on_timeout__in=["refund", "release"]), name="hold_on_timeout"),
        ]
        indexes = [
            models.Index(fields=["tenant", "kind", "id"], name="hold_page"),
            models.Index(fields=["account", "id"], name="hold_of_account"),
            models.Index(
                fields=["tenant", "expires_at", "id"],
                condition=Q(status="pending", expires_at__isnull=False),
                name="hold_due",
            ),
            models.Index(fields=["id"], condition=Q(kind="withdrawal", status="pending"), name="withdrawal_pending"),
            GinIndex(
                fields=["references"],
                opclasses=["jsonb_path_ops"],
                condition=~Q(references={}),
                name="hold_references",
            ),
        ]

    def __str__(self) -> str:
        return f"hld_{self.id.hex}"

    @property
    def remaining(self) -> int:
        return int(self.amount - self.captured - self.released)


class Deposit(models.Model):
    """Money that came in from outside, once per source and external reference; while announced it moves nothing."""

    class Status(models.TextChoices):
        ANNOUNCED = "announced"
        FAILED = "failed"
        CONFIRMED = "confirmed"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="deposits"
    )
    amount = models.DecimalField(**NUMERIC)
    source = models.TextField()
    external_ref = models.TextField()
    status = models.TextField(choices=Status.choices)
    reason = models.TextField(blank=True, default="")
    topup = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint("tenant", Folded("source"), Folded("external_ref"), name="duplicate_deposit"),
            CheckConstraint(condition=Q(amount__gt=0), name="deposit_amount"),
            CheckConstraint(condition=Q(status__in=["announced", "failed", "confirmed"]), name="deposit_status"),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="deposit_page"),
            models.Index(fields=["account", "id"], name="deposit_of_account"),
            models.Index(fields=["account"], condition=Q(status="announced"), name="deposit_announced"),
        ]

    def __str__(self) -> str:
        return f"dep_{self.id.hex}"


class AgentCurrency(models.Model):
    """The currency that a tenant's agents have where a call names none."""

    tenant = models.OneToOneField("accounts.Tenant", models.PROTECT, primary_key=True, related_name="agent_currency")
    currency = models.TextField()
    set_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "agent currencies"

    def __str__(self) -> str:
        return self.currency


class Payout(models.Model):
    """How far the withdrawal executor is with one withdrawal.

    This is the executor's notebook, not the ledger's: what counts is the withdrawal's own event. While it is leased a
    request may be on its way; a worker that was killed leaves its lease to run out.
    """

    class Answer(models.TextChoices):
        PAID = "paid"
        FAILED = "failed"

    withdrawal = models.OneToOneField(
        Hold, models.PROTECT, primary_key=True, db_constraint=False, related_name="payout"
    )
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    attempts = models.IntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField()
    answer = models.TextField(choices=Answer.choices, blank=True, default="")
    external_ref = models.TextField(blank=True, default="")
    last_error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [CheckConstraint(condition=Q(answer__in=["", "paid", "failed"]), name="payout_answer")]

    def __str__(self) -> str:
        return f"hld_{self.withdrawal_id.hex}"


class PaymentAuthorization(models.Model):
    """What a payer allows a receiver to take, once: a payment of x402 before it is settled, and what became of it.

    Its id is that of the event that authorised it, and of the hold that an `upto` one stands on. `claim` is the name
    under which a server works for it.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        CLAIMED = "claimed"
        SETTLED = "settled"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    scheme = models.TextField()
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    counterparty = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    amount = models.DecimalField(**NUMERIC)
    nonce = models.TextField()
    api_key = models.UUIDField(null=True, blank=True)
    session_key = models.UUIDField(null=True, blank=True)
    resource = models.TextField(blank=True, default="")
    status = models.TextField(choices=Status.choices, default=Status.OPEN)
    claim = models.TextField(null=True, blank=True)
    settled = models.DecimalField(**NUMERIC, null=True, blank=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["tenant", "account", "nonce"], name="payment_identifier_reused"),
            CheckConstraint(condition=Q(scheme__in=["upto", "exact"]), name="authorization_scheme"),
            CheckConstraint(condition=Q(amount__gt=0), name="authorization_amount"),
            CheckConstraint(
                condition=Q(status__in=["open", "cancelled"], settled__isnull=True, claim__isnull=True)
                | Q(status="claimed", settled__isnull=True, claim__isnull=False)
                | Q(status="settled", settled__gte=0, settled__lte=F("amount")),
                name="authorization_status",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="authorization_page"),
            models.Index(fields=["account", "id"], name="authorization_of_account"),
        ]

    def __str__(self) -> str:
        return f"aut_{self.id.hex}"


class TopUp(models.Model):
    """When an account asks for money, and how much."""

    account = models.OneToOneField(
        "accounts.Account", models.PROTECT, primary_key=True, db_constraint=False, related_name="topup"
    )
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    below = models.DecimalField(**NUMERIC)
    to = models.DecimalField(**NUMERIC, null=True, blank=True)
    amount = models.DecimalField(**NUMERIC, null=True, blank=True)
    at_most_per_month = models.DecimalField(**NUMERIC, null=True, blank=True)
    cooldown = models.IntegerField()
    expires_in = models.IntegerField()
    url = models.TextField(null=True, blank=True)
    failures = models.SmallIntegerField(default=0)
    month = models.DateField(null=True, blank=True)
    asked = models.DecimalField(**NUMERIC, default=0)
    requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "top-up"
        constraints = [
            CheckConstraint(
                condition=Q(below__gt=0, failures__gte=0, asked__gte=0, cooldown__gte=0, expires_in__gt=0)
                & (Q(to__gt=F("below"), amount__isnull=True) | Q(to__isnull=True, amount__gt=0)),
                name="topup_form",
            ),
            CheckConstraint(
                condition=Q(at_most_per_month__isnull=True) | Q(at_most_per_month__gt=0), name="topup_month"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "account"], name="topup_page")]

    def __str__(self) -> str:
        return f"acc_{self.account_id.hex}"


class TopUpRequest(models.Model):
    """One request for money, and the deposit that answered it; an account has one that is open at most."""

    class Status(models.TextChoices):
        OPEN = "open"
        COMPLETED = "completed"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey(
        "accounts.Account", models.PROTECT, db_index=False, db_constraint=False, related_name="+"
    )
    amount = models.DecimalField(**NUMERIC)
    url = models.TextField(null=True, blank=True)
    status = models.TextField(choices=Status.choices, default=Status.OPEN)
    reason = models.TextField(blank=True, default="")
    deposit = models.ForeignKey(
        Deposit, models.PROTECT, null=True, blank=True, db_index=False, db_constraint=False, related_name="+"
    )
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "top-up request"
        constraints = [
            models.UniqueConstraint(fields=["account"], condition=Q(status="open"), name="topup_in_flight"),
            CheckConstraint(
                condition=Q(amount__gt=0)
                & (
                    Q(status="open", deposit__isnull=True, settled_at__isnull=True)
                    | Q(status="completed", deposit__isnull=False, settled_at__isnull=False)
                    | Q(status="failed", deposit__isnull=True, settled_at__isnull=False)
                ),
                name="topup_request_form",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="topup_request_page"),
            models.Index(fields=["account", "id"], name="topup_request_of_account"),
        ]

    def __str__(self) -> str:
        return f"top_{self.id.hex}"
