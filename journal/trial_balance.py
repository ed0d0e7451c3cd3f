"""The trial balance: every account's debit or credit balance, summed along the segments of the names, at any moment.

Over a whole tenant debits equal credits in each currency, at every moment; under a prefix they need not.
"""

from dataclasses import dataclass, field
from typing import Any

from accounts.queries import BUCKET_COLUMNS
from journal import as_of
from journal.as_of import Cut
from journal.errors import TrialBalanceTooLong
from ledger_project.log.queries import read

ROWS = 10_000
DEEPEST = 16


@dataclass(frozen=True)
class Row:
    """An account, or all accounts below the first segments of a name. Minor units, both sides positive."""

    name: str
    depth: int
    accounts: int
    debit: int
    credit: int

    @property
    def net(self) -> int:
        """Positive is a debit."""
        return self.debit - self.credit

    def document(self) -> dict[str, Any]:
        amounts = {side: str(getattr(self, side)) for side in ("debit", "credit", "net")}
        return {"name": self.name, "depth": self.depth, "accounts": self.accounts, **amounts}


@dataclass
class Side:
    """One currency's tree, in the order of its names."""

    currency: str
    scale: int
    total: Row = field(default_factory=lambda: Row("", 0, 0, 0, 0))
    rows: list[Row] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "scale": self.scale,
            "debit": str(self.total.debit),
            "credit": str(self.total.credit),
            "accounts": self.total.accounts,
            "rows": [row.document() for row in self.rows],
        }


def trial_balance(
    tenant: int, cut: Cut, *, prefix: str | None = None, currency: str | None = None, depth: int = 2
) -> list[Side]:
    """The tree down to a depth, by currency. Refuses: TrialBalanceTooLong."""
    table, parameters = as_of.balances(tenant, cut) if cut else ("accounts_balance", [])
    records = read(
        _TREE.format(balances=table), [*parameters, tenant, prefix, prefix, currency, currency, depth, ROWS + 1]
    )
    if len(records) > ROWS:
        raise TrialBalanceTooLong(rows=ROWS)
    found: dict[str, Side] = {}
    for code, scale, level, name, accounts, debit, credit in records:
        side = found.setdefault(code, Side(code, scale))
        row = Row(name, level, accounts, int(debit), int(credit))
        if level:
            side.rows.append(row)
        else:
            side.total = row
    return list(found.values())


_POSTED = " + ".join(f"balance.{column}" for column in BUCKET_COLUMNS[:-1]) + f" - balance.{BUCKET_COLUMNS[-1]}"
# Each account stands on every level of its name; level 0 is the total of its currency.
_TREE = f"""
WITH had AS (
    SELECT account.id, account.name, account.currency, account.scale,
           CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END * sum({_POSTED}) AS debit
      FROM accounts_account AS account JOIN {{balances}} AS balance ON balance.account_id = account.id
     WHERE account.tenant_id = %s AND (%s::text IS NULL OR account.name ^@ %s)
       AND (%s::text IS NULL OR account.currency = %s)
     GROUP BY account.id
)
SELECT currency COLLATE "C", min(scale), level, array_to_string(parts[:level], ':') COLLATE "C" AS name, count(*),
       coalesce(sum(debit) FILTER (WHERE debit > 0), 0), coalesce(-sum(debit) FILTER (WHERE debit < 0), 0)
  FROM had
 CROSS JOIN LATERAL string_to_array(name, ':') AS parts
 CROSS JOIN LATERAL generate_series(0, least(cardinality(parts), %s)) AS level
 GROUP BY 1, parts[:level], level ORDER BY 1, parts[:level] COLLATE "C", level LIMIT %s
"""
