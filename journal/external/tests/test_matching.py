"""The search of matches, against rules that are checked by trying everything, and by stories."""

import random
from collections import Counter
from datetime import date, timedelta
from itertools import combinations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from journal.external import matching
from journal.external.matching import GROUP, Item, Match, Rules, search

DAY = date(2026, 10, 1)
ORIGIN = {"line": 1, "entry": 1001}


def items(side, *told):
    """Items by (amount, day) or (amount, day, reference)."""
    return [
        Item(ORIGIN[side] + n, DAY + timedelta(days=day), amount, frozenset(named))
        for n, (amount, day, *named) in enumerate(told)
    ]


def found(lines, entries, **rules):
    return [
        (match.how, match.lines, match.entries, match.difference)
        for match in search(items("line", *lines), items("entry", *entries), Rules(**rules)).matches
    ]


ITEM = st.tuples(st.integers(-6, 6).filter(bool), st.integers(0, 4), st.sampled_from(["", "", "a", "b"])).map(
    lambda told: told if told[2] else told[:2]
)
SIDE = st.lists(ITEM, max_size=6)


@settings(max_examples=200, deadline=None)
@given(SIDE, SIDE, st.integers(0, 2), st.integers(0, 3), st.randoms(use_true_random=False))
def test_every_match_keeps_the_rules_and_trying_everything_finds_no_other(lines, entries, tolerance, days, shuffler):
    lines, entries, rules = items("line", *lines), items("entry", *entries), Rules(tolerance, days)
    by_key = {item.key: item for item in (*lines, *entries)}

    made = search(lines, entries, rules)

    seen = Counter(key for match in made.matches for key in (*match.lines, *match.entries))
    assert all(times == 1 for times in seen.values())
    for match in made.matches:
        event(match.how)
        assert_sound(match, by_key, rules)
    left = [[item for item in side if item.key not in seen] for side in (lines, entries)]
    assert_nothing_left(*left, rules)
    assert_nothing_left(*reversed(left), rules)
    assert not made.cut
    shuffler.shuffle(lines)
    shuffler.shuffle(entries)
    assert search(lines, entries, rules) == made


def assert_sound(match: Match, by_key, rules):
    lines, entries = [by_key[key] for key in match.lines], [by_key[key] for key in match.entries]
    assert 1 in (len(lines), len(entries))
    assert lines
    assert entries
    assert match.difference == sum(line.amount for line in lines) - sum(entry.amount for entry in entries)
    assert abs(match.difference) <= rules.tolerance
    assert all(abs((line.date - entry.date).days) <= rules.days for line in lines for entry in entries)
    if match.how == "reference":
        named = [item.references for item in (*lines, *entries)]
        assert frozenset.intersection(*named)


def assert_nothing_left(ones, others, rules):
    """Neither a pair, nor a group that is the only one of the smallest size that would do."""
    for one in ones:
        near = [other for other in others if abs((one.date - other.date).days) <= rules.days]
        for size in range(1, GROUP + 1):
            offs = [abs(sum(each.amount for each in group) - one.amount) for group in combinations(near, size)]
            exact, close = offs.count(0), sum(off <= rules.tolerance for off in offs)
            if close:
                assert size > 1
                assert (exact or close) > 1
                break


def test_references_go_before_amounts_and_same_days_before_near_ones():
    assert found([(50, 0), (50, 0, "x")], [(50, 0, "x"), (50, 1)]) == [
        ("reference", (2,), (1001,), 0),
        ("amount", (1,), (1002,), 0),
    ]
    assert found([(50, 2)], [(50, 0), (50, 2), (50, 3)]) == [("amount", (1,), (1002,), 0)]


def test_a_payout_is_all_the_entries_that_carry_its_reference_however_many():
    entries = [(10, 0, "po_1")] * 40 + [(-15, 1, "po_1")]

    assert found([(385, 2, "po_1")], entries) == [("reference", (1,), tuple(range(1001, 1042)), 0)]
    assert found([(386, 2, "po_1")], entries) == []
    assert found([(386, 2, "po_1")], entries, tolerance=1) == [("reference", (1,), tuple(range(1001, 1042)), 1)]


def test_one_line_is_a_few_entries_and_one_entry_a_few_lines():
    assert found([(100, 1)], [(70, 0), (33, 1), (-3, 2), (500, 1)]) == [("group", (1,), (1001, 1002, 1003), 0)]
    assert found([(70, 0), (33, 1), (-3, 2)], [(100, 1)]) == [("group", (1, 2, 3), (1001,), 0)]


def test_what_is_ambiguous_is_left_to_a_person():
    assert found([(100, 0)], [(60, 0), (40, 0), (55, 0), (45, 0)]) == []


def test_the_window_and_the_tolerance_are_limits():
    assert found([(100, 0)], [(100, 3)]) == [("amount", (1,), (1001,), 0)]
    assert found([(100, 0)], [(100, 4)]) == []
    assert found([(100, 0)], [(98, 0), (103, 0)], tolerance=2) == [("amount", (1,), (1001,), 2)]
    assert found([(100, 0)], [(97, 0)], tolerance=2) == []


def test_a_hostile_pile_is_left_at_the_bound_and_said_so(monkeypatch):
    """Nothing adds up and everything might: the search stops after its steps, the same way each time."""
    monkeypatch.setattr(matching, "STEPS", 50_000)
    draw = random.Random(7)
    lines = items("line", *((draw.randrange(1, 10**6) * 2 + 1, 0) for _ in range(300)))
    entries = items("entry", *((draw.randrange(1, 10**6) * 1000, 0) for _ in range(300)))

    first, again = search(lines, entries, Rules()), search(lines, entries, Rules())

    assert first.cut
    assert first.matches == []
    assert again == first
