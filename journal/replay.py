"""Replay: recompute what is stored from what was posted, and say exactly where they differ.

Set-based, in one pass of PostgreSQL over the postings; nothing is repaired. A check is a named query that finds
differences; an empty result is a pass.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import connection

from accounts.rows import Bucket

LIMIT = 1000  # differences listed of one check; the count says how many there are


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the postings say."""

    check: str
    tenant: int
    subject: str
    stored: str
    replayed: str


@dataclass(frozen=True)
class Check:
    """A named comparison. Its query takes a tenant or NULL for all, and yields tenant, subject, stored, replayed."""

    name: str
    says: str
    query: str

    all: ClassVar[list["Check"]] = []

    def __post_init__(self) -> None:
        Check.all.append(self)

    def run(self, tenant: int | None) -> Iterator[Difference]:
        with connection.cursor() as cursor:
            cursor.execute(self.query, {"tenant": tenant})
            for record in cursor.fetchmany(LIMIT):
                yield Difference(self.name, *map(_plain, record))


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)


def replay(tenant: int | None = None, *, watch: Callable[[Check], None] = lambda check: None) -> list[Difference]:
    """Every difference that any check finds; one read-only snapshot for all of them."""
    differences: list[Difference] = []
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            for check in Check.all:
                watch(check)
                differences += check.run(tenant)
        finally:
            cursor.execute("ROLLBACK")
    return differences


def _sums() -> str:
    # A posting's amount is debit-positive; a balance is in its account's normal direction, and drawn credit is the
    # other side of it.
    sign = "CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END"
    flipped = "CASE WHEN bucket = 6 THEN -1 ELSE 1 END"
    return f"{sign} * {flipped} * replayed.amount"


_BALANCES = f"""
WITH replayed AS (
    SELECT account_id, stripe, bucket, sum(amount) AS amount
      FROM journal_posting GROUP BY account_id, stripe, bucket
), stored AS (
    SELECT balance.tenant_id, balance.account_id, balance.stripe, bucket.number AS bucket, bucket.amount
      FROM accounts_balance AS balance, LATERAL (VALUES
           {", ".join(f"({bucket.value}, balance.{bucket.label})" for bucket in Bucket)}) AS bucket (number, amount)
     WHERE %(tenant)s::int IS NULL OR balance.tenant_id = %(tenant)s
)
SELECT account.tenant_id,
       account.name || CASE WHEN account.stripes > 1 THEN '#' || stripe ELSE '' END || ' '
         || (ARRAY[{", ".join(f"'{bucket.label}'" for bucket in Bucket)}])[bucket + 1],
       coalesce(stored.amount, 0), coalesce({_sums()}, 0)
  FROM stored FULL JOIN replayed USING (account_id, stripe, bucket)
  JOIN accounts_account AS account ON account.id = account_id
 WHERE (%(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s)
   AND coalesce(stored.amount, 0) <> coalesce({_sums()}, 0)
 ORDER BY 1, 2
"""

BALANCES = Check("balances_equal_postings", "every bucket is the sum of its postings", _BALANCES)

ENTRIES = Check(
    "entries_balance",
    "every entry has two postings or more and sums to zero in each currency",
    """
    SELECT entry.tenant_id, 'ent_' || replace(entry.id::text, '-', '') || ' ' || coalesce(account.currency, ''),
           coalesce(sum(posting.amount), 0), 0
      FROM journal_entry AS entry
      LEFT JOIN journal_posting AS posting ON posting.entry_id = entry.id
      LEFT JOIN accounts_account AS account ON account.id = posting.account_id
     WHERE %(tenant)s::int IS NULL OR entry.tenant_id = %(tenant)s
     GROUP BY entry.tenant_id, entry.id, account.currency
    HAVING coalesce(sum(posting.amount), 0) <> 0 OR count(posting.entry_id) = 0
    """,
)

VERSIONS = Check(
    "versions_unbroken",
    "the postings of a balance row are numbered 1, 2, 3 … up to its version",
    """
    SELECT balance.tenant_id, account.name || '#' || balance.stripe, balance.version,
           coalesce(posted.newest, 0) || ' of ' || coalesce(posted.count, 0)
      FROM accounts_balance AS balance
      JOIN accounts_account AS account ON account.id = balance.account_id
      LEFT JOIN (SELECT account_id, stripe, max(version) AS newest, count(*) AS count
                   FROM journal_posting GROUP BY account_id, stripe) AS posted
             ON posted.account_id = balance.account_id AND posted.stripe = balance.stripe
     WHERE (%(tenant)s::int IS NULL OR balance.tenant_id = %(tenant)s)
       AND (balance.version <> coalesce(posted.newest, 0) OR balance.version <> coalesce(posted.count, 0))
    """,
)

TRIAL_BALANCE = Check(
    "trial_balance_zero",
    "debits equal credits in every currency",
    """
    SELECT account.tenant_id, account.currency, sum(posting.amount), 0
      FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
     WHERE %(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s
     GROUP BY account.tenant_id, account.currency HAVING sum(posting.amount) <> 0
    """,
)
