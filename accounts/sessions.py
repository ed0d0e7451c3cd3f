"""Session keys as the executor sees them: a named budget that one account's spends are charged to.

A session key is no secret. The API key says who calls; the session key says how much of the account that call may use.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts.errors import ReceiverNotAllowed, SessionKeyExpired, SessionKeyRevoked, SpendCapExceeded
from ledger_project.kernel import clock, ids
from ledger_project.log.caller import Caller
from ledger_project.log.documents import load_json
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Query, Row, Store, Wants


@dataclass(slots=True)
class SessionKeyRow(Row):
    """A session key under lock: its caps, and what was spent with it. Days are those of UTC."""

    id: UUID
    account_id: UUID
    max_per_spend: int | None
    max_per_day: int | None
    max_total: int | None
    allowed_receivers: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None
    spent_total: int = 0
    spent_day: int = 0
    spent_most: int = 0
    day: date | None = None
    last_spent_at: datetime | None = None
    new: bool = False
    changed: bool = False

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "SessionKeyRow":
        return replace(self)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account_id == caller.account

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

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("ssk", self.id),
            "account": ids.show("acc", self.account_id),
            "max_per_spend": _text(self.max_per_spend),
            "max_per_day": _text(self.max_per_day),
            "max_total": _text(self.max_total),
            "allowed_receivers": self.allowed_receivers,
            "created_at": clock.stamp(self.created_at),
            "expires_at": _stamp(self.expires_at),
            "revoked_at": _stamp(self.revoked_at),
            "spent_total": str(self.spent_total),
            "spent_day": str(self.spent_day),
            "spent_most": str(self.spent_most),
            "day": self.day.isoformat() if self.day else None,
            "last_spent_at": _stamp(self.last_spent_at),
        }


def _text(limit: int | None) -> str | None:
    return None if limit is None else str(limit)


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else clock.stamp(moment)


class SessionKeyStore(Store):
    """Session keys are locked by id, before entries, holds and balances."""

    rank = LockOrder.SESSION_KEY
    row = SessionKeyRow
    kinds = frozenset({"session_key"})

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("session_key")
        if not keys:
            return None
        return (
            f"SELECT {_COLUMNS} FROM accounts_sessionkey"
            " WHERE tenant_id = %s AND id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE",
            (wants.tenant, list(keys)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for id, account, per_spend, per_day, total, receivers, *rest in records:
            batch.load(SessionKeyRow(id, account, per_spend, per_day, total, load_json(receivers), *rest))

    def writing(self, rows: list[SessionKeyRow], tenant: int, now: datetime) -> Iterable[Query]:
        issued = [row for row in rows if row.new]
        used = [row for row in rows if not row.new]
        if issued:
            yield (
                f"INSERT INTO accounts_sessionkey (tenant_id, {_COLUMNS})"
                f" SELECT %s, {_COLUMNS.replace('allowed_receivers', 'allowed_receivers::jsonb')}"
                f" FROM unnest({_ARRAYS}) AS new ({_COLUMNS})",
                (tenant, *_arrays(issued)),
            )
        if used:
            yield (
                "UPDATE accounts_sessionkey AS old SET revoked_at = new.revoked_at, spent_total = new.spent_total,"
                " spent_day = new.spent_day, spent_most = new.spent_most, day = new.day,"
                f" last_spent_at = new.last_spent_at FROM unnest({_ARRAYS}) AS new ({_COLUMNS}) WHERE old.id = new.id",
                tuple(_arrays(used)),
            )


_TYPES = {
    "id": "uuid[]",
    "account_id": "uuid[]",
    "max_per_spend": "text[]::numeric[]",
    "max_per_day": "text[]::numeric[]",
    "max_total": "text[]::numeric[]",
    "allowed_receivers": "text[]",
    "created_at": "timestamptz[]",
    "expires_at": "timestamptz[]",
    "revoked_at": "timestamptz[]",
    "spent_total": "text[]::numeric[]",
    "spent_day": "text[]::numeric[]",
    "spent_most": "text[]::numeric[]",
    "day": "date[]",
    "last_spent_at": "timestamptz[]",
}
COLUMNS = tuple(_TYPES)
_COLUMNS = ", ".join(COLUMNS)
_ARRAYS = ", ".join(f"%s::{type}" for type in _TYPES.values())


def _arrays(rows: list[SessionKeyRow]) -> list[list[Any]]:
    return [[_sent(name, getattr(row, name)) for row in rows] for name in COLUMNS]


def _sent(column: str, value: Any) -> Any:
    """A column's value as it travels: numbers as text, which has one type at every size."""
    if value is None or not _TYPES[column].startswith("text"):
        return value
    return json.dumps(value) if column == "allowed_receivers" else str(value)
