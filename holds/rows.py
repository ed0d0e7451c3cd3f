"""Holds as the executor sees them, and the accounts that a command only names."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts, Bucket, account_key, look_up
from journal.commands.shared import BREAKAGE, ISSUANCE
from journal.promo import Use, read_uses
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.caller import Caller
from ledger_project.log.documents import load_json
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
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


@stored
class HoldRow(StoredRow):
    """A hold under lock."""

    id: UUID = column(public="hld")
    kind: str = column()
    account: UUID = column("account_id", public="acc")
    counterparty: UUID | None = column("counterparty_id", public="acc", default=None)
    currency: str = column(joined="account.currency")
    stripe: int = column(type="smallint", shown=False)
    amount: int = money()
    captured: int = money(changes=True, default=0)
    released: int = money(changes=True, default=0)
    overcaptured: int = money(shown=False, changes=True, default=0)
    allow_overcapture: bool = column(shown=False, default=False)
    status: str = column(changes=True, default="pending")
    expires_at: datetime | None = column(changes=True, default=None)
    on_timeout: str = column(shown=False, default="refund")
    reason: str = column(changes=True, default="")
    references: dict[str, str] = column(default_factory=dict)
    session_key: UUID | None = column(public="ssk", default=None)
    budgets: list[dict[str, Any]] = column(default_factory=list)
    grants: list[dict[str, Any]] = column(default_factory=list)
    order_id: str | None = column(shown=False, changes=True, default=None)
    captured_entry: UUID | None = column(shown=False, changes=True, default=None)
    destination: str | None = column(shown=False, default=None)
    external_ref: str | None = column(shown=False, changes=True, default=None)
    created_at: datetime = column()
    updated_at: datetime = column(changes=True)

    @property
    def names(self) -> tuple[Hashable, ...]:
        """A withdrawal, by what it was paid under."""
        return () if self.external_ref is None else (("paid", fold(self.external_ref)),)

    def belongs_to(self, caller: Caller) -> bool:
        """The holder's, and of whoever it is promised to."""
        return caller.account in (self.account, self.counterparty)

    @property
    def bucket(self) -> Bucket:
        return BUCKET_OF[self.kind]

    @property
    def uses(self) -> list[Use]:
        """The grants that it was placed with, in their order; what is more of it is the account's own money.

        What is paid is paid by the first of them, and what goes back goes back to the last.
        """
        return read_uses(self.grants)

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
        return {**self.shown(), "remaining": str(self.remaining), **self._special()}

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


class HoldStore(TableStore):
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
    table = "holds_hold"
    joins = "JOIN accounts_account AS account ON account.id = stored.account_id"

    def prepare(self, wants: Wants, look: Look) -> None:
        """Whose money it is and on which row it stands never changes, so it is read before the lock."""
        keys = wants.refs.get("hold")
        if not keys:
            return
        holders, named, timeouts = {}, {}, {}
        for hold, account, stripe, counterparty, on_timeout, session_key, budgets, grants in look(
            _PARTIES, (wants.tenant, list(keys))
        ):
            holders[hold] = account
            wants.add("balance", (account, stripe))
            if session_key is not None:
                wants.add("session_key", session_key)
            for each in load_json(budgets):
                wants.add("budget", ids.read("bud", each["budget"]))
                wants.add("budget_window", (ids.read("bud", each["budget"]), clock.read(each["window"])))
            for use in read_uses(load_json(grants)):  # what comes back to one that is over is burnt, or is breakage
                wants.add("promo_grant", use.grant)
                wants.add("beside", (account, ISSUANCE))
                wants.add("beside", (account, BREAKAGE))
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
            return self.columns.locked(wants.tenant, _OR_PAID, list(keys or ()), wants.tenant, list(map(fold, paid)))
        return self.columns.locked(wants.tenant, "stored.id = ANY(%s::uuid[])", list(keys)) if keys else None


_PARTIES = """
SELECT id, account_id, stripe, counterparty_id, on_timeout, session_key, budgets, grants
  FROM holds_hold WHERE tenant_id = %s AND id = ANY(%s::uuid[])
"""
_OR_PAID = """
stored.id = ANY(ARRAY(
       SELECT unnest(%s::uuid[])
        UNION ALL
       SELECT paid.id FROM holds_hold AS paid
        WHERE paid.tenant_id = %s AND folded(paid.external_ref) = ANY(%s::text[])))
"""


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
