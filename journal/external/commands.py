"""What others say about an account, held against the books: upload, match, explain, adjust."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from accounts.books import AccountBooks
from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    AmountOverflow,
    CurrencyMismatch,
    InsufficientFunds,
    SameAccount,
)
from accounts.rows import AccountFacts, AccountRow
from journal.commands.shared import AVAILABLE
from journal.external.decisions import AdjustmentRow, MatchRow
from journal.external.errors import (
    AdjustmentExists,
    AdjustmentNotFound,
    AdjustmentNotPending,
    AlreadyMatched,
    ExternalItemNotFound,
    ExternalMatchNotFound,
    ExternalStatementExists,
    ExternalStatementNotFound,
    FourEyes,
    MalformedStatement,
    MatchDoesNotAddUp,
    MatchUndone,
    TooManyEntries,
)
from journal.external.fields import (
    AdjustmentId,
    Days,
    ExternalMatchId,
    ExternalStatementId,
    FileText,
    FormatName,
    LineNumber,
    LineNumbers,
    ReconciledEntries,
    ReconciledEntry,
    ReconciledRef,
)
from journal.external.matching import Found, Rules, search
from journal.external.rows import MAX_ENTRIES, ItemRow, ReconciledAccountRow, StatementRow, WindowRow
from journal.external.statement import MappingOf, lines_hash
from journal.posting import Books
from ledger_project.kernel import ids
from ledger_project.kernel.canonical import content_hash
from ledger_project.kernel.errors import InvalidAmount, InvalidRequest
from ledger_project.kernel.fields import Limit, LongText, Text, Want
from ledger_project.log.command import Arguments, command
from ledger_project.log.unit import Unit


@command(
    event="external_statement.uploaded",
    refuses=(AccountNotFound, ExternalStatementExists, MalformedStatement),
    also_wants=lambda call: [("external_file", (call["account"], call["content"].sha256))],
    beforehand=lambda call: call.update(content=call["content"].read(call["format"], call["mapping"])),
)
def upload_external_statement(
    books: Unit,
    *,
    account: ReconciledRef,
    name: Text,
    format: FormatName,
    content: FileText,
    mapping: MappingOf | None = None,
) -> None:
    """Take in a statement of a bank, a provider or a chain about one account, whole or not at all.

    Amounts are decimal numbers of the account's currency, above zero where the account grew. `mapping` says which
    columns of a CSV or JSON file are what; the same file of an account is uploaded once, whatever it is called. The log
    keeps its SHA-256, and the file is stored with the statement.
    """
    facts = _facts(books, account)
    twin = books.find(StatementRow, ("file", facts.id, content.sha256))
    if twin is not None:
        raise ExternalStatementExists(external_statement=ids.show("xst", twin.id), name=twin.name)
    if content.draft is None:
        raise AssertionError("the file was not read beforehand")
    read = content.draft.of(facts.scale, facts.currency)
    days, amounts = [line.date for line in read.lines], [line.amount for line in read.lines]
    row = StatementRow(
        id=books.event_id,
        account=facts.id,
        account_name=facts.name,
        sign=facts.sign,
        currency=facts.currency,
        scale=facts.scale,
        name=name,
        format=format,
        sha256=content.sha256,
        lines=len(read.lines),
        first_date=min(days),
        last_date=max(days),
        money_in=sum(amount for amount in amounts if amount > 0),
        money_out=-sum(amount for amount in amounts if amount < 0),
        opening=read.opening,
        closing=read.closing,
        uploaded_at=books.now,
        content=content.content,
        parsed=read.lines,
    )
    books.result["external_statement"] = books.add(row, ("file", facts.id, content.sha256)).document()
    books.result["kept"] = {"lines_hash": lines_hash(read.lines)}


@command(
    event="external_statement.matched",
    refuses=(ExternalStatementNotFound, TooManyEntries),
    also_wants=lambda call: [("external_window", (call["external_statement"], call["days"]))],
)
def match_external_statement(
    books: Unit, *, external_statement: ExternalStatementId, tolerance: Limit = 0, days: Days = 3
) -> None:
    """Match the lines that are still open with the account's open entries: by reference, by amount, and in groups.

    A line and its entry are at most `days` days and `tolerance` minor units apart. The search is deterministic and
    bounded; `cut` says that it stopped at its bound. What it does not find is left to a person, and it may be run again
    when more was posted. `digest` is the SHA-256 of the canonical JSON of all matches: lines, entries, difference.
    """
    statement = _statement(books, external_statement)
    window = books.find(WindowRow, (external_statement, days)) or WindowRow(external_statement, days)
    if len(window.entries) > MAX_ENTRIES:
        raise TooManyEntries(limit=MAX_ENTRIES, days=days)
    found = search(
        [line for line in window.lines if not _is_taken(books, statement.id, line.key)],
        [entry for entry in window.entries if not _is_taken(books, statement.account, entry.key)],
        Rules(tolerance, days),
    )
    for match in found.matches:
        _add_match(
            books, statement, "matched", match.how, list(match.lines), list(match.entries), match.difference, tolerance
        )
    books.result["external_statement"] = statement.document()
    books.result["matching"] = _summary(window, found)
    books.result["kept"] = {"matched_how": content_hash([match.how for match in found.matches]).hex()}


def _summary(window: WindowRow, found: Found) -> dict[str, Any]:
    lines = sum(len(match.lines) for match in found.matches)
    entries = sum(len(match.entries) for match in found.matches)
    told = [
        [list(match.lines), [ids.show("ent", entry) for entry in match.entries], str(match.difference)]
        for match in found.matches
    ]
    return {
        "matches": len(found.matches),
        "lines": lines,
        "entries": entries,
        "open_lines": len(window.lines) - lines,
        "open_entries": len(window.entries) - entries,
        "cut": found.cut,
        "digest": content_hash(told).hex(),
    }


def _items(call: Arguments) -> list[Want]:
    return [("external_item", (call["external_statement"], place)) for place in (*call["lines"], *call["entries"])]


@command(
    event="external_match.made",
    refuses=(ExternalStatementNotFound, InvalidRequest, ExternalItemNotFound, AlreadyMatched, MatchDoesNotAddUp),
    also_wants=_items,
)
def match_external_items(
    books: Unit,
    *,
    external_statement: ExternalStatementId,
    reason: LongText,
    lines: LineNumbers = [],  # noqa: B006  (declared defaults, never changed)
    entries: ReconciledEntries = [],  # noqa: B006
    tolerance: Limit = 0,
) -> None:
    """State that these lines are these entries, whatever their references and dates; they come to the same amount."""
    statement = _statement(books, external_statement)
    for name, given in (("lines", lines), ("entries", entries)):
        if not given:
            raise InvalidRequest(field=name, reason="none is named")
    difference = _difference(books, statement, lines, entries)
    if abs(difference) > tolerance:
        raise MatchDoesNotAddUp(difference=str(difference), tolerance=str(tolerance))
    row = _add_match(books, statement, "matched", "person", lines, entries, difference, tolerance, reason)
    books.result["external_match"] = row.document()


@command(
    event="external_items.resolved",
    refuses=(ExternalStatementNotFound, InvalidRequest, ExternalItemNotFound, AlreadyMatched),
    also_wants=_items,
)
def resolve_external_items(
    books: Unit,
    *,
    external_statement: ExternalStatementId,
    reason: LongText,
    lines: LineNumbers = [],  # noqa: B006
    entries: ReconciledEntries = [],  # noqa: B006
) -> None:
    """State why these lines or entries have nothing on the other side; nothing moves."""
    statement = _statement(books, external_statement)
    if not (lines or entries):
        raise InvalidRequest(field="lines", reason="neither a line nor an entry is named")
    difference = _difference(books, statement, lines, entries)
    row = _add_match(books, statement, "resolved", "person", lines, entries, difference, 0, reason)
    books.result["external_match"] = row.document()


@command(event="external_match.undone", refuses=(ExternalMatchNotFound, MatchUndone))
def undo_external_match(books: Unit, *, external_match: ExternalMatchId, reason: LongText) -> None:
    """Take a match or an explanation back: its lines and entries are open again. What an adjustment posted stays."""
    row = books.find(MatchRow, external_match)
    if row is None:
        raise ExternalMatchNotFound(external_match=ids.show("xmt", external_match))
    if row.undone_at is not None:
        raise MatchUndone(external_match=ids.show("xmt", external_match))
    row.undone_at, row.changed = books.now, True
    books.result["external_match"] = row.document()


def _proposed(call: Arguments) -> list[Want]:
    place = call["line"] or call["entry"]
    item = [("external_item", (call["external_statement"], place))] if place else []
    return [*item, ("adjustments_of", call["external_statement"])]


@command(
    event="adjustment.proposed",
    refuses=(
        ExternalStatementNotFound,
        InvalidRequest,
        ExternalItemNotFound,
        AlreadyMatched,
        AdjustmentExists,
        AccountNotFound,
        SameAccount,
        CurrencyMismatch,
        InvalidAmount,
    ),
    also_wants=_proposed,
)
def propose_adjustment(
    books: Unit,
    *,
    external_statement: ExternalStatementId,
    counter_account: ReconciledRef,
    reason: LongText,
    line: LineNumber | None = None,
    entry: ReconciledEntry | None = None,
) -> None:
    """Propose the entry that puts the books right: what a line tells of, or the opposite of an entry that has no line.

    `counter_account` takes the other side. Nothing moves until somebody else approves.
    """
    statement = _statement(books, external_statement)
    if (line is None) == (entry is None):
        raise InvalidRequest(field="line", reason="not exactly one of line and entry is named")
    item = _item(books, statement, line or entry)
    if books.find(AdjustmentRow, ("waits", *item.key)) is not None:
        raise AdjustmentExists(external_statement=ids.show("xst", statement.id))
    counter = _facts(books, counter_account)
    if counter.id == statement.account:
        raise SameAccount(account=counter.name)
    if counter.currency != statement.currency:
        raise CurrencyMismatch(account=counter.name, currency=counter.currency, expected=statement.currency)
    if item.amount == 0:
        raise InvalidAmount(field="line", reason="zero: there is nothing to post")
    row = AdjustmentRow(
        id=books.event_id,
        statement=statement.id,
        number=line,
        entry=entry,
        account=statement.account,
        counter_account=counter.id,
        counter_name=counter.name,
        currency=counter.currency,
        scale=counter.scale,
        amount=item.amount if entry is None else -item.amount,
        reason=reason,
        proposed_by=books.caller.actor,
        proposed_identity=books.caller.identity,
        proposed_at=books.now,
    )
    books.result["adjustment"] = books.add(row, ("waits", *item.key)).document()


@command(
    event="adjustment.posted",
    refuses=(
        AdjustmentNotFound,
        AdjustmentNotPending,
        FourEyes,
        AlreadyMatched,
        AccountClosed,
        AccountFrozen,
        InsufficientFunds,
        AmountOverflow,
    ),
    platform=True,
)
def approve_adjustment(books: Books, *, adjustment: AdjustmentId, reason: LongText | None = None) -> None:
    """Post a proposed adjustment, as of the day that it is about, and match it. Not by who proposed it."""
    row = _pending(books, adjustment)
    if books.caller.identity == row.proposed_identity:
        raise FourEyes(proposed_by=row.proposed_by)
    statement = _statement(books, row.statement)
    item = _item(books, statement, row.item[1])

    account, counter = (books.account(ids.show("acc", key)) for key in (row.account, row.counter_account))
    # What one side is debited the other is credited; increases are posted before decreases, as in `post_entry`.
    effects = [(account, row.amount), (counter, -row.amount * account.facts.sign * counter.facts.sign)]
    for each, value in sorted(effects, key=lambda effect: effect[1] < 0):
        _shift(books, each, value)
    named = {"external_statement": ids.show("xst", row.statement), "adjustment": ids.show("adj", row.id)}
    effective_at = min(datetime.combine(item.date, time(), UTC), books.now)
    posted = books.write_entry("adjustment", description=row.reason, references=named, effective_at=effective_at)

    lines = [row.number] if row.number else []
    entries = [row.entry, posted.id] if row.entry else [posted.id]
    _add_match(books, statement, "adjusted", "adjustment", lines, entries, 0, 0, row.reason)
    _decide(books, row, "posted", reason)
    row.posted = posted.id
    books.result["adjustment"] = row.document()


@command(event="adjustment.rejected", refuses=(AdjustmentNotFound, AdjustmentNotPending))
def reject_adjustment(books: AccountBooks, *, adjustment: AdjustmentId, reason: LongText) -> None:
    """Give up a proposed adjustment; who proposed it may take it back so."""
    row = _pending(books, adjustment)
    _decide(books, row, "rejected", reason)
    books.result["adjustment"] = row.document()


def _decide(books: Unit, row: AdjustmentRow, status: str, reason: str | None) -> None:
    row.status, row.decided_at = status, books.now
    row.decided_by, row.decided_identity = books.caller.actor, books.caller.identity
    row.decision, row.changed = reason or "", True


def _shift(books: Books, row: AccountRow, value: int) -> None:
    """Raise or lower what is available."""
    if value > 0:
        books.give(row, AVAILABLE, value)
    else:
        books.take(row, AVAILABLE, -value)


def _facts(books: Unit, ref: str) -> AccountFacts:
    """Refuses: AccountNotFound."""
    row = books.find(ReconciledAccountRow, ref)
    if row is None:
        raise AccountNotFound(account=ref)
    return row.facts


def _statement(books: Unit, key: UUID) -> StatementRow:
    """Refuses: ExternalStatementNotFound."""
    row = books.find(StatementRow, key)
    if row is None:
        raise ExternalStatementNotFound(external_statement=ids.show("xst", key))
    return row


def _pending(books: Unit, key: UUID) -> AdjustmentRow:
    """Refuses: AdjustmentNotFound, AdjustmentNotPending."""
    row = books.find(AdjustmentRow, key)
    if row is None:
        raise AdjustmentNotFound(adjustment=ids.show("adj", key))
    if row.status != "pending":
        raise AdjustmentNotPending(adjustment=ids.show("adj", key), status=row.status)
    return row


def _item(books: Unit, statement: StatementRow, place: Any) -> ItemRow:
    """A line or an entry that is open. Refuses: ExternalItemNotFound, AlreadyMatched."""
    row = books.find(ItemRow, (statement.id, place))
    name, shown = ("line", place) if isinstance(place, int) else ("entry", ids.show("ent", place))
    if row is None:
        raise ExternalItemNotFound(**{name: shown})
    if row.match is not None:
        raise AlreadyMatched(**{name: shown}, external_match=ids.show("xmt", row.match))
    if _is_taken(books, statement.id if isinstance(place, int) else statement.account, place):
        raise AlreadyMatched(**{name: shown})
    return row


def _difference(books: Unit, statement: StatementRow, lines: list[int], entries: list[UUID]) -> int:
    """What these lines come to beyond these entries. Refuses: InvalidRequest, ExternalItemNotFound, AlreadyMatched."""
    for name, given in (("lines", lines), ("entries", entries)):
        if len(set(given)) != len(given):
            raise InvalidRequest(field=name, reason="one is named twice")
    told = sum(_item(books, statement, number).amount for number in lines)
    return told - sum(_item(books, statement, entry).amount for entry in entries)


def _is_taken(books: Unit, owner: UUID, place: int | UUID) -> bool:
    """Whether a call of this very batch has matched a statement's line or an account's entry; no read has seen it."""
    return books.find(MatchRow, (owner, place)) is not None


def _add_match(
    books: Unit,
    statement: StatementRow,
    kind: str,
    how: str,
    lines: list[int],
    entries: list[UUID],
    difference: int,
    tolerance: int,
    reason: str = "",
) -> MatchRow:
    row = MatchRow(
        id=books.new_id(),
        statement=statement.id,
        account=statement.account,
        kind=kind,
        how=how,
        reason=reason,
        difference=difference,
        tolerance=tolerance,
        created_at=books.now,
        lines=lines,
        entries=entries,
    )
    taken = [(statement.id, number) for number in lines] + [(statement.account, entry) for entry in entries]
    return books.add(row, *taken)
