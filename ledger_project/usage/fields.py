"""Argument types about usage."""

import re
from dataclasses import dataclass
from typing import Any

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Field

MOST = 2**53 - 1  # of one metric: what every JSON reader keeps exactly
NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")


@dataclass(frozen=True)
class MetricsField(Field):
    """What was used, by metric: whole numbers from 0 on."""

    entries: int = 32

    def parse(self, raw: Any, name: str) -> dict[str, int]:
        if not isinstance(raw, dict) or not 1 <= len(raw) <= self.entries:
            raise InvalidRequest(field=name, reason=f"not an object of 1 to {self.entries} metrics")
        for metric, quantity in raw.items():
            if not NAME.fullmatch(metric):
                raise InvalidRequest(field=f"{name}.{metric[:64]}", reason="not the name of a metric")
            if isinstance(quantity, bool) or not isinstance(quantity, int) or not 0 <= quantity <= MOST:
                raise InvalidRequest(field=f"{name}.{metric}", reason=f"not a whole number from 0 to {MOST}")
        return dict(sorted(raw.items(), key=lambda entry: (len(entry[0]), entry[0])))  # as jsonb keeps them

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 0, "maximum": MOST},
            "minProperties": 1,
            "maxProperties": self.entries,
            "example": {"input_tokens": 1204, "output_tokens": 388},
        }
