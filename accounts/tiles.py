"""The dashboard's tiles about accounts and the books as a whole."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from ledger_project.kernel import clock
from ledger_project.log.executor import look
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.tiles import Number, NumberTile, Remembered, count_up_to, tile

# Debit balances less credit balances, of each tenant's each currency: zero, or the books are wrong. One statement, so
# one moment, in which every entry is whole.
_TRIAL_BALANCE = """
SELECT account.tenant_id, account.currency, account.scale,
       sum(CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END
           * (available + held + escrowed + bonded + fee_pool + promo - credit_used)) AS off
  FROM accounts_balance AS balance JOIN accounts_account AS account ON account.id = balance.account_id
 GROUP BY account.tenant_id, account.currency, account.scale
"""
CHECKED_EVERY = 60  # seconds: it reads every balance


@dataclass(frozen=True)
class TrialBalance:
    """Which currencies are off, and by how much."""

    currencies: int
    off: list[str]
    at: datetime


def trial_balance() -> TrialBalance:
    rows = look(_TRIAL_BALANCE, ())
    off = [f"{html.grouped(off, scale)} {currency} in tenant {tenant}" for tenant, currency, scale, off in rows if off]
    return TrialBalance(len(rows), off, clock.now())


checked = Remembered(trial_balance, CHECKED_EVERY)


@tile
class BooksBalance(NumberTile):
    title, permission, order = "Books", "accounts.view_balancetotal", 10

    def number(self) -> Number:
        found = checked.get()
        at = f"checked {found.at:%H:%M:%S} UTC"
        if found.off:
            return Number("Out of balance", f"{'; '.join(found.off[:3])}; {at}", tone="bad")
        count = "1 currency sums" if found.currencies == 1 else f"{found.currencies} currencies sum"
        return Number("In balance", f"{count} to zero; {at}", tone="good")


@tile
class Accounts(NumberTile):
    title, permission, order = "Accounts", "accounts.view_account", 20

    def number(self) -> Number:
        return Number(count_up_to(Account.objects.all()), "in all tenants", href=html.list_url("accounts.account"))
