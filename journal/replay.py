"""Replay: rebuild what is stored from the log and its postings alone, and say exactly where the two differ.

Set-based: PostgreSQL adds up all postings in one pass, and what differs is read row by row. Nothing is repaired.
"""

from collections.abc import Iterator
from itertools import chain

from accounts.models import Balance
from accounts.replay import ACCOUNTS, opened
from accounts.rows import Bucket
from journal.reconciliation import verified
from ledger_project.log.checks import Check, Comparison, Difference, Scope, compare, view
from ledger_project.log.rebuilt import Column, Told, events, rebuild


def replay(tenant: int | None = None, *, incremental: bool = False) -> list[Difference]:
    """Every difference between what is stored and what the log says, of one tenant or of all."""
    return [each for _, found in replayed(tenant, incremental=incremental) for each in found]


def replayed(
    tenant: int | None = None, *, incremental: bool = False
) -> Iterator[tuple[Comparison, Iterator[Difference]]]:
    """The comparisons in turn, each with what it finds; all see one moment. Read each before the next.

    A full replay without a difference is the point from which an incremental one goes on.
    """
    with view():
        scope = verified.scope(tenant, incremental=incremental)
        sound = not incremental
        for comparison in rebuilding():
            found = comparison.find(scope)
            first = next(found, None)
            sound &= first is None
            yield comparison, chain([] if first is None else [first], found)
        if sound:
            verified.mark(tenant)


def rebuilding() -> list[Comparison]:
    """The comparisons that replay is made of."""
    return [comparison for comparison in Comparison.all if comparison.rebuilds]


BALANCES = Check("balances_equal_postings", "every bucket and the drawn credit is the sum of its postings")
VERSIONS = Check("versions_unbroken", "the postings of a balance row are numbered 1, 2, 3 … up to its version")
TRIAL_BALANCE = Check(
    "trial_balance_zero", "debits equal credits in every currency, and what they add up belongs to entries"
)

# A posting's amount is debit-positive; a balance is in its account's normal direction, and drawn credit is the other
# side of it.
_SIGN = (
    "(CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END"
    f" * CASE WHEN bucket = {int(Bucket.CREDIT_USED)} THEN -1 ELSE 1 END)"
)
_LABELS = ", ".join(f"'{bucket.label}'" for bucket in Bucket)
_BUCKETS = f"(ARRAY[{_LABELS}])[bucket + 1]"
_NAME = "coalesce(account.name, account_id::text) || CASE WHEN account.stripes > 1 THEN '#' || stripe ELSE '' END"


def _postings(scope: Scope) -> str:
    """The postings in scope, added up by balance row and bucket: the one pass that reads them all.

    Incrementally those behind the verified version of their row are read, by their primary key; a transaction that was
    late is among them, whenever it began.
    """
    sums = "sum(amount) AS amount, count(*) AS postings, max(version) AS newest"
    if scope.incremental:
        return f"""
            SELECT row.account_id, row.stripe, later.bucket, later.amount, later.postings, later.newest
              FROM accounts_balance AS row LEFT JOIN journal_verifiedbalance AS base USING (account_id, stripe)
             CROSS JOIN LATERAL (
                   SELECT bucket, {sums} FROM (
                          SELECT bucket, amount, version FROM journal_posting
                           WHERE account_id = row.account_id AND stripe = row.stripe
                             AND version > coalesce(base.version, 0) OFFSET 0) AS line
                    GROUP BY bucket) AS later
             WHERE {scope.of("row.tenant_id")}"""
    if scope.tenant is not None:
        return f"""
            SELECT account_id, stripe, bucket, {sums} FROM journal_posting
             WHERE account_id IN (SELECT id FROM accounts_account WHERE tenant_id = %(tenant)s)
             GROUP BY account_id, stripe, bucket"""
    return f"SELECT account_id, stripe, bucket, {sums} FROM journal_posting GROUP BY account_id, stripe, bucket"


def _balances(scope: Scope) -> str:
    base = "coalesce(base.{0}, 0)" if scope.incremental else "0"
    join = "LEFT JOIN journal_verifiedbalance AS base USING (account_id, stripe)" if scope.incremental else ""
    replayed = f"(coalesce(stored.base, 0) + coalesce({_SIGN} * posted.amount, 0))"
    columns = ", ".join(f"({bucket.value}, balance.{bucket.label}, {base.format(bucket.label)})" for bucket in Bucket)
    return f"""
WITH posted AS MATERIALIZED ({_postings(scope)}
), stored AS (
    SELECT account_id, stripe, bucket.number AS bucket, bucket.amount, bucket.base
      FROM accounts_balance AS balance {join}, LATERAL (VALUES {columns}) AS bucket (number, amount, base)
     WHERE {scope.of("balance.tenant_id")}
), chains AS (
    SELECT balance.tenant_id, account_id, stripe, balance.version, {base.format("version")} AS first,
           coalesce(posted.newest, {base.format("version")}) AS newest, coalesce(posted.postings, 0) AS postings
      FROM accounts_balance AS balance {join}
      LEFT JOIN (SELECT account_id, stripe, max(newest) AS newest, sum(postings) AS postings
                   FROM posted GROUP BY account_id, stripe) AS posted USING (account_id, stripe)
     WHERE {scope.of("balance.tenant_id")}
)
SELECT '{BALANCES.name}', account.tenant_id, {_NAME} || ' ' || {_BUCKETS},
       coalesce(stored.amount, 0)::text, {replayed}::text,
       'acc_' || replace(account_id::text, '-', '')
  FROM stored FULL JOIN posted USING (account_id, stripe, bucket)
  LEFT JOIN accounts_account AS account ON account.id = account_id
 WHERE coalesce(stored.amount, 0) <> {replayed}
 UNION ALL
SELECT '{VERSIONS.name}', chains.tenant_id, account.name || '#' || stripe, chains.version::text,
       newest || ', after ' || first || ' there are ' || postings, 'acc_' || replace(account_id::text, '-', '')
  FROM chains JOIN accounts_account AS account ON account.id = account_id
 WHERE chains.version <> newest OR newest - first <> postings
 UNION ALL
SELECT '{TRIAL_BALANCE.name}', account.tenant_id, account.currency, sum(posted.amount)::text, '0', NULL
  FROM posted JOIN accounts_account AS account ON account.id = account_id
 GROUP BY account.tenant_id, account.currency HAVING sum(posted.amount) <> 0
 ORDER BY 1, 2, 3
"""


Comparison((BALANCES, VERSIONS, TRIAL_BALANCE), _balances)

ENTRIES = compare(
    "entries_balance",
    "every entry is that of an event, has two postings or more in their order, and sums to zero in each currency",
    """
    SELECT entry.tenant_id, 'ent_' || replace(entry.id::text, '-', '') || ' ' || coalesce(posted.currency, ''),
           coalesce(posted.amount, 0) || ' in ' || coalesce(posted.postings, 0) || ' postings', '0'
      FROM journal_entry AS entry
      LEFT JOIN (SELECT posting.entry_id, account.currency, sum(posting.amount) AS amount, count(*) AS postings
                   FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
                  WHERE %(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s
                  GROUP BY posting.entry_id, account.currency) AS posted ON posted.entry_id = entry.id
     WHERE (%(tenant)s::int IS NULL OR entry.tenant_id = %(tenant)s)
       AND (coalesce(posted.amount, 0) <> 0 OR posted.entry_id IS NULL)
     UNION ALL
    SELECT entry.tenant_id, 'ent_' || replace(entry.id::text, '-', ''), 'an entry', 'no event'
      FROM journal_entry AS entry
     WHERE (%(tenant)s::int IS NULL OR entry.tenant_id = %(tenant)s)
       AND NOT EXISTS (SELECT FROM log_event AS event WHERE event.id = entry.id AND event.tenant_id = entry.tenant_id)
     UNION ALL
    SELECT entry.tenant_id, 'ent_' || replace(entry.id::text, '-', '') || ' seq',
           'from ' || posted.first || ' to ' || posted.last || ', ' || posted.sum || ' in all', '0, 1, 2 …'
      FROM journal_entry AS entry
      JOIN (SELECT entry_id, min(seq) AS first, max(seq) AS last, sum(seq) AS sum
              FROM journal_posting GROUP BY entry_id
            HAVING min(seq) <> 0 OR max(seq) <> count(*) - 1 OR sum(seq) * 2 <> count(*) * (count(*) - 1)) AS posted
        ON posted.entry_id = entry.id
     WHERE %(tenant)s::int IS NULL OR entry.tenant_id = %(tenant)s
    """,
    rebuilds=False,
)

# A posting without an entry is in no journal: the journal's debits and credits are not those of the books.
Comparison(
    (TRIAL_BALANCE,),
    f"""
    SELECT '{TRIAL_BALANCE.name}', account.tenant_id,
           account.name || ' ent_' || replace(posting.entry_id::text, '-', ''), posting.amount::text, 'no entry', NULL
      FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
     WHERE (%(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s)
       AND NOT EXISTS (SELECT FROM journal_entry AS entry
                        WHERE entry.id = posting.entry_id AND entry.tenant_id = account.tenant_id)
    """,
    rebuilds=False,
)

TOTALS = compare(
    "totals_equal_entries",
    "what came into and went out of a balance row in all is the sum of what its entries brought and took",
    """
    SELECT balance.tenant_id, account.name || '#' || balance.stripe,
           balance.total_in || ' in, ' || balance.total_out || ' out',
           coalesce(moved.total_in, 0) || ' in, ' || coalesce(moved.total_out, 0) || ' out'
      FROM accounts_balance AS balance JOIN accounts_account AS account ON account.id = balance.account_id
      LEFT JOIN (
           SELECT account_id, stripe, coalesce(sum(net) FILTER (WHERE net > 0), 0) AS total_in,
                  coalesce(-sum(net) FILTER (WHERE net < 0), 0) AS total_out
             FROM (SELECT posting.account_id, posting.stripe,
                          sum(posting.amount) * CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END AS net
                     FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
                    WHERE %(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s
                    GROUP BY posting.account_id, posting.stripe, posting.entry_id, account.type) AS entry
            GROUP BY account_id, stripe) AS moved USING (account_id, stripe)
     WHERE (%(tenant)s::int IS NULL OR balance.tenant_id = %(tenant)s)
       AND (balance.total_in, balance.total_out)
           IS DISTINCT FROM (coalesce(moved.total_in, 0), coalesce(moved.total_out, 0))
    """,
    rebuilds=False,
)


_STATUSES = ("account.frozen", "account.unfrozen", "account.closed")
_OF = "substr(event.result -> '{0}' ->> '{1}', 5)::uuid"


def _last_written(scope: Scope) -> str:
    """Every balance row of the accounts that were opened, with its last status and limit, and when it was last written:
    by the event of its newest posting, or by one that set a status or a limit, repaired it, or issued a statement.

    Incrementally the rows of accounts whose status or limit was set, and of these no more than that.
    """
    whole = not scope.incremental
    accounts = f"""
        SELECT tenant_id, id, (facts ->> 'stripes')::int AS stripes, facts ->> 'unbounded' AS unbounded, recorded_at
          FROM ({opened(scope)}) AS opened"""
    written = """greatest(account.recorded_at, status.recorded_at, credit.recorded_at, repaired.recorded_at, posted.at,
                        CASE WHEN status.status IS DISTINCT FROM 'closed' THEN stated.recorded_at END)"""
    if scope.incremental:
        written = "NULL"
        accounts = f"""
        SELECT tenant_id, id, stripes, unbounded::text, NULL::timestamptz AS recorded_at
          FROM accounts_account AS account
         WHERE {scope.of("tenant_id")} AND id IN (SELECT id FROM status UNION SELECT id FROM credit)"""
    return f"""
        WITH status AS (
            SELECT DISTINCT ON (id) id, status, recorded_at FROM (
                   SELECT event.id AS event, event.recorded_at, {_OF.format("account", "id")} AS id,
                          event.result -> 'account' ->> 'status' AS status
                     FROM {events(scope, *_STATUSES)} AS event) AS told
             ORDER BY id, event DESC
        ), credit AS (
            SELECT DISTINCT ON (id) id, credit_limit, recorded_at FROM (
                   SELECT event.id AS event, event.recorded_at, {_OF.format("account", "id")} AS id,
                          event.payload ->> 'credit_limit' AS credit_limit
                     FROM {events(scope, "credit_limit.set")} AS event) AS told
             ORDER BY id, event DESC
        ), stated AS (
            SELECT {_OF.format("statement", "account")} AS id, max(event.recorded_at) AS recorded_at
              FROM {events(scope, "statement.issued")} AS event GROUP BY 1
        ), repaired AS (
            SELECT {_OF.format("repair", "account")} AS id, (line ->> 'stripe')::int AS stripe,
                   max(event.recorded_at) AS recorded_at
              FROM {events(scope, "balance.repaired")} AS event,
                   json_array_elements(event.result -> 'repair' -> 'rows') AS line
             GROUP BY 1, 2
        )
        SELECT account.tenant_id, account.id, part.stripe, account.unbounded,
               coalesce(status.status, {"'open'" if whole else "NULL"}) AS status,
               coalesce(credit.credit_limit, {"'0'" if whole else "NULL"}) AS credit_limit, {written} AS updated_at
          FROM ({accounts}) AS account CROSS JOIN generate_series(0, account.stripes - 1) AS part (stripe)
          LEFT JOIN status ON status.id = account.id LEFT JOIN credit ON credit.id = account.id
          LEFT JOIN stated ON stated.id = account.id
          LEFT JOIN repaired ON repaired.id = account.id AND repaired.stripe = part.stripe
          LEFT JOIN LATERAL (
               SELECT event.recorded_at AS at
                 FROM journal_posting AS posting JOIN log_event AS event ON event.id = posting.entry_id
                WHERE posting.account_id = account.id AND posting.stripe = part.stripe
                ORDER BY posting.version DESC LIMIT 1) AS posted ON {"true" if whole else "false"}"""


rebuild(
    ACCOUNTS,
    Balance,
    Told(_last_written, in_part=True),
    key=("account_id", "stripe"),
    prefix="acc",
    columns={
        "account_id": "told.id",
        "stripe": "told.stripe",
        "unbounded": "told.unbounded",
        **{name: Column(f"told.{name}", where_told=True) for name in ("status", "credit_limit", "updated_at")},
    },
    held={
        **{bucket.label: BALANCES.name for bucket in Bucket},
        "version": VERSIONS.name,
        "total_in": "totals_equal_entries",
        "total_out": "totals_equal_entries",
    },
)
