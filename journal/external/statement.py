"""A statement of a bank, a provider or a chain: what a line is, and how its fields are read, exactly or not at all."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Annotated, Any

from journal.external.errors import MalformedStatement
from ledger_project.kernel import money
from ledger_project.kernel.fields import ChoiceField, FlagField, RecordField, TextField

MAX_LINES = 20_000
MAX_SIZE = 16 * 1024 * 1024  # characters of one file; over HTTP the limit of a request's body comes first
MAX_MEMBERS = 1000  # columns, or members of an object
REFERENCE, DESCRIPTION = 255, 1000  # characters

_NUMBER = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?")
_PARTS = re.compile(r"([0-9]{1,4})[-./ ]([0-9]{1,2})[-./ ]([0-9]{1,4})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One payment that the other side tells of; `amount` is in minor units, above zero where the account grew by it.

    `number` counts the lines of the statement from 1.
    """

    number: int
    date: date
    amount: int
    reference: str
    description: str


def lines_hash(lines: Iterable[StatementLine]) -> str:
    """What the log keeps of the lines of a statement; `replay.py` makes it anew from the rows."""
    told = (
        f"{line.number} {line.date} {line.amount} {len(line.reference)} {line.reference}"
        f" {len(line.description)} {line.description} "
        for line in lines
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    """The lines of one file, with its balances where it has some."""

    lines: list[StatementLine]
    opening: int | None
    closing: int | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a CSV or JSON file spells its lines. `credit` and `debit` stand in for `amount` where it has two columns."""

    date: str = "date"
    amount: str = "amount"
    credit: str | None = None
    debit: str | None = None
    reference: str | None = "reference"
    description: str | None = "description"
    date_order: str = "YMD"
    decimal: str = "."
    delimiter: str = ","
    minor_units: bool = False
    inverted: bool = False

    @property
    def required(self) -> list[str]:
        """The columns that every line has."""
        amounts = [name for name in (self.credit, self.debit) if name] or [self.amount]
        return [self.date, *amounts]


_COLUMN = TextField(maximum=100)
_DEFAULTS: dict[str, Any] = {name: getattr(Mapping(), name) for name in Mapping.__slots__}
MappingOf = Annotated[
    dict[str, Any],
    RecordField(
        fields={
            **dict.fromkeys(("date", "amount", "credit", "debit", "reference", "description"), _COLUMN),
            "date_order": ChoiceField(("YMD", "DMY", "MDY")),
            "decimal": ChoiceField((".", ",")),
            "delimiter": ChoiceField((",", ";", "\t", "|")),
            "minor_units": FlagField(),
            "inverted": FlagField(),
        },
        optional=_DEFAULTS,
    ),
]


def malformed(line: int, name: str, reason: str) -> MalformedStatement:
    """The refusal that names the place: the line of the file (of JSON, the place in its list) and the field."""
    return MalformedStatement(line=line, field=name[:100], reason=reason)


@dataclass(frozen=True, slots=True)
class Figure:
    """An amount as it is written; the account's scale says how many minor units it is."""

    line: int
    name: str
    text: str
    negative: bool
    whole: str
    fraction: str
    exact: bool  # of minor units, whatever the scale

    @property
    def is_zero(self) -> bool:
        return not (self.whole + self.fraction).strip("0")

    def __neg__(self) -> "Figure":
        return replace(self, negative=not self.negative)

    def require(self, scale: int, currency: str) -> None:
        """Refuses: MalformedStatement."""
        decimals = 0 if self.exact else scale
        if self.fraction[decimals:].strip("0"):
            raise malformed(self.line, self.name, f"{self.text!r} has more than {decimals} decimals")
        if not -money.LIMIT < self.minor(scale) < money.LIMIT:
            raise malformed(self.line, self.name, f"more than {money.MAX_DIGITS} digits")

    def minor(self, scale: int) -> int:
        decimals = 0 if self.exact else scale
        minor = int(self.whole + self.fraction[:decimals].ljust(decimals, "0"))
        return -minor if self.negative else minor


@dataclass(frozen=True, slots=True)
class Denominated:
    """The currency that a file says something is in."""

    line: int
    name: str
    found: str | None

    def require(self, scale: int, currency: str) -> None:
        """Refuses: MalformedStatement."""
        if self.found != currency:
            found = self.found and self.found[:20]
            raise malformed(self.line, self.name, f"{found!r} where the account has {currency}")


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line whose amount is still as it is written."""

    number: int
    date: date
    amount: Figure
    reference: str
    description: str


@dataclass(slots=True)
class Draft:
    """What a file says, read without knowing whose it is: so it is read before anybody's rows are locked.

    `judged` has what the account's currency decides, in the order of the file, and `problem` is what ended the reading.
    """

    lines: list[DraftLine] = field(default_factory=list)
    opening: Figure | None = None
    closing: Figure | None = None
    closing_at: int = 0  # the closing balance's place in the file
    judged: list[Figure | Denominated] = field(default_factory=list)
    problem: MalformedStatement | None = None

    def add(self, line: DraftLine) -> None:
        """Refuses: MalformedStatement."""
        if len(self.lines) == MAX_LINES:
            raise malformed(MAX_LINES + 1, "lines", f"more than {MAX_LINES} lines; split the statement")
        self.lines.append(line)

    def of(self, scale: int, currency: str) -> Statement:
        """The statement of an account with this currency; of several problems the first in the file is told.

        Refuses: MalformedStatement.
        """
        for each in self.judged:
            each.require(scale, currency)
        if self.problem is not None:
            raise self.problem
        lines = [
            StatementLine(line.number, line.date, line.amount.minor(scale), line.reference, line.description)
            for line in self.lines
        ]
        opening, closing = (None if each is None else each.minor(scale) for each in (self.opening, self.closing))
        if opening is not None and closing is not None and opening + sum(line.amount for line in lines) != closing:
            raise malformed(self.closing_at, "closing balance", "not the opening balance and the sum of the lines")
        return Statement(lines, opening, closing)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the fields of one line are read. Its methods refuse MalformedStatement, naming the line and the field."""

    draft: Draft
    mapping: Mapping
    line: int

    def amount(self, text: str, name: str) -> Figure:
        """A decimal number of the currency, or a whole one of minor units; nothing is rounded."""
        plain = text.strip()
        if self.mapping.decimal == ",":
            plain = plain.replace(",", ".") if "." not in plain else ""
        found = _NUMBER.fullmatch(plain) if len(plain) <= 2 * money.MAX_DIGITS else None
        if found is None:
            raise malformed(
                self.line, name, f"{text[:60]!r} is not a plain number such as 1234{self.mapping.decimal}50"
            )
        negative = (found[1] == "-") != self.mapping.inverted
        exact = self.mapping.minor_units
        figure = Figure(self.line, name, text[:60], negative, found[2], found[3] or "", exact)
        self.draft.judged.append(figure)
        return figure

    def currency(self, found: str | None, name: str) -> None:
        """What the amounts that follow are said to be in."""
        self.draft.judged.append(Denominated(self.line, name, found))

    def day(self, text: str, name: str) -> date:
        """A calendar day; of a time with an offset, the day in UTC."""
        plain = text.strip()
        found = self._calendar_day(plain)
        if found is None or not 1970 <= found.year <= 9999:
            raise malformed(self.line, name, f"{text[:60]!r} is not a date in the order {self.mapping.date_order}")
        return found

    def _calendar_day(self, text: str) -> date | None:
        order = self.mapping.date_order
        try:
            if order == "YMD" and len(text) > 10:
                moment = datetime.fromisoformat(text)
                return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
            if order == "YMD" and len(text) == 8 and text.isascii() and text.isdigit():
                return date(int(text[:4]), int(text[4:6]), int(text[6:]))
            parts = _PARTS.fullmatch(text)
            if parts is None or len(parts[order.index("Y") + 1]) != 4:
                return None
            return date(**{_NAMES[letter]: int(part) for letter, part in zip(order, parts.groups(), strict=True)})
        except (ValueError, OverflowError):
            return None

    def text(self, text: str, name: str, maximum: int) -> str:
        """One line of text: any white space is one blank."""
        plain = " ".join(text.split())
        if len(plain) > maximum:
            raise malformed(self.line, name, f"longer than {maximum} characters")
        if _CONTROL.search(plain):
            raise malformed(self.line, name, "has a control character")
        return plain

    def record(self, record: dict[str, str]) -> None:
        """Add a line from named texts, as CSV and JSON have them."""
        mapping = self.mapping
        reference = record.get(mapping.reference, "") if mapping.reference else ""
        description = record.get(mapping.description, "") if mapping.description else ""
        self.add(
            self.day(record[mapping.date], mapping.date),
            self._sides(record)
            if mapping.credit or mapping.debit
            else self.amount(record[mapping.amount], mapping.amount),
            self.text(reference, mapping.reference or "", REFERENCE),
            self.text(description, mapping.description or "", DESCRIPTION),
        )

    def add(self, day: date, amount: Figure, reference: str, description: str) -> None:
        """Add a line to what was read before it."""
        self.draft.add(DraftLine(len(self.draft.lines) + 1, day, amount, reference, description))

    def _sides(self, record: dict[str, str]) -> Figure:
        """What came in less what went out, where these have columns of their own; one of them is empty or zero."""
        sides = [(name, sign) for name, sign in ((self.mapping.credit, 1), (self.mapping.debit, -1)) if name]
        read = [(sign, self.amount(record[name], name)) for name, sign in sides if record[name].strip()]
        given = [amount if sign > 0 else -amount for sign, amount in read]
        moved = [amount for amount in given if not amount.is_zero]
        if not given or len(moved) > 1:
            raise malformed(self.line, sides[0][0], "not exactly one of the two amounts is given")
        return moved[0] if moved else given[0]


_NAMES = {"Y": "year", "M": "month", "D": "day"}
