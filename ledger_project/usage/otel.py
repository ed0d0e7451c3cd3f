"""Usage in the words of OpenTelemetry's semantic conventions for generative AI.

Their registry (github.com/open-telemetry/semantic-conventions-genai) says of the totals that they include their parts:
`gen_ai.usage.input_tokens` has the tokens that were read from a cache and written to one, `gen_ai.usage.output_tokens`
those of reasoning. So the parts are taken out of the totals, and no token is priced twice. Other parts (by modality,
say) stay in their total and cost what plain tokens do: nothing is left out of the price.
"""

from collections.abc import Mapping
from typing import Any

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import WholeNumberField
from ledger_project.usage.fields import MOST

COUNT = WholeNumberField(0, MOST)

# The model that answered before the one that was asked for: "gpt-4" may be answered, and is charged, as "gpt-4-0613".
MODELS = ("gen_ai.response.model", "gen_ai.request.model")

# The convention's name first, then those of its earlier versions and of instrumentations from before it had one.
TOTALS: Mapping[str, tuple[str, ...]] = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
}
PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "input_tokens": {
        "cached_input_tokens": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.input_tokens.cached",
        ),
        "cache_write_tokens": (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.input_tokens.cache_write",
        ),
    },
    "output_tokens": {
        "reasoning_tokens": (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.output_tokens.reasoning",
        ),
    },
}


def read_model(attributes: Mapping[str, Any]) -> Any:
    """The model as it was given, or None."""
    return next((attributes[name] for name in MODELS if attributes.get(name) is not None), None)


def read_metrics(attributes: Mapping[str, Any]) -> dict[str, int]:
    """The metrics of a span's or an event's attributes; those that it does not know are passed over.

    A part of a total that is 0 is left out, so that it needs no rate. Refuses: InvalidRequest, also where two names for
    one number differ, and where parts are more than their total.
    """
    metrics: dict[str, int] = {}
    for total in TOTALS:
        metrics |= _split(attributes, total)
    return metrics


def _split(attributes: Mapping[str, Any], total: str) -> dict[str, int]:
    """The parts of a total, and what is left of it."""
    name = TOTALS[total][0]
    whole = _count(attributes, TOTALS[total])
    counts = {part: _count(attributes, names) for part, names in PARTS[total].items()}
    parts = {part: count for part, count in counts.items() if count}
    if whole is None:
        if parts:
            raise InvalidRequest(field=f"data.{name}", reason="missing, while a part of it is given")
        return {}
    rest = whole - sum(parts.values())
    if rest < 0:
        raise InvalidRequest(field=f"data.{name}", reason=f"less than {' and '.join(parts)}, which it includes")
    return {total: rest, **parts}


def _count(attributes: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    given = [name for name in names if attributes.get(name) is not None]
    counts = {COUNT.parse(attributes[name], f"data.{name}") for name in given}
    if len(counts) > 1:
        raise InvalidRequest(field=f"data.{given[0]}", reason=f"differs from {given[-1]}, another name for it")
    return counts.pop() if counts else None
