"""Session keys as the executor sees them: a named budget that one account's spends are charged to.

A session key is no secret. The API key says who calls; the session key says how much of the account that call may use.
"""

from datetime import date, datetime
from uuid import UUID

from accounts.errors import ReceiverNotAllowed, SessionKeyExpired, SessionKeyRevoked, SpendCapExceeded
from ledger_project.kernel import clock, ids
from ledger_project.kernel.money import LIMIT
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored


@stored
class SessionKeyRow(StoredRow):
    """A session key under lock: its caps, and what was spent with it. Days are those of UTC."""

    id: UUID = column(public="ssk")
    account: UUID = column("account_id", public="acc")
    currency: str = column(joined="account.currency", shown=False, default="")
    max_per_spend: int | None = money()
    max_per_day: int | None = money()
    max_total: int | None = money()
    allowed_receivers: list[str] | None = column()
    created_at: datetime = column()
    expires_at: datetime | None = column()
    revoked_at: datetime | None = column(changes=True, default=None)
    spent_total: int = money(changes=True, default=0)
    spent_day: int = money(changes=True, default=0)
    spent_most: int = money(changes=True, default=0)
    reserved_total: int = money(changes=True, default=0)
    reserved_day: int = money(changes=True, default=0)
    day: date | None = column(changes=True, default=None)
    last_spent_at: datetime | None = column(changes=True, default=None)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    def require_usable(self, *, receiver: UUID | None, at: datetime) -> None:
        """For a payment to this account, or to one that nobody knows yet.

        Refuses: SessionKeyRevoked, SessionKeyExpired, ReceiverNotAllowed.
        """
        shown = ids.show("ssk", self.id)
        if self.revoked_at is not None:
            raise SessionKeyRevoked(session_key=shown, revoked_at=clock.stamp(self.revoked_at))
        if self.expires_at is not None and self.expires_at <= at:
            raise SessionKeyExpired(session_key=shown, expired_at=clock.stamp(self.expires_at))
        self.require_receiver(receiver)

    def require_receiver(self, receiver: UUID | None) -> None:
        """Refuses: ReceiverNotAllowed."""
        shown = receiver and ids.show("acc", receiver)
        if self.allowed_receivers is not None and shown not in self.allowed_receivers:
            raise ReceiverNotAllowed(session_key=ids.show("ssk", self.id), receiver=shown)

    def room(self, *, at: datetime) -> int:
        """How much could be spent with it now, by its caps and its time."""
        if self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= at):
            return 0
        today = self.spent_day + self.reserved_day if self.day == at.date() else 0
        total = self.spent_total + self.reserved_total
        caps = (self.max_per_spend, 0), (self.max_per_day, today), (self.max_total, total)
        return max(0, min((cap - spent for cap, spent in caps if cap is not None), default=LIMIT))

    def charge(self, amount: int, *, at: datetime, reserved: bool = False) -> None:
        """Count a spend, or what a hold promises. Refuses: SpendCapExceeded, naming the first cap in its way."""
        today = at.date()
        if self.day != today:
            self.day, self.spent_day, self.reserved_day = today, 0, 0
        for cap, limit, spent in (
            ("max_per_spend", self.max_per_spend, 0),
            ("max_per_day", self.max_per_day, self.spent_day + self.reserved_day),
            ("max_total", self.max_total, self.spent_total + self.reserved_total),
        ):
            if limit is not None and spent + amount > limit:
                raise SpendCapExceeded(
                    session_key=ids.show("ssk", self.id),
                    cap=cap,
                    limit=str(limit),
                    spent=str(spent),
                    asked=str(amount),
                    left=str(limit - spent),
                )
        if reserved:
            self.reserved_total += amount
            self.reserved_day += amount
        else:
            self.spent_total += amount
            self.spent_day += amount
        self.spent_most = max(self.spent_most, amount)
        self.last_spent_at, self.changed = at, True

    def settle(self, amount: int, *, paid: bool, placed_at: datetime) -> None:
        """Of what a hold promised on its day, so much was paid or goes back; a revoked key pays what it promised."""
        of_its_day = amount if self.day == placed_at.date() else 0
        self.reserved_total -= amount
        self.reserved_day -= of_its_day
        if paid:
            self.spent_total += amount
            self.spent_day += of_its_day
        self.changed = True


class SessionKeyStore(TableStore):
    """Session keys are locked by id, before entries, holds and balances."""

    rank = LockOrder.SESSION_KEY
    row = SessionKeyRow
    kinds = frozenset({"session_key"})
    table = "accounts_sessionkey"
    joins = "JOIN accounts_account AS account ON account.id = stored.account_id"
