"""Issuing the statements of the months that are over, for every account, each once."""

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from uuid import UUID

from journal.errors import StatementOutOfChain
from journal.exports.reading import Period
from journal.statements.commands import SETTLED
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import Refusal
from ledger_project.log.each import Each
from ledger_project.log.executor import MAX_BATCH, Call, execute, system_call
from ledger_project.log.queries import read

log = logging.getLogger(__name__)
ACTOR = "system:statements"
COMMAND = "issue_statement"
PAGE = 200  # accounts at once


def issue_due(now: datetime, tenant: int | None = None) -> int:
    """Issue what is due of every account, or of every one of a tenant, however many months; how many were."""
    end = (now - SETTLED).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    issued, after = 0, UUID(int=0)
    each = Each("issue_statements")
    while page := read(_DUE, [after, tenant, tenant, end, PAGE]):
        after = page[-1][0]
        for owner, rows in groupby(sorted(page, key=lambda row: row[1]), key=lambda row: row[1]):
            issued += _issue_all(each, owner, {account: since for account, _, since in rows}, end)
    each.finish()
    return issued


def _issue_all(each: Each, tenant: int, due: dict[UUID, datetime], end: datetime) -> int:
    """A tenant's statements together; where that fails, account by account, as one that cannot be read is alone."""
    try:
        return _issue(tenant, due, end)
    except Exception:
        log.exception("the statements of tenant %s failed; each account's are issued by themselves", tenant)
    return sum(each.serve(due, lambda account: _issue(tenant, {account: due[account]}, end)))


def _issue(tenant: int, due: dict[UUID, datetime], end: datetime) -> int:
    calls = [call for account, since in due.items() for call in _calls(tenant, account, since, end)]
    batches = (calls[first : first + MAX_BATCH] for first in range(0, len(calls), MAX_BATCH))
    results = [result for batch in batches for result in execute(batch)]
    # What follows a month that waits for the sealer is out of its chain, and waits as well.
    refused = [result for result in results if isinstance(result, Refusal)]
    for bug in results:
        if isinstance(bug, Exception) and not isinstance(bug, Refusal):
            raise bug
    for refusal in refused:
        if not isinstance(refusal, StatementOutOfChain):
            log.warning("a statement of tenant %s is not issued: %s", tenant, refusal)
    return len(results) - len(refused)


def _calls(tenant: int, account: UUID, since: datetime, end: datetime) -> Iterator[Call]:
    """The statements of one account, month by month."""
    ref = ids.show("acc", account)
    while since < end:
        until = Period.named(f"{since:%Y-%m}").until
        if until is None:
            return
        month = {"since": clock.stamp(since), "until": clock.stamp(until)}
        key = f"statement:{ref}:{month['since']}"
        yield system_call(tenant, COMMAND, key=key, actor=ACTOR, account=ref, **month)
        since = until


# An account's first statement begins with the month in which it was opened.
_DUE = """
SELECT account.id, account.tenant_id, due.since
  FROM accounts_account AS account
  LEFT JOIN LATERAL (SELECT until FROM journal_issuedstatement WHERE account_id = account.id
                      ORDER BY since DESC LIMIT 1) AS last ON true
 CROSS JOIN LATERAL (SELECT coalesce(last.until, date_trunc('month', account.created_at, 'UTC')) AS since) AS due
 WHERE account.id > %s AND (%s::int IS NULL OR account.tenant_id = %s) AND due.since < %s ORDER BY account.id LIMIT %s
"""
