"""Statements of others as the executor sees them, with their lines and the entries that these may be.

Nothing of them is locked: the unique indexes of matched lines and entries judge what two searches found at once, and
the executor lets the later one look again.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts, account_key, look_up
from journal.external.matching import Item, normal
from journal.external.statement import StatementLine
from ledger_project.kernel import ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, insert_all, money, stored
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

MAX_ENTRIES = 50_000  # open ones around one statement


@dataclass(slots=True)
class ReconciledAccountRow(Row):
    """The facts of an account, under the reference that a command has for it. Never written."""

    ref: str
    facts: AccountFacts

    @property
    def key(self) -> str:
        return self.ref

    def copy(self) -> "ReconciledAccountRow":
        return replace(self)


class ReconciledAccountStore(Store):
    rank = LockOrder.RECONCILED_ACCOUNT
    row = ReconciledAccountRow
    kinds = frozenset({"reconciled_account"})

    def prepare(self, wants: Wants, look: Look) -> None:
        keys = {ref: account_key(ref) for ref in wants.refs["reconciled_account"]}
        facts = look_up(wants.tenant, set(keys.values()), look, remember=wants.committed)
        wants.facts[ReconciledAccountRow] = {ref: facts[key] for ref, key in keys.items() if key in facts}

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for ref, facts in wants.facts[ReconciledAccountRow].items():
            batch.load(ReconciledAccountRow(ref, facts))


SIGN = "CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END"


@stored
class StatementRow(StoredRow):
    """A statement; it never changes. `content` and `parsed` are those of a new one."""

    id: UUID = column(public="xst")
    account: UUID = column("account_id", public="acc")
    account_name: str = column(joined="account.name")
    currency: str = column(joined="account.currency")
    scale: int = column(joined="account.scale")
    sign: int = column(joined=SIGN, shown=False, default=0)
    name: str = column()
    format: str = column()
    sha256: str = column()
    lines: int = column()
    first_date: date = column()
    last_date: date = column()
    money_in: int = money()
    money_out: int = money()
    opening: int | None = money(shown="opening_balance")
    closing: int | None = money(shown="closing_balance")
    uploaded_at: datetime = column()
    content: str = column(shown=False, read=False, default="")
    parsed: list[StatementLine] = field(default_factory=list)

    @property
    def names(self) -> tuple[Hashable, ...]:
        return (("file", self.account, self.sha256),)


class StatementStore(TableStore):
    """Statements by id, and by account and file: two uploads of one file at once meet at the unique index."""

    rank = LockOrder.EXTERNAL_STATEMENT
    row = StatementRow
    kinds = frozenset({"external_statement", "external_file"})
    table = "journal_externalstatement"
    joins = "JOIN accounts_account AS account ON account.id = stored.account_id"

    def reading(self, wants: Wants) -> Query | None:
        facts = wants.facts.get(ReconciledAccountRow, {})
        files = [(facts[ref].id, sha) for ref, sha in wants.refs.get("external_file", ()) if ref in facts]
        keys = list(wants.refs.get("external_statement", ()))
        return (
            f"{self.columns.select} WHERE stored.tenant_id = %s AND (stored.id = ANY(%s::uuid[])"
            " OR (stored.account_id, stored.sha256) IN (SELECT * FROM unnest(%s::uuid[], %s::text[])))",
            (wants.tenant, keys, [account for account, _ in files], [sha for _, sha in files]),
        )

    def writing(self, rows: list[StatementRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield from super().writing(rows, tenant, now)
        yield insert_all(
            "journal_externalline",
            "statement_id uuid, number int, date date, amount numeric, reference text, description text",
            [
                (row.id, line.number, line.date, line.amount, line.reference, line.description)
                for row in rows
                for line in row.parsed
            ],
            tenant,
        )


@dataclass(slots=True)
class WindowRow(Row):
    """All that is open around a statement: its lines, and its account's entries from `days` before it to `days` after.

    Never written.
    """

    statement: UUID
    days: int
    lines: list[Item] = field(default_factory=list)
    entries: list[Item] = field(default_factory=list)

    @property
    def key(self) -> tuple[UUID, int]:
        return self.statement, self.days

    def copy(self) -> "WindowRow":
        return replace(self)


class WindowStore(Store):
    rank = LockOrder.EXTERNAL_WINDOW
    row = WindowRow
    kinds = frozenset({"external_window"})

    def reading(self, wants: Wants) -> Query | None:
        asked = list(wants.refs["external_window"])
        return (
            _WINDOWS,
            ([statement for statement, _ in asked], [days for _, days in asked], wants.tenant, MAX_ENTRIES + 1),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        windows = {asked: WindowRow(*asked) for asked in wants.refs["external_window"]}
        for statement, days, number, entry, day, amount, references in records:
            window = windows[statement, days]
            named = frozenset(filter(None, map(normal, references)))
            if number is None:
                # An entry is also named by its own public ids.
                named |= {ids.show("ent", entry), ids.show("evt", entry)}
                window.entries.append(Item(entry, day, int(amount), named))
            else:
                window.lines.append(Item(number, day, int(amount), named))
        for window in windows.values():
            batch.load(window)


@dataclass(slots=True)
class ItemRow(Row):
    """A line or an entry that a command names, with the match that it is in. Never written."""

    statement: UUID
    place: int | UUID  # the line's number, or the entry
    date: date
    amount: int
    match: UUID | None

    @property
    def key(self) -> tuple[UUID, int | UUID]:
        return self.statement, self.place

    def copy(self) -> "ItemRow":
        return replace(self)


class ItemStore(Store):
    rank = LockOrder.EXTERNAL_ITEM
    row = ItemRow
    kinds = frozenset({"external_item"})

    def reading(self, wants: Wants) -> Query | None:
        asked = wants.refs["external_item"]
        lines = [each for each in asked if isinstance(each[1], int)]
        entries = [each for each in asked if not isinstance(each[1], int)]
        return (
            _ITEMS,
            (
                [statement for statement, _ in lines],
                [number for _, number in lines],
                wants.tenant,
                [statement for statement, _ in entries],
                [entry for _, entry in entries],
                wants.tenant,
            ),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for statement, number, entry, day, amount, match in records:
            batch.load(ItemRow(statement, entry if number is None else number, day, int(amount), match))


_WINDOWS = "SELECT * FROM ledger_external_open_items(%s::uuid[], %s::int[], %s, %s)"
_ITEMS = f"""
SELECT line.statement_id, line.number, NULL::uuid, line.date, line.amount,
       (SELECT match_id FROM journal_matchedline AS taken
         WHERE taken.statement_id = line.statement_id AND taken.number = line.number AND taken.active)
  FROM unnest(%s::uuid[], %s::int[]) AS asked (statement, number)
  JOIN journal_externalline AS line ON line.statement_id = asked.statement AND line.number = asked.number
 WHERE line.tenant_id = %s
UNION ALL
SELECT statement.id, NULL, moved.id, (moved.effective_at AT TIME ZONE 'UTC')::date, moved.amount * {SIGN},
       (SELECT match_id FROM journal_matchedentry AS taken
         WHERE taken.account_id = statement.account_id AND taken.entry_id = moved.id AND taken.active)
  FROM unnest(%s::uuid[], %s::uuid[]) AS asked (statement, entry)
  JOIN journal_externalstatement AS statement ON statement.id = asked.statement AND statement.tenant_id = %s
  JOIN accounts_account AS account ON account.id = statement.account_id
 CROSS JOIN LATERAL (
       SELECT entry.id, entry.effective_at,
              sum(posting.amount) FILTER (WHERE posting.account_id = statement.account_id) AS amount
         FROM journal_entry AS entry JOIN journal_posting AS posting ON posting.entry_id = entry.id
        WHERE entry.id = asked.entry GROUP BY entry.id) AS moved
 WHERE moved.amount <> 0
"""
