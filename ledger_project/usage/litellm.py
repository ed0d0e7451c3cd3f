"""LiteLLM's published price table, read as rates of a price book.

The table (`model_prices_and_context_window.json`, a copy ships with the package `litellm`) has prices in US dollars a
token, as JSON numbers. They are read as the text they are written as, so no float is made of them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

METRICS = {
    "input_cost_per_token": "input_tokens",
    "cache_read_input_token_cost": "cached_input_tokens",
    "cache_creation_input_token_cost": "cache_write_tokens",
    "output_cost_per_token": "output_tokens",
    "output_cost_per_reasoning_token": "reasoning_tokens",
    "input_cost_per_request": "requests",
    "input_cost_per_second": "seconds",
    "output_cost_per_image": "images",
}
DECIMALS = 12  # of a minor unit; what has more is no price of a book


@dataclass
class Table:
    """What was read: rates, and what was left out, each with the reason."""

    rates: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_table(text: str, *, scale: int, models: Iterable[str] = ("*",)) -> Table:
    """The rates of the models that fit one of the patterns, in minor units of a currency with `scale` decimals.

    Prices that depend on how long the context is (`…_above_200k_tokens`) are no rates of a metric, so they are named
    and left out. Raises ValueError for what is no such table.
    """
    document = json.loads(text, parse_float=str, parse_int=str)
    if not isinstance(document, dict):
        raise ValueError("not an object of models")
    table, wanted = Table(), tuple(models)
    for model, entry in sorted(document.items()):
        if model != "sample_spec" and isinstance(entry, dict) and any(fnmatchcase(model, each) for each in wanted):
            _read(table, model, entry, scale)
    return table


def _read(table: Table, model: str, entry: Mapping[str, Any], scale: int) -> None:
    for name, price in sorted(entry.items()):
        if name in METRICS and price is not None:
            minor = Decimal(str(price)).scaleb(scale)
            if minor < 0 or minor != round(minor, DECIMALS):
                table.skipped.append(f"{model} {name}: {price} is no price of at most {DECIMALS} decimals")
            else:
                table.rates.append({"model": model, "metric": METRICS[name], "price": _plain(minor)})
        elif "_cost_per_" in name or name.endswith("_cost"):
            table.skipped.append(f"{model} {name}: not a price of one metric alone")


def _plain(price: Decimal) -> str:
    """Without an exponent, and without zeros that say nothing."""
    text = format(price, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
