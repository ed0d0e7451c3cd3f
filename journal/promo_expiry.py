"""Expiry of promotional money: burning what is left of the grants whose time is over.

A grant is not spendable from its moment on, whether or not this has run. Of sweepers that come to it at once, one burns
it and the others learn that it did; a balance that somebody holds is passed over.
"""

import logging
from collections import Counter
from datetime import datetime
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log.each import for_each
from ledger_project.log.executor import Done, execute_free, look, system_call

PAGE = 200  # grants burnt by one transaction, so that none of them is locked for long
PAGES = 1000  # of one tenant in one run
ACTOR = "system:expiry"
START = (datetime.fromisoformat("1970-01-01T00:00:00Z"), UUID(int=0))

log = logging.getLogger(__name__)

Place = tuple[datetime, UUID]


def expire_due() -> Counter[str]:
    """Burn everything that is due; how many grants were, and how many were refused by which rule.

    What is refused stays due and is passed over, so it does not stand in the way of the rest.
    """
    now = clock.adjusted(look("SELECT clock_timestamp()", ())[0][0])
    tally: Counter[str] = Counter()

    def expire(tenant: int) -> None:
        place: Place | None = START
        for _ in range(PAGES):
            place = place and _expire_page(tenant, now, place, tally)

    for_each("expire_promos", [tenant for (tenant,) in look(_TENANTS, (now,))], expire)
    return tally


def _expire_page(tenant: int, now: datetime, after: Place, tally: Counter[str]) -> Place | None:
    """Burn the next due grants after a place in their order; the place of the last one, or None after the last page."""
    due = look(_DUE, (tenant, now, *after, PAGE))
    # The key says how much was burnt before, which only grows: what comes back to a grant expires anew.
    calls = [
        system_call(tenant, "expire_promo", key=f"expire:{grant}:{burned}", actor=ACTOR, grant=grant)
        for grant, burned in ((ids.show("prm", grant), burned) for _, grant, burned in due)
    ]
    for call, result in zip(calls, execute_free(calls) if calls else [], strict=True):
        if isinstance(result, Done):
            tally["expired"] += not result.replayed
        else:
            tally[getattr(result, "code", type(result).__name__)] += 1
            log.warning("%s stays due: %s", call.payload["grant"], result)
    return due[-1][:2] if len(due) == PAGE else None


_TENANTS = """
SELECT DISTINCT tenant_id FROM journal_promogrant
 WHERE expires_at <= %s AND spent + held + burned < amount ORDER BY tenant_id
"""
# No money leaves a frozen account, not even money that nobody can spend; it is burnt when the account is unfrozen.
_DUE = """
SELECT due.expires_at, due.id, due.burned
  FROM journal_promogrant AS due
  JOIN accounts_balance AS holder ON holder.account_id = due.account_id AND holder.status <> 'frozen'
 WHERE due.tenant_id = %s AND due.expires_at <= %s AND due.spent + due.held + due.burned < due.amount
   AND (due.expires_at, due.id) > (%s, %s)
 ORDER BY due.expires_at, due.id LIMIT %s
"""
