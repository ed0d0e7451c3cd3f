"""Session keys as the executor sees them: a named budget that one account's spends are charged to.

A session key is no secret. The API key says who calls; the session key says how much of the account that call may use.
"""

from datetime import date, datetime
from uuid import UUID

from accounts.errors import ReceiverNotAllowed, SessionKeyExpired, SessionKeyRevoked, SpendCapExceeded
from ledger_project.kernel import clock, ids
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored


@stored
class SessionKeyRow(StoredRow):
    """A session key under lock: its caps, and what was spent with it. Days are those of UTC."""

    id: UUID = column(public="ssk")
    account: UUID = column("account_id", public="acc")
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
    day: date | None = column(changes=True, default=None)
    last_spent_at: datetime | None = column(changes=True, default=None)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    def require_usable(self, *, receiver: UUID, at: datetime) -> None:
        """Refuses: SessionKeyRevoked, SessionKeyExpired, ReceiverNotAllowed."""
        shown = ids.show("ssk", self.id)
        if self.revoked_at is not None:
            raise SessionKeyRevoked(session_key=shown, revoked_at=clock.stamp(self.revoked_at))
        if self.expires_at is not None and self.expires_at <= at:
            raise SessionKeyExpired(session_key=shown, expired_at=clock.stamp(self.expires_at))
        if self.allowed_receivers is not None and ids.show("acc", receiver) not in self.allowed_receivers:
            raise ReceiverNotAllowed(session_key=shown, receiver=ids.show("acc", receiver))

    def charge(self, amount: int, *, at: datetime) -> None:
        """Count a spend. Refuses: SpendCapExceeded, naming the first cap in its way."""
        today = at.date()
        spent_today = self.spent_day if self.day == today else 0
        for cap, limit, spent in (
            ("max_per_spend", self.max_per_spend, 0),
            ("max_per_day", self.max_per_day, spent_today),
            ("max_total", self.max_total, self.spent_total),
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
        self.spent_total += amount
        self.spent_day = spent_today + amount
        self.spent_most = max(self.spent_most, amount)
        self.day, self.last_spent_at, self.changed = today, at, True


class SessionKeyStore(TableStore):
    """Session keys are locked by id, before entries, holds and balances."""

    rank = LockOrder.SESSION_KEY
    row = SessionKeyRow
    kinds = frozenset({"session_key"})
    table = "accounts_sessionkey"
