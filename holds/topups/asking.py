"""Asking: accounts that have less than their rule says, once every few seconds, outside of what payments wait for.

The command judges again under the account's lock, so of sweepers that come to one at once, one asks.
"""

import logging
from datetime import datetime

from holds.system import run_all
from ledger_project.kernel import clock, ids
from ledger_project.log.each import for_each
from ledger_project.log.executor import Done, look

PAGE = 500  # accounts of a tenant in one run
ACTOR = "system:topups"

log = logging.getLogger(__name__)


def ask_due() -> int:
    """Ask for all that is due; how many requests were made."""
    asked: list[int] = []
    now = clock.adjusted(look("SELECT clock_timestamp()", ())[0][0])
    due = look(f"SELECT DISTINCT rule.tenant_id FROM {_DUE}", (now, now))
    for_each("request_topups", [tenant for (tenant,) in due], lambda tenant: asked.append(_ask(tenant, now)))
    return sum(asked)


def _ask(tenant: int, now: datetime) -> int:
    rows = look(
        f"SELECT rule.account_id, rule.updated_at, balance.version FROM {_DUE} AND rule.tenant_id = %s LIMIT {PAGE}",
        (now, now, tenant),
    )
    # What was decided for the account as it was is not decided twice at once.
    second = f"{now:%Y%m%d%H%M%S}"
    keyed = [
        (f"topup:{account}:{clock.stamp(updated_at)}:{version}:{second}", {"account": ids.show("acc", account)})
        for account, updated_at, version in rows
    ]
    results = run_all(tenant, ACTOR, "request_topup", keyed) if keyed else []
    for (_, arguments), result in zip(keyed, results, strict=True):
        if not isinstance(result, Done):
            log.info("%s asks for nothing: %s", arguments["account"], result)
    return sum(isinstance(result, Done) for result in results)


# Under its mark and with no request open, but for one whose time is over; the rest the command judges.
_DUE = """
holds_topup AS rule
  JOIN accounts_balance AS balance ON balance.account_id = rule.account_id AND balance.stripe = 0
  LEFT JOIN holds_topuprequest AS request ON request.account_id = rule.account_id AND request.status = 'open'
 WHERE rule.ended_at IS NULL AND rule.failures < 3 AND balance.status = 'open'
   AND (request.expires_at <= %s OR (request.id IS NULL AND balance.available < rule.below
        AND (rule.requested_at IS NULL OR rule.requested_at + rule.cooldown * interval '1 second' <= %s)))
"""
