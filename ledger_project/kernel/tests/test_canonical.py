import enum
import hashlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from ledger_project.kernel.canonical import MAX_DEPTH, MAX_INTEGER, canonical, content_hash

# Keys from around the places where code point order and UTF-16 order part: ASCII, the top of the basic plane, astral.
awkward_text = st.text(
    st.sampled_from('aZ~\x00\x1f\x7f"\\/\n\t\u00e9\u2028\ud7ff\ue000\uffff\U00010000\U0001f600\U0010ffff')
)
text = awkward_text | st.text(st.characters(exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | text
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=30)


@given(documents)
@example({"\U00010000": 1, "\uffff": 2})
@example({"outer": [{"\U0001f600": 1, "\ue000": 2}]})
@example({"description": "paid \U0001f600", "\ue000": 1})
def test_bytes_equal_those_of_the_reference_library(document: Any) -> None:
    assert canonical(document) == rfc8785.dumps(document)


@given(documents)
def test_what_was_hashed_is_what_is_read_back(document: Any) -> None:
    assert json.loads(canonical(document)) == document


@given(documents)
def test_content_hash_is_sha256_of_the_canonical_bytes(document: Any) -> None:
    assert content_hash(document) == hashlib.sha256(rfc8785.dumps(document)).digest()


def test_sorting_example_of_the_rfc() -> None:
    document = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }

    values = list(json.loads(canonical(document)).values())

    assert values == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize("value", [1.0, float("nan"), float("inf"), (1, 2), {1, 2}, b"bytes", object()])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: {"a": [v]}, lambda v: [{"a": v}]])
def test_other_types_are_refused_at_any_depth(value: Any, wrap: Any) -> None:
    with pytest.raises(TypeError):
        canonical(wrap(value))


@pytest.mark.parametrize("key", [1, True, None, 1.5])
def test_keys_are_strings(key: Any) -> None:
    with pytest.raises(TypeError):
        canonical({key: "json.dumps would have made a string of it"})


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**37])
def test_integers_that_javascript_would_round_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match="write it as a string"):
        canonical({"amount": value})


@pytest.mark.parametrize("document", ["\ud800", {"\udc00": 1}, {"a": ["x\udfff"]}, {"\U0001f600": "\ud800"}])
def test_lone_surrogates_are_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"UTF-8|codec"):
        canonical(document)


def test_depth_is_bounded_by_a_number_and_not_by_the_stack() -> None:
    deepest: list[Any] = []
    for _ in range(MAX_DEPTH):
        deepest = [deepest]
    assert canonical(deepest) == b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)

    with pytest.raises(ValueError, match="nested deeper"):
        canonical([deepest])

    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="nested deeper"):
        canonical(circle)


def test_enumerations_of_strings_are_written_by_value() -> None:
    bucket = enum.StrEnum("bucket", {"AVAILABLE": "available"})
    assert canonical({"bucket": bucket.AVAILABLE, bucket.AVAILABLE: 1}) == b'{"available":1,"bucket":"available"}'
