"""Array literals reach PostgreSQL as the values they were."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ledger_project.log.executor import look

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(st.one_of(text, st.sampled_from(["NULL", "null", "", "{}", '"', "\\", '\\"', ",", "a,b", " x "]))))
def test_text_survives(values: list[str]) -> None:
    assert look("SELECT array_to_json(%s::text[])", ([*values, None],)) == [([*values, None],)]


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1)))
def test_amounts_survive(values: list[int]) -> None:
    assert look("SELECT * FROM unnest(%s::text[]::numeric[])", (values,)) == [(value,) for value in values]
    assert look("SELECT * FROM unnest(%s::numeric(38,0)[])", (values,)) == [(value,) for value in values]


def test_the_other_types_survive() -> None:
    row = (
        [UUID(int=1), None],
        [True, False],
        [b"\x00\\x\xff", b""],
        [datetime(2026, 11, 21, 10, 0, 0, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
    )

    columns = look(
        "SELECT * FROM unnest(%s::uuid[], %s::bool[], %s::bytea[], %s::timestamptz[])", tuple(map(list, row))
    )

    assert list(zip(*columns, strict=True)) == [tuple(column) for column in row]
