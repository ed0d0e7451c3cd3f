"""OpenTelemetry's attributes: every token is counted once, whatever it is called."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.usage.otel import read_metrics, read_model

USAGE = "gen_ai.usage."


@pytest.mark.parametrize(
    ("attributes", "metrics"),
    [
        ({"input_tokens": 100, "output_tokens": 180}, {"input_tokens": 100, "output_tokens": 180}),
        ({"prompt_tokens": 100, "completion_tokens": 180}, {"input_tokens": 100, "output_tokens": 180}),
        ({"input_tokens": 100, "output_tokens": 0}, {"input_tokens": 100, "output_tokens": 0}),
        # The parts are in the totals, and are taken out of them.
        (
            {"input_tokens": 100, "cache_read.input_tokens": 50, "cache_creation.input_tokens": 25},
            {"input_tokens": 25, "cached_input_tokens": 50, "cache_write_tokens": 25},
        ),
        ({"input_tokens": 50, "cache_read.input_tokens": 50}, {"input_tokens": 0, "cached_input_tokens": 50}),
        ({"input_tokens": 50, "cache_write.input_tokens": 20}, {"input_tokens": 30, "cache_write_tokens": 20}),
        ({"output_tokens": 180, "reasoning.output_tokens": 130}, {"output_tokens": 50, "reasoning_tokens": 130}),
        # A part that is 0 needs no rate.
        (
            {"input_tokens": 9, "cache_read.input_tokens": 0, "output_tokens": 3, "reasoning.output_tokens": 0},
            {"input_tokens": 9, "output_tokens": 3},
        ),
        # Names from before the convention had one, also beside its own.
        (
            {"input_tokens": 9, "input_tokens.cached": 5, "output_tokens": 8, "output_tokens.reasoning": 6},
            {"input_tokens": 4, "cached_input_tokens": 5, "output_tokens": 2, "reasoning_tokens": 6},
        ),
        ({"input_tokens": 7, "prompt_tokens": 7}, {"input_tokens": 7}),
        # Other parts stay in their total, and null is "not given".
        (
            {"input_tokens": 90, "audio.input_tokens": 10, "total_tokens": 90, "output_tokens": None},
            {"input_tokens": 90},
        ),
        ({}, {}),
    ],
)
def test_what_was_used(attributes: dict[str, Any], metrics: dict[str, int]) -> None:
    assert read_metrics({USAGE + name: count for name, count in attributes.items()}) == metrics


@pytest.mark.parametrize(
    ("attributes", "field", "reason"),
    [
        (
            {"input_tokens": 60, "cache_read.input_tokens": 50, "cache_creation.input_tokens": 25},
            "input_tokens",
            "less than cached_input_tokens and cache_write_tokens, which it includes",
        ),
        ({"cache_read.input_tokens": 5}, "input_tokens", "missing, while a part of it is given"),
        (
            {"input_tokens": 7, "prompt_tokens": 8},
            "input_tokens",
            "differs from gen_ai.usage.prompt_tokens, another name for it",
        ),
        ({"input_tokens": -1}, "input_tokens", "not a whole number from 0 to 9007199254740991"),
        ({"input_tokens": 2**53}, "input_tokens", "not a whole number from 0 to 9007199254740991"),
        ({"output_tokens": 1.0}, "output_tokens", "not a whole number from 0 to 9007199254740991"),
        ({"output_tokens": "12"}, "output_tokens", "not a whole number from 0 to 9007199254740991"),
        ({"output_tokens": True}, "output_tokens", "not a whole number from 0 to 9007199254740991"),
    ],
)
def test_what_contradicts_itself_is_refused(attributes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_metrics({USAGE + name: count for name, count in attributes.items()})

    assert refusal.value.facts == {"field": f"data.{USAGE}{field}", "reason": reason}


def test_the_model_is_the_one_that_answered() -> None:
    asked = {"gen_ai.request.model": "gpt-4"}

    assert read_model(asked) == "gpt-4"
    assert read_model({**asked, "gen_ai.response.model": "gpt-4-0613"}) == "gpt-4-0613"
    assert read_model({**asked, "gen_ai.response.model": None}) == "gpt-4"
    assert read_model({}) is None


@given(*[st.integers(0, 1000)] * 5)
def test_no_token_is_counted_twice_or_not_at_all(
    plain: int, cached: int, written: int, spoken: int, thought: int
) -> None:
    metrics = read_metrics(
        {
            "gen_ai.usage.input_tokens": plain + cached + written,
            "gen_ai.usage.cache_read.input_tokens": cached,
            "gen_ai.usage.cache_creation.input_tokens": written,
            "gen_ai.usage.output_tokens": spoken + thought,
            "gen_ai.usage.reasoning.output_tokens": thought,
        }
    )

    assert metrics["input_tokens"] == plain
    assert metrics["output_tokens"] == spoken
    assert sum(metrics.values()) == plain + cached + written + spoken + thought
