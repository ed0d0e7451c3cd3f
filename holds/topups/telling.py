"""Where to top up: told to who is refused for want of money."""

from typing import Any

from accounts.rows import account_key, look_up
from holds.models import TopUp
from holds.topups.rows import MOST_FAILURES
from ledger_project.kernel.errors import Refusal
from ledger_project.log.queries import read


def where_to_top_up(tenant: int, refusal: Refusal) -> dict[str, Any]:
    """The `topup_url` of the account that is short, and whether its rule was switched off by failures."""
    name = refusal.facts.get("account")
    key = account_key(name) if isinstance(name, str) else ""
    facts = look_up(tenant, [key], read).get(key) if key else None
    rule = TopUp.objects.filter(account=facts.id, ended_at__isnull=True).first() if facts else None
    if rule is None:
        return {}
    told: dict[str, Any] = {"topup_url": rule.url} if rule.url else {}
    return told | ({"topup_disabled": True} if rule.failures >= MOST_FAILURES else {})
