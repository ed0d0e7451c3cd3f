"""The agent platform: which currency its agents have."""

from accounts.errors import CurrencyNotFound
from accounts.fields import CurrencyCode
from holds.agent_rows import AgentCurrencyRow
from holds.books import HoldBooks
from ledger_project.log.command import command


@command(
    event="agent_currency.set",
    refuses=(CurrencyNotFound,),
    also_wants=lambda call: [("agent_currency", None)],
)
def set_agent_currency(books: HoldBooks, *, currency: CurrencyCode) -> None:
    """Say which currency agents have where a call names none; without this it is the tenant's only one."""
    code = books.currency(currency).code
    row = books.find(AgentCurrencyRow, None) or books.add(AgentCurrencyRow(currency=code, set_at=books.now))
    row.currency, row.set_at, row.changed = code, books.now, True
    books.result["agent_currency"] = row.document()
