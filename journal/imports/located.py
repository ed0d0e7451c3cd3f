"""JSON documents whose objects know the line that they begin on, so that what is wrong with one can be found."""

import json
from bisect import bisect_right
from json.decoder import JSONObject  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any


class Located(dict[str, Any]):
    """An object of the document."""

    line = 0


class Unreadable(ValueError):
    """Not JSON, or not JSON that means one thing only."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def loads(text: str) -> Any:
    """The document. Raises Unreadable; a key that occurs twice and NaN are refused."""
    try:
        return _Decoder(text).decode(text)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, f"not JSON: {error.msg}") from error
    except RecursionError:
        raise Unreadable(1, "nested too deeply") from None


class _Decoder(json.JSONDecoder):
    def __init__(self, text: str) -> None:
        super().__init__(parse_constant=self._no_constant)
        self._ends = [place for place, character in enumerate(text) if character == "\n"]
        self.parse_object = self._object
        # The scanner in C calls no parser but its own.
        self.scan_once = py_make_scanner(self)

    def _object(self, place: tuple[str, int], strict: bool, scan: Any, hook: Any, pairs: Any, memo: Any) -> Any:
        line = bisect_right(self._ends, place[1] - 1) + 1

        def once(pairs: list[tuple[str, Any]]) -> Located:
            found = Located(pairs)
            found.line = line
            if len(found) != len(pairs):
                raise Unreadable(line, "a key occurs twice")
            return found

        return JSONObject(place, strict, scan, None, once, memo)

    def _no_constant(self, name: str) -> Any:
        raise Unreadable(1, f"{name} is no number")
