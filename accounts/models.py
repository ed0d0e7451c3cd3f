"""Who holds money here: tenants, their keys and currencies, accounts and their balances.

The executor writes these tables with SQL of its own (`accounts/rows.py`); the models serve the admin and the lists.
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint
from django.db.models.functions import Now

from accounts.folding import Folded
from ledger_project.kernel.windows import KINDS


class Tenant(models.Model):
    """One customer's ledger, apart from every other's."""

    slug = models.SlugField(unique=True)
    name = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Currency(models.Model):
    """A unit of account: its code within the tenant, and how many decimals its minor unit stands for."""

    tenant = models.ForeignKey(Tenant, models.PROTECT, db_index=False, related_name="currencies")
    code = models.TextField()
    scale = models.SmallIntegerField()
    name = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "currencies"
        constraints = [
            UniqueConstraint(fields=["tenant", "code"], name="currency_exists"),
            UniqueConstraint(fields=["tenant", "code", "scale"], name="currency_scale"),
            CheckConstraint(condition=Q(scale__range=(0, 36)), name="currency_scale_range"),
        ]

    def __str__(self) -> str:
        return self.code


class ApiKey(models.Model):
    """A machine's credential: the SHA-256 of a secret that was shown once."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="api_keys")
    name = models.TextField()
    prefix = models.TextField()
    digest = models.BinaryField(unique=True)
    scopes = models.JSONField()
    account = models.ForeignKey("Account", models.PROTECT, null=True, blank=True, related_name="+")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    # Every key above this one, the root first; the key ends when one of them does.
    lineage = ArrayField(models.UUIDField(), default=list)
    identity = models.TextField()  # the person or root key that answers for its calls
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [GinIndex(fields=["lineage"], name="api_key_lineage")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Account(models.Model):
    """A named account; everything here is settled when it is opened. What changes stands on its balance."""

    class Type(models.TextChoices):
        ASSET = "asset"
        LIABILITY = "liability"
        EQUITY = "equity"
        REVENUE = "revenue"
        EXPENSE = "expense"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_index=False, related_name="accounts")
    # Sorted by code point wherever the cluster was made, so that the index serves prefixes and name order.
    name = models.TextField(db_collation="C")
    type = models.TextField(choices=Type.choices)
    currency = models.TextField()
    scale = models.SmallIntegerField()
    unbounded = models.BooleanField()
    stripes = models.SmallIntegerField()
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            UniqueConstraint("tenant", Folded("name"), name="account_exists"),
            CheckConstraint(
                condition=Q(type__in=["asset", "liability", "equity", "revenue", "expense"]), name="account_type"
            ),
            CheckConstraint(condition=Q(stripes__range=(1, 64)), name="account_stripes"),
        ]
        indexes = [
            models.Index(fields=["tenant", "id"], name="account_page"),
            models.Index(fields=["tenant", "name"], name="account_by_name"),
        ]

    def __str__(self) -> str:
        return self.name


NUMERIC: dict[str, Any] = {"max_digits": 38, "decimal_places": 0}


class Balance(models.Model):
    """What an account has, bucket by bucket: a cache of its postings, and the account's lock.

    An unbounded account has several rows ("stripes"), whose sum is its balance, so its writers do not queue.
    """

    pk = models.CompositePrimaryKey("account_id", "stripe")
    account = models.ForeignKey(Account, models.PROTECT, db_index=False, related_name="balances")
    stripe = models.SmallIntegerField(default=0)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_index=False, related_name="+")
    status = models.TextField(default="open")
    unbounded = models.BooleanField(default=False)
    available = models.DecimalField(**NUMERIC, default=0)
    held = models.DecimalField(**NUMERIC, default=0)
    escrowed = models.DecimalField(**NUMERIC, default=0)
    bonded = models.DecimalField(**NUMERIC, default=0)
    fee_pool = models.DecimalField(**NUMERIC, default=0)
    promo = models.DecimalField(**NUMERIC, default=0)
    credit_used = models.DecimalField(**NUMERIC, default=0)
    credit_limit = models.DecimalField(**NUMERIC, default=0)
    total_in = models.DecimalField(**NUMERIC, default=0)
    total_out = models.DecimalField(**NUMERIC, default=0)
    version = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=(Q(available__gte=0) | Q(unbounded=True))
                & Q(held__gte=0)
                & Q(escrowed__gte=0)
                & Q(bonded__gte=0)
                & Q(fee_pool__gte=0)
                & Q(promo__gte=0),
                name="insufficient_funds",
            ),
            CheckConstraint(condition=Q(credit_used__gte=0) & Q(credit_limit__gte=0), name="credit_not_negative"),
            CheckConstraint(condition=Q(status__in=["open", "frozen", "closed"]), name="account_status"),
            CheckConstraint(
                condition=~Q(status="closed")
                | Q(available=0, held=0, escrowed=0, bonded=0, fee_pool=0, promo=0, credit_used=0)
                | Q(unbounded=True),
                name="account_not_empty",
            ),
            CheckConstraint(
                condition=Q(
                    total_in=F("total_out")
                    + F("available")
                    + F("held")
                    + F("escrowed")
                    + F("bonded")
                    + F("fee_pool")
                    + F("promo")
                    - F("credit_used")
                ),
                name="totals_match_buckets",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.stripe}"


class SessionKey(models.Model):
    """A budget on an account: caps on what may be spent with it, and what was. Days are those of UTC."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey(Account, models.PROTECT, related_name="session_keys")
    max_per_spend = models.DecimalField(**NUMERIC, null=True, blank=True)
    max_per_day = models.DecimalField(**NUMERIC, null=True, blank=True)
    max_total = models.DecimalField(**NUMERIC, null=True, blank=True)
    allowed_receivers = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    spent_total = models.DecimalField(**NUMERIC, default=0)
    spent_day = models.DecimalField(**NUMERIC, default=0)
    spent_most = models.DecimalField(**NUMERIC, default=0)
    reserved_total = models.DecimalField(**NUMERIC, default=0, db_default=0)
    reserved_day = models.DecimalField(**NUMERIC, default=0, db_default=0)
    day = models.DateField(null=True, blank=True)
    last_spent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=(Q(max_per_spend__isnull=True) | Q(spent_most__lte=F("max_per_spend")))
                & (Q(max_per_day__isnull=True) | Q(max_per_day__gte=F("spent_day") + F("reserved_day")))
                & (Q(max_total__isnull=True) | Q(max_total__gte=F("spent_total") + F("reserved_total"))),
                name="spend_cap_exceeded",
            ),
            CheckConstraint(
                condition=Q(spent_most__gte=0)
                & Q(spent_day__gte=0)
                & Q(spent_total__gte=F("spent_day"))
                & Q(reserved_day__gte=0)
                & Q(reserved_total__gte=F("reserved_day")),
                name="session_key_spent",
            ),
            CheckConstraint(
                condition=Q(expires_at__isnull=True)
                | Q(last_spent_at__isnull=True)
                | Q(last_spent_at__lt=F("expires_at")),
                name="session_key_expired",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "id"], name="session_key_page")]

    def __str__(self) -> str:
        return f"ssk_{self.id.hex}"


class Budget(models.Model):
    """A limit on what may be paid in each window of time by an account, by accounts whose names begin alike, with a
    session key, or by whoever is below it."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_index=False, related_name="+")
    name = models.TextField(db_collation="C")
    currency = models.TextField()
    account = models.ForeignKey(Account, models.PROTECT, null=True, db_constraint=False, related_name="budgets")
    account_prefix = models.TextField(null=True)
    session_key = models.ForeignKey(SessionKey, models.PROTECT, null=True, db_constraint=False, related_name="budgets")
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    window = models.TextField(choices=[(kind, kind) for kind in KINDS])
    time_zone = models.TextField()
    limit = models.DecimalField(**NUMERIC)
    mode = models.TextField(choices=[("hard", "hard"), ("soft", "soft")])
    alerts = models.JSONField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    models = models.JSONField(null=True)

    class Meta:
        constraints = [
            UniqueConstraint(
                "tenant",
                Folded("name"),
                condition=Q(ended_at__isnull=True),
                name="budget_name",
            ),
            CheckConstraint(condition=Q(limit__gte=0) & Q(mode__in=["hard", "soft"]), name="budget_form"),
            CheckConstraint(
                condition=Q(account__isnull=True, account_prefix__isnull=True)
                | Q(account__isnull=True, session_key__isnull=True)
                | Q(account_prefix__isnull=True, session_key__isnull=True),
                name="budget_is_for_one",
            ),
        ]
        indexes = [Index(fields=["tenant", "id"], name="budget_page")]

    def __str__(self) -> str:
        return self.name


class BudgetWindow(models.Model):
    """What was used and promised of a budget in one of its windows."""

    pk = models.CompositePrimaryKey("budget_id", "starts_at")
    budget = models.ForeignKey(Budget, models.PROTECT, related_name="windows")
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_index=False, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    used = models.DecimalField(**NUMERIC, default=0)
    reserved = models.DecimalField(**NUMERIC, default=0)
    over = models.DecimalField(**NUMERIC, default=0)
    alert = models.SmallIntegerField(default=0)
    told = models.SmallIntegerField(default=0)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(used__gte=0, reserved__gte=0, over__gte=0) & Q(told__gte=0, told__lte=F("alert")),
                name="budget_window_form",
            ),
        ]
        # The alerts that wait to be told.
        indexes = [
            Index(fields=["tenant", "budget"], condition=Q(told__lt=F("alert")), name="budget_alert_due"),
        ]

    def __str__(self) -> str:
        return f"{self.budget_id}/{self.starts_at}"


class BalanceTotal(models.Model):
    """An account with what it has, over all its stripes: a view (sql/balance_total.sql), for lists and the admin."""

    account = models.OneToOneField(Account, models.DO_NOTHING, primary_key=True, related_name="total")
    tenant = models.ForeignKey(Tenant, models.DO_NOTHING, related_name="+")
    name = models.TextField(db_collation="C")
    type = models.TextField(choices=Account.Type.choices)
    currency = models.TextField()
    scale = models.SmallIntegerField()
    unbounded = models.BooleanField()
    stripes = models.SmallIntegerField()
    metadata = models.JSONField()
    created_at = models.DateTimeField()
    status = models.TextField()
    available = models.DecimalField(**NUMERIC)
    held = models.DecimalField(**NUMERIC)
    escrowed = models.DecimalField(**NUMERIC)
    bonded = models.DecimalField(**NUMERIC)
    fee_pool = models.DecimalField(**NUMERIC)
    promo = models.DecimalField(**NUMERIC)
    credit_used = models.DecimalField(**NUMERIC)
    credit_limit = models.DecimalField(**NUMERIC)
    total_in = models.DecimalField(**NUMERIC)
    total_out = models.DecimalField(**NUMERIC)
    version = models.BigIntegerField()
    updated_at = models.DateTimeField()
    as_of = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "accounts_balance_total"

    def __str__(self) -> str:
        return self.name
