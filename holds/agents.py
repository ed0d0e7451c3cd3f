"""The agent platform's words for what the ledger has: camelCase, and decimal strings by the currency's scale."""

from typing import Any
from uuid import UUID

from accounts.errors import AccountNotFound, CurrencyNotFound
from accounts.models import BalanceTotal
from accounts.rows import DEBIT_NORMAL, AccountFacts, account_key, look_up
from holds.errors import AgentCurrencyNotSet
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidAmount, InvalidRequest
from ledger_project.kernel.money import from_decimal, to_decimal
from ledger_project.log.queries import read

FURTHER = "#"  # between an agent's address and the code of a further currency
SOURCE = "chain"  # of deposits that name nothing but a transaction hash
# Which of an entry's references the platform calls its reference, the most telling first.
TELLING = ("reference", "session_key", "order_id", "job_id", "escrow", "hold")


def accounts_of(tenant: int, address: str, only: UUID | None = None) -> list[AccountFacts]:
    """All accounts of an agent: that of the address itself first, then one for each further currency.

    `only` is the one account that may be shown.
    """
    if "\x00" in address or FURTHER in address:
        return []
    key = account_key(address)
    further = [f"{address}{FURTHER}{code}" for (code,) in read(_CODES, [tenant])]
    found = look_up(tenant, [key, *further], read)
    return [found[ref] for ref in (key, *further) if ref in found and only in (None, found[ref].id)]


def facts_of(tenant: int, address: str, currency: str | None = None, only: UUID | None = None) -> AccountFacts:
    """The agent's account in a currency; without one, in the agents' currency, else the first that there is.

    Refuses: AccountNotFound.
    """
    found = accounts_of(tenant, address, only)
    wanted = currency or currency_of(tenant)
    facts = next((each for each in found if each.currency == wanted), None)
    if facts is None and currency is None and found:
        facts = found[0]
    if facts is None:
        raise AccountNotFound(account=address[:300], currency=currency)
    return facts


def currency_of(tenant: int) -> str | None:
    """The currency that agents have: the one that was set, else the tenant's only one."""
    found = read(_AGENTS_CURRENCY, [tenant])
    return str(found[0][0]) if len(found) == 1 else None


def account_for(tenant: int, address: str, currency: str | None) -> tuple[str, str, int]:
    """Where money for an agent goes: the account's name, its currency and its decimals, whether or not it is open yet.

    An agent's first account has the address itself for a name, one in a further currency `{address}#{currency}`.
    Refuses: InvalidRequest, AgentCurrencyNotSet, CurrencyNotFound.
    """
    if FURTHER in address:
        raise InvalidRequest(field="agentAddress", reason=f"has {FURTHER!r}, which tells an agent's accounts apart")
    found = accounts_of(tenant, address)
    code = currency or currency_of(tenant) or (found[0].currency if found else None)
    if code is None:
        raise AgentCurrencyNotSet()
    facts = next((each for each in found if each.currency == code), None)
    if facts is not None:
        return facts.name, code, facts.scale
    scales = read("SELECT scale FROM accounts_currency WHERE tenant_id = %s AND code = %s", [tenant, code])
    if not scales:
        raise CurrencyNotFound(currency=code)
    return (f"{address}{FURTHER}{code}" if found else address), code, int(scales[0][0])


_CODES = "SELECT code FROM accounts_currency WHERE tenant_id = %s ORDER BY code"
# At most two rows: one is an answer, two are none.
_AGENTS_CURRENCY = """
SELECT coalesce(agents.currency, currency.code)
  FROM accounts_currency AS currency LEFT JOIN holds_agentcurrency AS agents ON agents.tenant_id = currency.tenant_id
 WHERE currency.tenant_id = %s GROUP BY 1 LIMIT 2
"""


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
        "agentAddr": address_of(total.name),
        "currency": total.currency,
        **{name: to_decimal(int(amount), total.scale) for name, amount in shown.items()},
        "updatedAt": clock.stamp(total.updated_at),
    }


def address_of(name: str) -> str:
    """The agent that an account is of."""
    return name.partition(FURTHER)[0]


def show_entry(entry: dict[str, Any], facts: AccountFacts) -> dict[str, Any]:
    """An entry as one agent sees it: what it gained or lost, or else what was moved between its own buckets."""
    own = ids.show("acc", facts.id)
    sign = 1 if facts.type in DEBIT_NORMAL else -1
    values = [int(leg["amount"]) * sign for leg in entry["postings"] if leg["account"] == own]
    net = sum(values)
    references = entry["references"]
    return {
        "id": entry["id"],
        "agentAddr": address_of(facts.name),
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
