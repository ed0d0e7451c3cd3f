"""Expiry: ending the holds and escrows whose time is over.

A hold counts as expired from its time on, whether or not this has run; here its money goes back. Any number of sweepers
may run at once: each passes over the holds that another has locked, and over those whose balance somebody holds.
"""

import logging
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from holds.system import run_all
from ledger_project.kernel import clock, ids
from ledger_project.log.each import for_each
from ledger_project.log.executor import Done, look

PAGE = 200  # holds ended by one transaction, so that none of them is locked for long
ACTOR = "system:expiry"

log = logging.getLogger(__name__)

Place = tuple[datetime, UUID]
_BEFORE_ALL: Place = datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0)


def expire_due(*, pages: int = 1000) -> Counter[str]:
    """End everything that is due; how many ended, and how many were refused by which rule.

    What is refused stays due and is passed over, so it does not stand in the way of the rest. At most `pages` pages
    of each tenant.
    """
    now = database_now()
    tally: Counter[str] = Counter()

    def expire(tenant: int) -> None:
        place: Place | None = _BEFORE_ALL
        for _ in range(pages):
            place = place and _expire_page(tenant, now, place, tally)

    for_each("expire_holds", [tenant for (tenant,) in look(_TENANTS, (now,))], expire)
    return tally


def database_now() -> datetime:
    """The time that commands go by."""
    return clock.adjusted(look("SELECT clock_timestamp()", ())[0][0])


def _expire_page(tenant: int, now: datetime, after: Place, tally: Counter[str]) -> Place | None:
    """End the next due holds after a place in their order; the place of the last one, or None after the last page."""
    due = look(_DUE, (tenant, now, *after, PAGE))
    keyed = [(f"expire:{hold}", {"hold": hold}) for hold in (ids.show("hld", id) for _, id in due)]
    results = run_all(tenant, ACTOR, "expire_hold", keyed) if due else []
    for (_, arguments), result in zip(keyed, results, strict=True):
        if isinstance(result, Done):
            tally["expired"] += not result.replayed
        else:
            tally[getattr(result, "code", type(result).__name__)] += 1
            log.warning("%s stays due: %s", arguments["hold"], result)
    return (due[-1][0], due[-1][1]) if len(due) == PAGE else None


# Each tenant's first due hold is one probe of the index; what is not due or was resolved costs nothing.
_TENANTS = """
SELECT tenant.id
  FROM accounts_tenant AS tenant
 CROSS JOIN LATERAL (
       SELECT FROM holds_hold AS hold
        WHERE hold.tenant_id = tenant.id AND hold.status = 'pending' AND hold.expires_at IS NOT NULL
          AND hold.expires_at <= %s
        ORDER BY hold.expires_at LIMIT 1
       ) AS due
 ORDER BY tenant.id
"""
# An escrow that is to be paid out waits while its buyer is frozen: no money may leave, and it is not the buyer's again.
_DUE = """
SELECT hold.expires_at, hold.id
  FROM holds_hold AS hold
  JOIN accounts_balance AS holder ON holder.account_id = hold.account_id AND holder.stripe = hold.stripe
 WHERE hold.tenant_id = %s AND hold.status = 'pending' AND hold.expires_at IS NOT NULL AND hold.expires_at <= %s
   AND (hold.expires_at, hold.id) > (%s, %s)
   AND NOT (hold.on_timeout = 'release' AND holder.status = 'frozen')
 ORDER BY hold.expires_at, hold.id LIMIT %s
   FOR NO KEY UPDATE OF hold SKIP LOCKED
"""
