"""Clearing: one account per domain for what its users exchange with others, and batches that settle them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from accounts.errors import AccountExists, AmountOverflow, CurrencyNotFound, InsufficientFunds, SameAccount
from accounts.fields import AccountRef, CurrencyCode
from accounts.rows import SOLE_CURRENCY, AccountRow
from journal.clearing.rows import EVERY_DOMAIN, MAX_ACCOUNTS, ClearingRow, Cut, PositionRow, Range, SettlementRow
from journal.commands.shared import AVAILABLE, MOVEMENT, system_account
from journal.errors import (
    ClearingAccountExists,
    ClearingAccountNotFound,
    NothingToSettle,
    SettlementExists,
    UnsettledBefore,
)
from journal.posting import Books, require_different
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import ExternalRef, ExternalRefField, ListField, MomentField, RecordField, Want
from ledger_project.kernel.identity import fold
from ledger_project.log.command import Arguments, command

SETTLEMENT = "platform:settlement:{currency}"

DOMAIN = ExternalRefField(maximum=200, pattern=r"[^\s/]([^/]*[^\s/])?")
Domain = Annotated[str, DOMAIN]
Domains = Annotated[list[str], ListField(DOMAIN, minimum=1, maximum=100)]
Window = Annotated[
    dict[str, datetime | None],
    RecordField(fields={"from": MomentField(), "to": MomentField()}, optional={"from": None, "to": None}),
]


def _opening(call: Arguments) -> list[Want]:
    names: list[Want] = [("account", f"clearing:{call['domain']}"), ("clearing", call["domain"])]
    if call["currency"]:
        return [*names, ("account", f"clearing:{call['domain']}:{call['currency']}")]
    return [*names, ("currency", SOLE_CURRENCY)]


@command(
    event="clearing_account.opened",
    refuses=(CurrencyNotFound, ClearingAccountExists, AccountExists),
    also_wants=_opening,
)
def open_clearing_account(books: Books, *, domain: Domain, currency: CurrencyCode | None = None) -> None:
    """Open `clearing:{domain}`, a domain's account for what its users exchange with others; it may go below zero.

    In a second currency it is `clearing:{domain}:{currency}`. Transfers to and from it are made with `transfer`.
    """
    unit = books.currency(currency)
    others = [row for row in clearing_rows(books) if fold(row.domain) == fold(domain)]
    if any(row.currency == unit.code for row in others):
        raise ClearingAccountExists(domain=domain, currency=unit.code)
    name = f"clearing:{domain}:{unit.code}" if others else f"clearing:{domain}"
    account = books.open(name, unit, type="liability", unbounded=True, metadata={"clearing_domain": domain})
    books.add(ClearingRow(account_id=account.facts.id, domain=domain, currency=unit.code))
    books.result["clearing_account"] = {
        "domain": domain,
        "currency": unit.code,
        "account": ids.show("acc", account.facts.id),
        "name": name,
        "settled_at": None,
    }


def clearing_rows(books: Books) -> list[ClearingRow]:
    """The clearing accounts that the batch at hand knows, by domain and currency."""
    known = {key for kind, key in (*books.batch.rows, *books.rows) if kind is ClearingRow}
    rows = [row for key in known if (row := books.find(ClearingRow, key)) is not None]
    return sorted(rows, key=lambda row: (row.domain, row.currency))


def _settling(call: Arguments) -> list[Want]:
    window = call["window"] or {}
    moments = {window.get("to"), *([window["from"]] if window.get("from") else [])}
    domains = set(call["domains"]) if call["domains"] else {EVERY_DOMAIN}
    return [
        ("netting_batch", call["netting_batch_id"]),
        *(("clearing", domain) for domain in domains),
        *(("cut", moment) for moment in moments),
        *([] if call["settlement_account"] else [("clearing_beside", SETTLEMENT)]),
    ]


@command(
    event="batch.settled",
    refuses=(
        InvalidRequest,
        SettlementExists,
        ClearingAccountNotFound,
        UnsettledBefore,
        NothingToSettle,
        MOVEMENT[0],
        SameAccount,
        *MOVEMENT[1:],
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=_settling,
    platform=True,
)
def settle_batch(
    books: Books,
    *,
    netting_batch_id: ExternalRef,
    domains: Domains | None = None,
    window: Window | None = None,
    settlement_account: AccountRef | None = None,
) -> None:
    """Bring each domain's net position to the settlement account, by one entry, and mark what that settles.

    A position is what the domain's clearing accounts took in less what they gave out by entries that no batch settled
    yet: all of them, or those recorded before the window's end. Settled in order: a window that begins after entries
    which are not settled is refused. The settlement account is `platform:settlement:{currency}` unless one is named.
    `more` in the answer says that there may be further entries, beyond what one batch takes on.
    """
    since, until = _bounds(window)
    first = books.find(SettlementRow, fold(netting_batch_id))
    if first is not None:
        raise SettlementExists(netting_batch_id=netting_batch_id, settlement=ids.show("stl", first.id))
    positions = [_position(books, row, since, until) for row in _asked(books, domains)]
    more = any(position.more for position in positions)
    if not more and not any(position.postings for position in positions):
        raise NothingToSettle(netting_batch_id=netting_batch_id)

    # The settlement account is given to before it is taken from, so it is judged by the whole.
    for position in sorted(positions, key=lambda position: position.net < 0):
        _bring(books, position, settlement_account)
    moved = any(position.net for position in positions)
    if moved:
        books.write_entry("settlement", references={"netting_batch_id": netting_batch_id})
    ranges = [each for position in positions for each in position.ranges]
    batch = SettlementRow(
        id=books.event_id,
        netting_batch_id=netting_batch_id,
        since=since,
        until=until,
        moved=moved,
        recorded_at=books.now,
        ranges=ranges,
    )
    books.add(batch, fold(netting_batch_id))
    books.result["settlement"] = {
        **batch.document(),
        "positions": [position.document() for position in positions],
        "more": more,
    }


def _bounds(window: dict[str, datetime | None] | None) -> tuple[datetime | None, datetime | None]:
    """Refuses: InvalidRequest."""
    since, until = (window["from"], window["to"]) if window else (None, None)
    if since is not None and until is not None and since >= until:
        raise InvalidRequest(field="window.from", reason="not before the window's end")
    return since, until


def _asked(books: Books, domains: list[str] | None) -> list[ClearingRow]:
    """The clearing accounts of these domains, or all. Refuses: ClearingAccountNotFound, InvalidRequest."""
    asked = None if domains is None else {fold(domain) for domain in domains}
    rows = [row for row in clearing_rows(books) if asked is None or fold(row.domain) in asked]
    for domain in domains or ():
        if all(fold(row.domain) != fold(domain) for row in rows):
            raise ClearingAccountNotFound(domain=domain)
    if len(rows) > MAX_ACCOUNTS:
        raise InvalidRequest(field="domains", reason=f"more than {MAX_ACCOUNTS} clearing accounts; name fewer domains")
    return rows


@dataclass(frozen=True, slots=True)
class Position:
    """What one clearing account comes to; `net` is owed to the domain where it is above zero."""

    row: ClearingRow
    account: AccountRow
    ranges: list[Range]
    more: bool

    @property
    def net(self) -> int:
        return sum(each.net for each in self.ranges)

    @property
    def postings(self) -> int:
        return sum(each.postings for each in self.ranges)

    def document(self) -> dict[str, Any]:
        return {
            "domain": self.row.domain,
            "account": ids.show("acc", self.row.account_id),
            "currency": self.row.currency,
            "net": str(self.net),
            "postings": self.postings,
        }


def _position(books: Books, row: ClearingRow, since: datetime | None, until: datetime | None) -> Position:
    """Settle what is not settled yet, stripe by stripe. Refuses: UnsettledBefore.

    A batch's own postings on the account are passed over with the rest, so that they never fill up the view.
    """
    account = books.account(ids.show("acc", row.account_id))
    ranges, more = [], False
    for stripe in range(account.facts.stripes):
        position = books.find(PositionRow, (row.account_id, stripe, until))
        if position is None:  # the account was opened by this very batch
            continue
        done, cut = row.settled.get(stripe, Cut(position.mark)), position.cut
        early = books.find(PositionRow, (row.account_id, stripe, since)) if since else None
        if early is not None and early.cut.postings > done.postings:
            raise UnsettledBefore(domain=row.domain, currency=row.currency, window_from=clock.stamp(since))
        more = more or cut.more
        if cut.version > done.version:
            net = (cut.net - done.net) * account.facts.sign
            postings = cut.postings - done.postings
            ranges.append(Range(row.account_id, stripe, done.version, cut.version, net, postings))
            row.settled[stripe] = cut
            row.settled_at, row.changed = books.now, True
    return Position(row, account, ranges, more)


def _bring(books: Books, position: Position, settlement_account: str | None) -> None:
    """Move a position to the settlement account. Refuses: AccountNotFound, SameAccount, and what a transfer does."""
    if not position.net:
        return
    clearing = position.account
    if settlement_account:
        target = books.account(settlement_account)
    else:
        target = system_account(books, clearing, SETTLEMENT, type="liability")
    require_different(clearing, target)
    payer, receiver = (clearing, target) if position.net > 0 else (target, clearing)
    books.move(abs(position.net), (payer, AVAILABLE), (receiver, AVAILABLE))
