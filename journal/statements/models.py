"""Statements that were issued: one chain for each account, from its first month on. They stand."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from accounts.models import NUMERIC


class IssuedStatement(models.Model):
    """The head and the sums of a statement; its lines are the postings. Its id is that of the event that issued it.

    `opening` and `closing` are buckets in their order, `version` how many postings of the account there were at the
    end. The rules of the chain are in sql/statement_chain.sql.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", models.PROTECT, db_index=False, related_name="+")
    account = models.ForeignKey("accounts.Account", models.PROTECT, db_index=False, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    opening = ArrayField(models.DecimalField(**NUMERIC))
    closing = ArrayField(models.DecimalField(**NUMERIC))
    version = models.BigIntegerField()
    total_in = models.DecimalField(**NUMERIC)
    total_out = models.DecimalField(**NUMERIC)
    lines = models.BigIntegerField()
    log_from = models.BigIntegerField()
    log_to = models.BigIntegerField()
    log_root = models.BinaryField(null=True)
    lines_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["account", "since"], name="statement_exists"),
            CheckConstraint(condition=Q(since__lt=F("until")), name="statement_period"),
            CheckConstraint(
                condition=Q(lines__gte=0, log_from__gte=0, log_to__gte=F("log_from")), name="statement_log"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="statement_page")]

    def __str__(self) -> str:
        return f"stm_{self.id.hex}"
