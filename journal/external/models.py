"""Statements of others, what was found to be the same in them and in the books, and what was put right."""

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from accounts.models import NUMERIC


class ExternalStatement(models.Model):
    """An uploaded statement of one account. Its id is its event's; the file is kept as it came."""

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="external_statements")
    name = models.TextField()
    format = models.TextField()
    sha256 = models.TextField()
    content = models.TextField()
    lines = models.IntegerField()
    first_date = models.DateField()
    last_date = models.DateField()
    money_in = models.DecimalField(**NUMERIC)
    money_out = models.DecimalField(**NUMERIC)
    opening = models.DecimalField(**NUMERIC, null=True)
    closing = models.DecimalField(**NUMERIC, null=True)
    uploaded_at = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["account", "sha256"], name="external_statement_exists")]
        indexes = [models.Index(fields=["tenant", "id"], name="external_statement_page")]

    def __str__(self) -> str:
        return f"xst_{self.id.hex}"


class ExternalLine(models.Model):
    """One line of a statement; `amount` is above zero where the account grew by it."""

    pk = models.CompositePrimaryKey("statement_id", "number")
    statement = models.ForeignKey(ExternalStatement, models.PROTECT, db_index=False, related_name="statement_lines")
    number = models.IntegerField()
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    date = models.DateField()
    amount = models.DecimalField(**NUMERIC)
    reference = models.TextField()
    description = models.TextField()

    def __str__(self) -> str:
        return f"xst_{self.statement_id.hex}/{self.number}"


class ExternalMatch(models.Model):
    """Lines and entries that belong together, or that a person explained; what was undone counts no more."""

    class Kind(models.TextChoices):
        MATCHED = "matched"
        RESOLVED = "resolved"
        ADJUSTED = "adjusted"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    statement = models.ForeignKey(ExternalStatement, models.PROTECT, db_index=False, related_name="matches")
    kind = models.TextField(choices=Kind.choices)
    how = models.TextField()
    reason = models.TextField()
    difference = models.DecimalField(**NUMERIC)
    tolerance = models.DecimalField(**NUMERIC)
    created_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "external matches"
        constraints = [
            CheckConstraint(
                condition=Q(kind="resolved") | Q(difference__gte=-F("tolerance"), difference__lte=F("tolerance")),
                name="match_does_not_add_up",
            ),
            CheckConstraint(condition=Q(kind__in=["matched", "resolved", "adjusted"]), name="external_match_kind"),
            CheckConstraint(condition=Q(how__in=["reference", "amount", "group"]) | ~Q(reason=""), name="match_reason"),
        ]
        indexes = [models.Index(fields=["statement", "id"], name="external_match_page")]

    def __str__(self) -> str:
        return f"xmt_{self.id.hex}"


class MatchedLine(models.Model):
    """A line in a match. A line is in one match at a time."""

    pk = models.CompositePrimaryKey("match_id", "number")
    match = models.ForeignKey(ExternalMatch, models.PROTECT, db_index=False, related_name="matched_lines")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    statement = models.ForeignKey(ExternalStatement, models.PROTECT, db_index=False, related_name="+")
    number = models.IntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["statement", "number"], condition=Q(active=True), name="already_matched"),
        ]

    def __str__(self) -> str:
        return f"xmt_{self.match_id.hex}/{self.number}"


class MatchedEntry(models.Model):
    """What an entry moved on the statement's account, in a match. It is in one match of that account at a time."""

    pk = models.CompositePrimaryKey("match_id", "entry_id")
    match = models.ForeignKey(ExternalMatch, models.PROTECT, db_index=False, related_name="matched_entries")
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="+")
    entry = models.ForeignKey("journal.Entry", models.PROTECT, db_index=False, db_constraint=False, related_name="+")
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            UniqueConstraint(fields=["account", "entry"], condition=Q(active=True), name="already_matched_entry"),
        ]

    def __str__(self) -> str:
        return f"xmt_{self.match_id.hex}/{self.entry_id.hex}"


class ExternalAdjustment(models.Model):
    """An entry that somebody proposes and somebody else posts, for a line without an entry or an entry without a line.

    `amount` is what the statement's account is to grow by; the counter account takes the other side.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        POSTED = "posted"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    statement = models.ForeignKey(ExternalStatement, models.PROTECT, db_index=False, related_name="adjustments")
    number = models.IntegerField(null=True)
    entry = models.UUIDField(null=True)
    counter_account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="+")
    amount = models.DecimalField(**NUMERIC)
    reason = models.TextField()
    status = models.TextField(choices=Status.choices)
    proposed_by = models.TextField()
    proposed_identity = models.TextField()  # who answers for it, whatever they are called
    proposed_at = models.DateTimeField()
    decided_by = models.TextField(null=True)
    decided_identity = models.TextField(null=True)
    decided_at = models.DateTimeField(null=True)
    decision = models.TextField(blank=True, default="")
    posted = models.UUIDField(null=True)

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["statement", "number"],
                condition=Q(status="pending", number__isnull=False),
                name="adjustment_exists",
            ),
            UniqueConstraint(
                fields=["statement", "entry"],
                condition=Q(status="pending", entry__isnull=False),
                name="adjustment_exists_of_entry",
            ),
            CheckConstraint(
                condition=~Q(status="posted") | ~Q(decided_identity=F("proposed_identity")), name="four_eyes"
            ),
            CheckConstraint(
                condition=Q(number__isnull=False, entry__isnull=True) | Q(number__isnull=True, entry__isnull=False),
                name="adjustment_of_one",
            ),
            CheckConstraint(
                condition=Q(status="pending", decided_by__isnull=True, posted__isnull=True)
                | Q(status="posted", decided_by__isnull=False, posted__isnull=False)
                | Q(status="rejected", decided_by__isnull=False, posted__isnull=True),
                name="adjustment_status",
            ),
            CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_identity__isnull=True)
                | Q(decided_by__isnull=False, decided_identity__isnull=False),
                name="adjustment_decided",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "id"], name="adjustment_page")]

    def __str__(self) -> str:
        return f"adj_{self.id.hex}"
