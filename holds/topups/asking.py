"""Asking: accounts that have less than their rule says, once every few seconds, outside of what payments wait for.

The command judges again under the account's lock, so of sweepers that come to one at once, one asks.
"""

import logging
from datetime import datetime

from holds.system import run_all
from holds.topups.rows import month_of
from ledger_project.kernel import clock, ids
from ledger_project.log.each import for_each
from ledger_project.log.executor import Done, look

PAGE = 500  # accounts of a tenant in one run
ACTOR = "system:topups"

log = logging.getLogger(__name__)


def ask_due() -> int:
    """Give up the requests whose time is over, then ask for all that is due; how many requests were made."""
    asked: list[int] = []
    now = clock.adjusted(look("SELECT clock_timestamp()", ())[0][0])
    late = look("SELECT DISTINCT tenant_id FROM holds_topuprequest WHERE status = 'open' AND expires_at <= %s", (now,))
    for_each("request_topups", [tenant for (tenant,) in late], lambda tenant: _expire(tenant, now))
    due = look(f"SELECT DISTINCT rule.tenant_id FROM {_DUE}", (now, month_of(now)))
    for_each("request_topups", [tenant for (tenant,) in due], lambda tenant: asked.append(_ask(tenant, now)))
    return sum(asked)


def _expire(tenant: int, now: datetime) -> None:
    rows = look(
        "SELECT id FROM holds_topuprequest WHERE tenant_id = %s AND status = 'open' AND expires_at <= %s"
        f" ORDER BY expires_at LIMIT {PAGE}",
        (tenant, now),
    )
    named = [ids.show("top", request) for (request,) in rows]
    _send(tenant, "expire_topup", [(f"topup:expire:{topup}", {"topup": topup}) for topup in named])


def _ask(tenant: int, now: datetime) -> int:
    rows = look(
        f"SELECT rule.account_id, rule.updated_at, balance.version FROM {_DUE} AND rule.tenant_id = %s LIMIT {PAGE}",
        (now, month_of(now), tenant),
    )
    # What was decided for the account as it was is not decided twice at once.
    second = f"{now:%Y%m%d%H%M%S}"
    keyed = [
        (f"topup:{account}:{clock.stamp(updated_at)}:{version}:{second}", {"account": ids.show("acc", account)})
        for account, updated_at, version in rows
    ]
    return _send(tenant, "request_topup", keyed)


def _send(tenant: int, command: str, keyed: list[tuple[str, dict[str, str]]]) -> int:
    """How many were carried out now, and not by a sweeper that came first."""
    results = run_all(tenant, ACTOR, command, keyed) if keyed else []
    for (_, arguments), result in zip(keyed, results, strict=True):
        if not isinstance(result, Done):
            log.info("%s of %s: %s", command, *arguments.values(), result)
    return sum(isinstance(result, Done) and not result.replayed for result in results)


# Under its mark, with no request open and something left of its month; the command judges again.
_DUE = """
holds_topup AS rule
  JOIN accounts_balance AS balance ON balance.account_id = rule.account_id AND balance.stripe = 0
 WHERE rule.ended_at IS NULL AND rule.failures < 3 AND balance.status = 'open' AND balance.available < rule.below
   AND (rule.requested_at IS NULL OR rule.requested_at + rule.cooldown * interval '1 second' <= %s)
   AND (rule.at_most_per_month IS NULL OR rule.month IS DISTINCT FROM %s OR rule.asked < rule.at_most_per_month)
   AND NOT EXISTS (SELECT FROM holds_topuprequest AS request
                    WHERE request.account_id = rule.account_id AND request.status = 'open')
"""
