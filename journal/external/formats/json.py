"""JSON: a list of objects, or an object with the list as `lines`; the mapping says which member is what.

Numbers are read as the text that they are written as, so 0.1 is 0.1 and not what a float makes of it.
"""

import json
from typing import Any

from journal.external.statement import MAX_MEMBERS, Draft, Mapping, Reading, malformed
from ledger_project.kernel.repeats import first_twice


class _Twice(ValueError):
    """A member that is there twice, of which a reader would take either."""


class _Digits(str):
    """A number's own text, told apart from a string's."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:
        raise ValueError(f"an object with more than {MAX_MEMBERS} members")
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Twice(first_twice(name for name, _ in pairs))
    return made


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Digits, parse_int=_Digits, parse_constant=_constant
).decode


def read(content: str, mapping: Mapping, draft: Draft) -> None:
    """Refuses: MalformedStatement; the line is the object's place in the list, or the file's where it is no JSON."""
    for place, found in enumerate(_list(content), 1):
        Reading(draft, mapping, place).record(_record(found, place, mapping))


def _list(content: str) -> list[Any]:
    try:
        document = _decode(content.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise malformed(error.lineno, "line", f"not JSON: {error.msg}") from error
    except _Twice as error:
        raise malformed(1, str(error), "this member is there twice") from error
    except RecursionError as error:
        raise malformed(1, "lines", "nested too deep") from error
    except ValueError as error:
        raise malformed(1, "line", f"not JSON: {error}") from error
    lines = document.get("lines") if isinstance(document, dict) else document
    if not isinstance(lines, list):
        raise malformed(1, "lines", "neither a list nor an object with a list of this name")
    return lines


def _record(found: Any, place: int, mapping: Mapping) -> dict[str, str]:
    """The texts of an object; a number may stand for an amount and for a reference."""
    if not isinstance(found, dict):
        raise malformed(place, "line", "not an object")
    for name in mapping.required:
        if name not in found:
            raise malformed(place, name, "missing")
    names = (mapping.date, mapping.amount, mapping.credit, mapping.debit, mapping.reference, mapping.description)
    record = {}
    for name in filter(None, names):
        value = found.get(name)
        if value is not None and not isinstance(value, str):
            raise malformed(place, name, "neither a string nor a number")
        record[name] = str(value or "")
    return record
