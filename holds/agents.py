"""The agent platform's words for what the ledger has: camelCase, and decimal strings by the currency's scale."""

from typing import Any

from accounts.errors import AccountNotFound
from accounts.models import BalanceTotal
from accounts.rows import DEBIT_NORMAL, AccountFacts, account_key, look_up
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidAmount
from ledger_project.kernel.money import from_decimal, to_decimal
from ledger_project.log.queries import read

SOURCE = "chain"  # of deposits that name nothing but a transaction hash
# Which of an entry's references the platform calls its reference, the most telling first.
TELLING = ("reference", "session_key", "order_id", "job_id", "escrow", "hold")


def facts_of(tenant: int, address: str) -> AccountFacts:
    """The agent's account. Refuses: AccountNotFound."""
    key = account_key(address)
    facts = None if "\x00" in address else look_up(tenant, [key], read).get(key)
    if facts is None:
        raise AccountNotFound(account=address[:300])
    return facts


def written(tenant: int, address: str) -> str:
    """An agent's address as it was first written; of one that is not there, as it is."""
    key = account_key(address)
    facts = look_up(tenant, [key], read).get(key)
    return facts.name if facts else address


def scale_of(tenant: int, address: str) -> int:
    """The decimals of the agent's currency; of an agent not seen before, those of the tenant's only currency.

    Refuses: AccountNotFound.
    """
    key = account_key(address)
    facts = None if "\x00" in address else look_up(tenant, [key], read).get(key)
    if facts is not None:
        return facts.scale
    scales = read("SELECT scale FROM accounts_currency WHERE tenant_id = %s LIMIT 2", [tenant])
    if len(scales) != 1:
        raise AccountNotFound(account=address[:300])
    return int(scales[0][0])


def minor_units(amount: str, scale: int) -> str:
    """ "10.50" as "1050". Refuses: InvalidAmount."""
    units = from_decimal(amount, scale)
    if units is None:
        raise InvalidAmount(field="amount", reason=f"not a decimal number with at most {scale} decimals")
    return str(units)


def show_balance(total: BalanceTotal, announced: int) -> dict[str, Any]:
    """An agent's balance; `pending` is what is held, withdrawals under way included, and what was announced."""
    shown: dict[str, Any] = {
        "available": total.available,
        "pending": int(total.held) + announced,
        "held": total.held,
        "pendingDeposits": announced,
        "escrowed": total.escrowed,
        "bonded": total.bonded,
        "promo": total.promo,
        "creditLimit": total.credit_limit,
        "creditUsed": total.credit_used,
        "totalIn": total.total_in,
        "totalOut": total.total_out,
    }
    return {
        "agentAddr": total.name,
        "currency": total.currency,
        **{name: to_decimal(int(amount), total.scale) for name, amount in shown.items()},
        "updatedAt": clock.stamp(total.updated_at),
    }


def show_entry(entry: dict[str, Any], facts: AccountFacts) -> dict[str, Any]:
    """An entry as one agent sees it: what it gained or lost, or else what was moved between its own buckets."""
    own = ids.show("acc", facts.id)
    sign = 1 if facts.type in DEBIT_NORMAL else -1
    values = [int(leg["amount"]) * sign for leg in entry["postings"] if leg["account"] == own]
    net = sum(values)
    references = entry["references"]
    return {
        "id": entry["id"],
        "agentAddr": facts.name,
        "type": entry["kind"],
        "direction": "in" if net > 0 else "out" if net < 0 else "none",
        "amount": to_decimal(abs(net) or sum(value for value in values if value > 0), facts.scale),
        "txHash": references.get("external_ref"),
        "reference": next((references[name] for name in TELLING if name in references), None),
        "description": entry["description"],
        "createdAt": entry["recorded_at"],
    }


def show_withdrawal(made: dict[str, Any], address: str, scale: int) -> dict[str, Any]:
    """A withdrawal that was just requested."""
    return {
        "id": made["id"],
        "agentAddr": address,
        "amount": to_decimal(int(made["amount"]), scale),
        "destination": made["destination"],
        "status": made["status"],
        "txHash": made["external_ref"],
        "createdAt": made["created_at"],
    }


def show_deposit(made: dict[str, Any], address: str, scale: int) -> dict[str, Any]:
    """A deposit that was just recorded."""
    return {
        "id": made["id"],
        "agentAddr": address,
        "amount": to_decimal(int(made["amount"]), scale),
        "txHash": made["external_ref"],
        "status": made["status"],
        "createdAt": made["created_at"],
    }
