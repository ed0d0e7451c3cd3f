"""ISO 20022 camt.053, the statement that banks send.

Read by expat alone, and no document type is let in: without one there is no entity to expand or to fetch.
"""

from dataclasses import dataclass, field
from xml.parsers import expat

from journal.external.statement import (
    DESCRIPTION,
    REFERENCE,
    Draft,
    Figure,
    Mapping,
    Reading,
    malformed,
)

MAX_DEPTH, MAX_ELEMENTS = 50, 2_000_000
NO_REFERENCE = frozenset({"", "NOTPROVIDED", "NONREF"})
REFERENCES = ("NtryDtls/TxDtls/Refs/EndToEndId", "NtryDtls/TxDtls/Refs/TxId", "AcctSvcrRef", "NtryRef")
OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)


@dataclass(slots=True)
class Node:
    """An element, by its name without the namespace, and the line on which it begins."""

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    children: "list[Node]" = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def all(self, path: str) -> "list[Node]":
        """The elements at `A/B/C` below this one."""
        found = [self]
        for name in path.split("/"):
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def one(self, path: str) -> "Node | None":
        return next(iter(self.all(path)), None)

    def value(self, *paths: str) -> str:
        """The text at the first of these paths that has some."""
        texts = (node.text.strip() for path in paths for node in self.all(path))
        return next(filter(None, texts), "")


def read(content: str, mapping: Mapping, draft: Draft) -> None:
    """Entries that are booked; those that are only expected are left out. Refuses: MalformedStatement."""
    root = _parse(content)
    statements = root.all("BkToCstmrStmt/Stmt") if root.name == "Document" else []
    if len(statements) != 1:
        raise malformed(
            root.line, "Stmt", f"{len(statements)} statements where a camt.053 file for one account has one"
        )
    (stmt,) = statements
    exact = Mapping(inverted=mapping.inverted)
    draft.opening, draft.closing = (_balance(stmt, kinds, draft, exact) for kinds in (OPENING, CLOSING))
    draft.closing_at = stmt.line
    for entry in stmt.all("Ntry"):
        if (entry.value("Sts/Cd", "Sts") or "BOOK") == "BOOK":
            _add(entry, Reading(draft, exact, entry.line))


def _add(entry: Node, reading: Reading) -> None:
    day = entry.value("BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
    named = [text for path in REFERENCES if (text := entry.value(path)) not in NO_REFERENCE]
    told = [entry.value("AddtlNtryInf"), *(node.text for node in entry.all("NtryDtls/TxDtls/RmtInf/Ustrd"))]
    reading.add(
        reading.day(day, "BookgDt"),
        _amount(entry, reading),
        reading.text(named[0] if named else "", "EndToEndId", REFERENCE),
        reading.text(" ".join(told)[:DESCRIPTION], "RmtInf", DESCRIPTION),
    )


def _balance(stmt: Node, kinds: tuple[str, ...], draft: Draft, mapping: Mapping) -> Figure | None:
    for balance in stmt.all("Bal"):
        if balance.value("Tp/CdOrPrtry/Cd") in kinds:
            return _amount(balance, Reading(draft, mapping, balance.line))
    return None


def _amount(node: Node, reading: Reading) -> Figure:
    """The amount of an entry or a balance, signed by its indicator."""
    amount = node.one("Amt")
    if amount is None:
        raise malformed(node.line, "Amt", "missing")
    Reading(reading.draft, reading.mapping, amount.line).currency(amount.attributes.get("Ccy"), "Ccy")
    side = node.value("CdtDbtInd")
    if side not in {"CRDT", "DBIT"}:
        raise malformed(node.line, "CdtDbtInd", "neither CRDT nor DBIT")
    value = reading.amount(amount.text, "Amt")
    return value if side == "CRDT" else -value


def _parse(content: str) -> Node:
    """The document's elements. Refuses: MalformedStatement."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    top = Node("", 0)
    stack, count = [top], 0

    def forbid(*_: object) -> None:
        raise malformed(parser.CurrentLineNumber, "DOCTYPE", "a document type has no place in a statement")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > MAX_DEPTH:
            raise malformed(parser.CurrentLineNumber, name, f"nested deeper than {MAX_DEPTH} elements")
        if count > MAX_ELEMENTS:
            raise malformed(parser.CurrentLineNumber, name, f"more than {MAX_ELEMENTS} elements")
        node = Node(name.rpartition(" ")[2], parser.CurrentLineNumber, attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def end(name: str) -> None:
        stack.pop()

    def characters(text: str) -> None:
        stack[-1].parts.append(text)

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = forbid
    parser.ExternalEntityRefHandler = forbid  # type: ignore[assignment]
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    try:
        parser.Parse(content.removeprefix("\ufeff"), True)
    except expat.ExpatError as error:
        raise malformed(error.lineno, "line", f"not XML: {expat.ErrorString(error.code)}") from error
    except UnicodeEncodeError as error:
        raise malformed(1, "line", "not XML: half a character") from error
    return top.children[0]
