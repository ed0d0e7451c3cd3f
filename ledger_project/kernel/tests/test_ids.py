"""Identifiers are ordered as the log is, and a moment's first id parts those before it from those of it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger_project.kernel import ids

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(MOMENTS, st.integers(0, 65_535))
def test_a_moments_first_id_is_below_all_of_it_and_above_all_before(moment, position):
    after = moment + timedelta(microseconds=1)

    assert ids.first(moment) < ids.make(moment, position) < ids.first(after)


@given(MOMENTS, st.integers(0, 65_534))
def test_ids_of_one_batch_are_in_the_order_of_its_commands(moment, position):
    assert ids.make(moment, position) < ids.make(moment, position + 1)


def test_a_moment_before_all_time_is_the_beginning():
    assert ids.first(datetime(1, 1, 1, tzinfo=UTC)) == ids.first(datetime(1970, 1, 1, tzinfo=UTC))


@given(MOMENTS)
def test_an_id_is_read_as_it_is_shown_and_under_its_own_prefix_only(moment):
    made = ids.make(moment, 7)

    assert ids.read("evt", ids.show("evt", made)) == made
    assert ids.read("ent", ids.show("evt", made)) is None
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
