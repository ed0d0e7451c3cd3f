"""Holds as the executor sees them, and the accounts that a command only names."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts, Bucket, account_key, look_up
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.caller import Caller
from ledger_project.log.documents import load_json
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

BUCKET_OF = {
    "hold": Bucket.HELD,
    "escrow": Bucket.ESCROWED,
    "stake": Bucket.BONDED,
    "withdrawal": Bucket.HELD,
}
# How a hold ends: when some of it has left the account, and when all of it has gone back.
ENDINGS = {
    "hold": ("captured", "released"),
    "escrow": ("released", "refunded"),
    "stake": ("slashed", "released"),
    "withdrawal": ("confirmed", "failed"),
}
CUSTODY = "platform:custody:{currency}"

_MUTABLE = (
    "captured",
    "released",
    "overcaptured",
    "status",
    "expires_at",
    "reason",
    "order_id",
    "captured_entry",
    "external_ref",
)


class HoldRow(Row):
    """A hold under lock."""

    __slots__ = (
        *_MUTABLE,
        "account",
        "allow_overcapture",
        "amount",
        "counterparty",
        "created_at",
        "currency",
        "destination",
        "id",
        "kind",
        "on_timeout",
        "references",
        "stripe",
        "updated_at",
    )

    def __init__(
        self,
        id: UUID,
        kind: str,
        account: UUID,
        currency: str,
        stripe: int,
        amount: int,
        *,
        created_at: datetime,
        counterparty: UUID | None = None,
        captured: int = 0,
        released: int = 0,
        overcaptured: int = 0,
        allow_overcapture: bool = False,
        status: str = "pending",
        expires_at: datetime | None = None,
        on_timeout: str = "refund",
        reason: str = "",
        references: dict[str, str] | None = None,
        order_id: str | None = None,
        captured_entry: UUID | None = None,
        destination: str | None = None,
        external_ref: str | None = None,
        updated_at: datetime | None = None,
    ) -> None:
        self.id = id
        self.kind = kind
        self.account = account
        self.currency = currency
        self.stripe = stripe
        self.amount = amount
        self.created_at = created_at
        self.counterparty = counterparty
        self.captured = captured
        self.released = released
        self.overcaptured = overcaptured
        self.allow_overcapture = allow_overcapture
        self.status = status
        self.expires_at = expires_at
        self.on_timeout = on_timeout
        self.reason = reason
        self.references = references or {}
        self.order_id = order_id
        self.captured_entry = captured_entry
        self.destination = destination
        self.external_ref = external_ref
        self.updated_at = updated_at or created_at
        self.new = self.changed = False

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "HoldRow":
        row = object.__new__(HoldRow)
        for name in _SLOTS:
            setattr(row, name, getattr(self, name))
        return row

    def belongs_to(self, caller: Caller) -> bool:
        """The holder's, and of whoever it is promised to."""
        return caller.account in (self.account, self.counterparty)

    @property
    def bucket(self) -> Bucket:
        return BUCKET_OF[self.kind]

    @property
    def remaining(self) -> int:
        return self.amount - self.captured - self.released

    def due(self, now: datetime) -> bool:
        """Whether its time is over; while in dispute an escrow's does not run out."""
        return self.status == "pending" and self.expires_at is not None and now >= self.expires_at

    def settle(self, captured: int, released: int, *, ending: str | None = None) -> None:
        """Account for money that has left or gone back; when nothing is left the hold has ended."""
        self.captured += captured
        self.released += released
        if self.remaining == 0:
            left, back = ENDINGS[self.kind]
            self.status = ending or (left if self.captured else back)

    def entry_references(self, **given: str | None) -> dict[str, str]:
        """What every entry of this hold refers to."""
        named = {name: value for name, value in given.items() if value is not None}
        return in_order({**self.references, **named, "hold": ids.show("hld", self.id)})

    def document(self) -> dict[str, Any]:
        """The hold as the log keeps it and the API shows it: its whole state, by its kind."""
        return {
            "id": ids.show("hld", self.id),
            "kind": self.kind,
            "account": ids.show("acc", self.account),
            "counterparty": ids.show("acc", self.counterparty) if self.counterparty else None,
            "currency": self.currency,
            "amount": str(self.amount),
            "captured": str(self.captured),
            "released": str(self.released),
            "remaining": str(self.remaining),
            "status": self.status,
            "expires_at": clock.stamp(self.expires_at) if self.expires_at else None,
            "reason": self.reason,
            "references": self.references,
            **self._special(),
            "created_at": clock.stamp(self.created_at),
            "updated_at": clock.stamp(self.updated_at),
        }

    def _special(self) -> dict[str, Any]:
        """What only holds of this kind have."""
        if self.kind == "hold":
            return {
                "allow_overcapture": self.allow_overcapture,
                "overcaptured": str(self.overcaptured),
                "order_id": self.order_id,
                "captured_entry": ids.show("ent", self.captured_entry) if self.captured_entry else None,
            }
        if self.kind == "escrow":
            return {"on_timeout": self.on_timeout}
        if self.kind == "withdrawal":
            return {"destination": self.destination, "external_ref": self.external_ref}
        return {}


def in_order(references: dict[str, str]) -> dict[str, str]:
    """In the order in which jsonb keeps keys, so that an answer and its replay are the same to the byte."""
    return dict(sorted(references.items(), key=lambda pair: (len(pair[0].encode()), pair[0].encode())))


_SLOTS = (*HoldRow.__slots__, "new", "changed")

_COLUMNS = """
hold.id, hold.kind, hold.account_id, account.currency, hold.stripe, hold.amount, hold.counterparty_id, hold.captured,
hold.released, hold.overcaptured, hold.allow_overcapture, hold.status, hold.expires_at, hold.on_timeout, hold.reason,
hold."references", hold.order_id, hold.captured_entry, hold.destination, hold.external_ref, hold.created_at,
hold.updated_at
"""
HOLDS = f"SELECT {_COLUMNS} FROM holds_hold AS hold JOIN accounts_account AS account ON account.id = hold.account_id"


def read_hold(record: Sequence[Any]) -> HoldRow:
    """A row of `HOLDS`."""
    (id, kind, account, currency, stripe, amount, counterparty, captured, released, overcaptured, allow_overcapture,
     status, expires_at, on_timeout, reason, references, order_id, captured_entry, destination, external_ref,
     created_at, updated_at) = record  # fmt: skip
    return HoldRow(
        id,
        kind,
        account,
        currency,
        stripe,
        int(amount),
        created_at=created_at,
        counterparty=counterparty,
        captured=int(captured),
        released=int(released),
        overcaptured=int(overcaptured),
        allow_overcapture=allow_overcapture,
        status=status,
        expires_at=expires_at,
        on_timeout=on_timeout,
        reason=reason,
        references=load_json(references),
        order_id=order_id,
        captured_entry=captured_entry,
        destination=destination,
        external_ref=external_ref,
        updated_at=updated_at,
    )


class HoldStore(Store):
    """Holds are locked by id before any balance, so whoever waits for a hold has no money locked.

    Kinds: `hold` (id); `hold_counterparty` (id): the account that the hold names; `hold_timeout` (id): that account,
    where the hold is released to it on timeout; `hold_payee` (id, pattern): that account, or the system account of the
    pattern where it names none; `hold_beside` (id, pattern): that system account; `withdrawal_ref` (a reference).
    """

    rank = LockOrder.HOLD
    row = HoldRow
    kinds = frozenset({"hold", "withdrawal_ref"})
    leads = frozenset({"hold_payee", "hold_beside", "hold_counterparty", "hold_timeout"})
    in_parts = True

    def prepare(self, wants: Wants, look: Look) -> None:
        """Whose money it is and on which row it stands never changes, so it is read before the lock."""
        keys = wants.refs.get("hold")
        if not keys:
            return
        holders, named, timeouts = {}, {}, {}
        for hold, account, stripe, counterparty, on_timeout in look(_PARTIES, (wants.tenant, list(keys))):
            holders[hold] = account
            wants.add("balance", (account, stripe))
            if counterparty is not None:
                named[hold] = counterparty
                timeouts[hold] = on_timeout
        wants.facts |= look_up(wants.tenant, set(holders.values()), look, remember=wants.committed)

        payees, beside = wants.refs.get("hold_payee", set()), wants.refs.get("hold_beside", set())
        receiving = wants.refs.get("hold_counterparty", set()) | {hold for hold, _ in payees}
        receiving |= {hold for hold in wants.refs.get("hold_timeout", ()) if timeouts.get(hold) == "release"}
        for hold in receiving & named.keys():
            wants.add("account", named[hold])
        for hold, pattern in beside | {pair for pair in payees if pair[0] not in named}:
            if hold in holders:
                wants.add("beside", (holders[hold], pattern))

    def reading(self, wants: Wants) -> Query | None:
        keys, paid = wants.refs.get("hold"), wants.refs.get("withdrawal_ref")
        if paid:
            return _LOCKED_WITH_REFERENCES, (wants.tenant, list(keys or ()), wants.tenant, list(map(fold, paid)))
        return (_LOCKED, (wants.tenant, list(keys))) if keys else None

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            row = read_hold(record)
            batch.load(row, *([] if row.external_ref is None else [("paid", fold(row.external_ref))]))

    def writing(self, rows: list[HoldRow], tenant: int, now: datetime) -> Iterable[Query]:
        placed = [row for row in rows if row.new]
        changed = [row for row in rows if not row.new]
        if placed:
            yield _insert_holds(placed, tenant)
        if changed:
            yield _update_holds(changed)


_PARTIES = """
SELECT id, account_id, stripe, counterparty_id, on_timeout FROM holds_hold WHERE tenant_id = %s AND id = ANY(%s::uuid[])
"""
_LOCKED = f"""
{HOLDS} WHERE hold.tenant_id = %s AND hold.id = ANY(%s::uuid[]) ORDER BY hold.id FOR NO KEY UPDATE OF hold
"""
_LOCKED_WITH_REFERENCES = f"""
{HOLDS}
 WHERE hold.tenant_id = %s AND hold.id = ANY(ARRAY(
       SELECT unnest(%s::uuid[])
        UNION ALL
       SELECT paid.id FROM holds_hold AS paid
        WHERE paid.tenant_id = %s AND folded(paid.external_ref) = ANY(%s::text[])))
 ORDER BY hold.id FOR NO KEY UPDATE OF hold
"""


def _insert_holds(rows: list[HoldRow], tenant: int) -> Query:
    return (
        "INSERT INTO holds_hold (tenant_id, id, kind, account_id, stripe, counterparty_id, amount, captured, released,"
        ' overcaptured, allow_overcapture, status, expires_at, on_timeout, reason, "references", destination,'
        " created_at, updated_at)"
        " SELECT %s, id, kind, account, stripe, counterparty, amount, 0, 0, 0, allow_overcapture, 'pending',"
        ' expires_at, on_timeout, reason, "references"::jsonb, destination, created_at, created_at'
        " FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::smallint[], %s::uuid[], %s::text[]::numeric[],"
        " %s::bool[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])"
        " AS new (id, kind, account, stripe, counterparty, amount, allow_overcapture, expires_at, on_timeout, reason,"
        ' "references", destination, created_at)',
        (
            tenant,
            [row.id for row in rows],
            [row.kind for row in rows],
            [row.account for row in rows],
            [row.stripe for row in rows],
            [row.counterparty for row in rows],
            [str(row.amount) for row in rows],
            [row.allow_overcapture for row in rows],
            [row.expires_at for row in rows],
            [row.on_timeout for row in rows],
            [row.reason for row in rows],
            [json.dumps(row.references) for row in rows],
            [row.destination for row in rows],
            [row.created_at for row in rows],
        ),
    )


def _update_holds(rows: list[HoldRow]) -> Query:
    return (
        "UPDATE holds_hold AS old SET captured = new.captured, released = new.released,"
        " overcaptured = new.overcaptured, status = new.status, expires_at = new.expires_at, reason = new.reason,"
        " order_id = new.order_id, captured_entry = new.captured_entry, external_ref = new.external_ref,"
        " updated_at = new.updated_at"
        " FROM unnest(%s::uuid[], %s::text[]::numeric[], %s::text[]::numeric[], %s::text[]::numeric[], %s::text[],"
        " %s::timestamptz[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::timestamptz[])"
        " AS new (id, captured, released, overcaptured, status, expires_at, reason, order_id, captured_entry,"
        " external_ref, updated_at) WHERE old.id = new.id",
        (
            [row.id for row in rows],
            [str(row.captured) for row in rows],
            [str(row.released) for row in rows],
            [str(row.overcaptured) for row in rows],
            [row.status for row in rows],
            [row.expires_at for row in rows],
            [row.reason for row in rows],
            [row.order_id for row in rows],
            [row.captured_entry for row in rows],
            [row.external_ref for row in rows],
            [row.updated_at for row in rows],
        ),
    )


class PartyRow(Row):
    """An account that a command names without moving its money: what never changes of it, and its status as last
    committed, which is judged again under lock when money moves."""

    by_meaning = True
    __slots__ = ("facts", "status")

    def __init__(self, facts: AccountFacts, status: str) -> None:
        self.facts, self.status = facts, status
        self.new = self.changed = False

    @property
    def key(self) -> str:
        return self.facts.ref

    def copy(self) -> "PartyRow":
        return self

    def belongs_to(self, caller: Caller) -> bool:
        return True


class PartyStore(Store):
    rank = LockOrder.PARTY
    row = PartyRow
    kinds = frozenset({"party"})

    def prepare(self, wants: Wants, look: Look) -> None:
        refs = {account_key(ref) for ref in wants.refs.get("party", ())}
        if refs:
            found = look_up(wants.tenant, refs, look, remember=wants.committed)
            wants.facts |= found
            wants.refs["party_id"] = {facts.id for facts in found.values()}

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("party_id")
        if not keys:
            return None
        return (
            "SELECT account_id, status FROM accounts_balance WHERE account_id = ANY(%s::uuid[]) AND stripe = 0",
            (list(keys),),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for account, status in records:
            row = PartyRow(wants.facts[account], status)
            batch.load(row, row.facts.meant)
