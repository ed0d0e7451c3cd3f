"""CSV a row at a time, and cells that a spreadsheet does not run."""

import csv
import re
from collections.abc import Iterable
from typing import Any

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# What begins a formula, and the full-width forms that some spreadsheets read as the same.
FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


class Rows:
    """Turns rows into lines of CSV."""

    def __init__(self, ending: str = "\r\n") -> None:
        self._written = ""
        self._writer = csv.writer(self, lineterminator=ending)

    def line(self, cells: Iterable[Any]) -> str:
        self._written = ""
        self._writer.writerow(cells)
        return self._written

    def write(self, text: str) -> int:
        """For the CSV writer."""
        self._written += text
        return len(text)


def inert(cell: str) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it; a number stays one."""
    return f"'{cell}" if cell[:1] in FORMULA and not NUMBER.fullmatch(cell) else cell
