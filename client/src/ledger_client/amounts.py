"""Amounts are whole numbers of minor units: Python integers in and out, strings of digits on the wire, never floats."""

import re
from typing import Any

from ledger_client._schema import AMOUNTS

CALLERS_OWN = frozenset({"metadata", "references"})  # what a caller has put in comes back as it was


def minor_units(amount: Any, name: str = "amount") -> int:
    """The amount itself. Raises TypeError for anything but an int, floats above all."""
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise TypeError(f"{name} is a whole number of minor units as an int, not {type(amount).__name__}")
    return amount


def sent(arguments: dict[str, Any]) -> dict[str, Any]:
    """A command's arguments as they travel, without those that were left out."""
    return {name: _sent(name, value) for name, value in arguments.items() if value is not None}


def _sent(name: str, value: Any) -> Any:
    if name in CALLERS_OWN:
        return value
    if isinstance(value, dict):
        return {inner: _sent(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sent(name, item) for item in value]
    if isinstance(value, float):
        minor_units(value, name)
    return str(minor_units(value, name)) if name in AMOUNTS and not isinstance(value, str) else value


def exact(document: Any, name: str = "") -> Any:
    """What the ledger answered, with its amounts as integers."""
    if name in CALLERS_OWN:
        return document
    if isinstance(document, dict):
        return {inner: exact(value, inner) for inner, value in document.items()}
    if isinstance(document, list):
        return [exact(item, name) for item in document]
    whole = name in AMOUNTS and isinstance(document, str) and re.fullmatch(r"-?[0-9]+", document)
    return int(document) if whole else document
