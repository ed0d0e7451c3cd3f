"""What arguments about the log look like."""

from dataclasses import dataclass
from typing import Any

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Field

HIGHEST = 2**63 - 1


@dataclass(frozen=True)
class IndexField(Field):
    """A place in the log, or a number of its leaves, in an address: a whole number in digits."""

    minimum: int = 0

    def parse(self, raw: Any, name: str) -> int:
        digits = raw.removeprefix("-") if isinstance(raw, str) else ""
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 19 and self.minimum <= int(raw) <= HIGHEST):
            raise InvalidRequest(field=name, reason=f"not a whole number from {self.minimum} up")
        return int(raw)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum}
