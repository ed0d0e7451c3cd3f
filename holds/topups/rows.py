"""Top-up rules and their requests as the executor sees them: an account has one rule, and one open request at most."""

from collections.abc import Hashable
from datetime import UTC, date, datetime
from uuid import UUID

from accounts.rows import account_key, look_up
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Look, Query, Wants

MOST_FAILURES = 3  # in a row, then the rule is off until it is set again


def month_of(at: datetime) -> date:
    """The first day of a calendar month of UTC."""
    return at.astimezone(UTC).date().replace(day=1)


@stored
class TopUpRow(StoredRow):
    """When an account asks for money, and how much: up to `to`, or an `amount`.

    `asked` is what it asked for in the calendar `month` (of UTC) and was not refused.
    """

    account: UUID = column("account_id", public="acc")
    below: int = money(changes=True)
    to: int | None = money(changes=True)
    amount: int | None = money(changes=True)
    at_most_per_month: int | None = money(changes=True)
    cooldown: int = column(changes=True)
    expires_in: int = column(changes=True)
    url: str | None = column(changes=True)
    failures: int = column(type="smallint", changes=True, default=0)
    month: date | None = column(changes=True, default=None)
    asked: int = money(changes=True, default=0)
    requested_at: datetime | None = column(changes=True, default=None)
    created_at: datetime = column()
    updated_at: datetime = column(changes=True)
    ended_at: datetime | None = column(changes=True, default=None)

    @property
    def key(self) -> UUID:
        return self.account

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    @property
    def disabled(self) -> bool:
        return self.failures >= MOST_FAILURES

    def count(self, amount: int, at: datetime) -> None:
        """Ask for so much, or for so much less, in this month."""
        first = month_of(at)
        if self.month != first:
            if amount < 0:
                return
            self.month, self.asked = first, 0
        self.asked = max(0, self.asked + amount)

    def left(self, at: datetime) -> int | None:
        """What it may still ask for in this month; None is without end."""
        if self.at_most_per_month is None:
            return None
        return self.at_most_per_month - (self.asked if self.month == month_of(at) else 0)


@stored
class TopUpRequestRow(StoredRow):
    """One request for money."""

    id: UUID = column(public="top")
    account: UUID = column("account_id", public="acc")
    amount: int = money()
    url: str | None = column()
    status: str = column(changes=True, default="open")
    reason: str = column(changes=True, default="")
    deposit: UUID | None = column("deposit_id", public="dep", changes=True, default=None)
    requested_at: datetime = column()
    expires_at: datetime = column()
    settled_at: datetime | None = column(changes=True, default=None)

    @property
    def names(self) -> tuple[Hashable, ...]:
        return (("open", self.account),) if self.status == "open" else ()

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    def settle(self, status: str, at: datetime, reason: str = "") -> None:
        self.status, self.reason, self.settled_at, self.changed = status, reason, at, True


class TopUpStore(TableStore):
    """Wants: `topup` an account, by reference, and its open request; `topup_rule` a request (UUID), and its rule."""

    rank = LockOrder.TOPUP
    row = TopUpRow
    kinds = frozenset({"topup", "topup_rule"})
    table = "holds_topup"
    key_columns = ("account_id",)

    def prepare(self, wants: Wants, look: Look) -> None:
        refs = {account_key(ref) for ref in wants.refs.get("topup", ())}
        found = look_up(wants.tenant, refs, look, remember=wants.committed)
        accounts = {found[ref].id for ref in refs if ref in found}
        for account in accounts:
            wants.add("topup_open", account)
        named = list(wants.refs.get("topup_rule", ()))
        for request in named:
            wants.add("topup_request", request)
        rules = look(_PARTIES, (wants.tenant, named)) if named else []
        wants.refs["topup"] = accounts | {account for (account,) in rules}

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("topup")
        return self.columns.locked(wants.tenant, "stored.account_id = ANY(%s::uuid[])", list(keys)) if keys else None


class TopUpRequestStore(TableStore):
    """Wants: `topup_request` by id, which wants its rule; `topup_open` the open one of an account (UUID)."""

    rank = LockOrder.TOPUP_REQUEST
    row = TopUpRequestRow
    kinds = frozenset({"topup_request", "topup_open"})
    table = "holds_topuprequest"

    def reading(self, wants: Wants) -> Query | None:
        keys, accounts = list(wants.refs.get("topup_request", ())), list(wants.refs.get("topup_open", ()))
        condition = "(stored.id = ANY(%s::uuid[]) OR (stored.status = 'open' AND stored.account_id = ANY(%s::uuid[])))"
        return self.columns.locked(wants.tenant, condition, keys, accounts) if keys or accounts else None


_PARTIES = """
SELECT DISTINCT account_id FROM holds_topuprequest WHERE tenant_id = %s AND id = ANY(%s::uuid[])
"""
