"""Holds under many hands: the rows' own locks decide, and every outcome is exact."""

import random
import time
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.test import override_settings

from accounts.models import Account
from accounts.rows import STRIPES
from holds.errors import CaptureExceedsHold, HoldExpired, HoldNotDue, HoldNotPending
from holds.models import Hold
from holds.tests.story import Story
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import Done
from ledger_project.testing.crowd import together

pytestmark = pytest.mark.slow

LEAD = timedelta(milliseconds=200)  # from when a race begins to the moment at which holds expire


def codes(outcomes: list) -> Counter:
    return Counter(
        "done" if isinstance(outcome, Done) else getattr(outcome, "code", repr(outcome)) for outcome in outcomes
    )


def test_64_partial_captures_take_exactly_what_is_held(books: Story) -> None:
    hold = books.hold(100, to_account="shop")
    parts = [7] * 64

    outcomes = together(
        [
            lambda n=n, part=part: books.run("capture_hold", hold=hold, amount=part, final=False, key=f"c{n}")
            for n, part in enumerate(parts)
        ]
    )

    assert codes(outcomes) == {"done": 14, "capture_exceeds_hold": 50}
    assert books.state(hold) == ("pending", 98, 0)
    assert books.balance("alice") == {"held": 2}
    assert books.balance("shop") == {"available": 98}
    books.right()


def test_64_captures_and_releases_of_odd_sizes_use_the_hold_up(books: Story) -> None:
    hold = books.hold(100, to_account="shop")
    chance = random.Random(7)

    def act(n: int):
        command = "capture_hold" if n % 2 else "release_hold"
        final = {"final": False} if n % 2 else {}
        amount = chance.randint(1, 9)
        return lambda: books.run(command, hold=hold, amount=amount, key=f"a{n}", **final)

    outcomes = together([act(n) for n in range(64)])

    assert {type(outcome) for outcome in outcomes} <= {Done, CaptureExceedsHold, HoldNotPending}
    _, captured, released = books.state(hold)
    assert captured + released <= 100
    assert books.balance("shop") == {"available": captured}
    assert books.balance("alice").get("held", 0) == 100 - captured - released
    books.right()


def test_a_hold_is_ended_once_by_whoever_comes_first(books: Story) -> None:
    for _ in range(10):
        hold = books.hold(10, to_account="shop")
        commands = ["capture_hold", "release_hold"] * 4
        outcomes = together(
            [lambda n=n, c=c, hold=hold: books.run(c, hold=hold, key=f"{hold}{n}") for n, c in enumerate(commands)]
        )

        assert codes(outcomes) == {"done": 1, "hold_not_pending": 7}
    books.right()


@pytest.mark.timeout(300)
def test_capture_against_expiry_at_one_instant_has_one_winner_every_time(books: Story) -> None:
    """500 holds that end while captures and sweepers are after them: each is either paid or given back."""
    books.open("whale", funded=5000)
    winners: Counter[str] = Counter()
    for _ in range(10):
        holds = [
            done.document["result"]["hold"]["id"]
            for done in books.execute(
                *(
                    books.call("place_hold", account="whale", amount=10, to_account="shop", expires_in=1)
                    for _ in range(50)
                )
            )
        ]
        instant = Hold.objects.get(pk=holds[-1][4:]).expires_at

        def capture(mine: list[str], instant: datetime) -> list[Done | Refusal]:
            early = _try(books, "capture_hold", mine[0])  # in time, however slow the machine is
            _wait_until(instant - timedelta(milliseconds=40))
            return [early, *(_try(books, "capture_hold", hold) for hold in mine[1:])]

        def expire(mine: list[str], instant: datetime) -> list[Done | Refusal]:
            _wait_until(instant - timedelta(milliseconds=40))
            return [_until_due(books, hold) for hold in mine]

        with clock.moved(instant - clock.now() - LEAD):
            captures, expiries = together(
                [
                    lambda holds=holds, instant=instant: capture(holds, instant),
                    lambda holds=holds, instant=instant: expire(holds[::-1], instant),
                ]
            )

        for hold, captured, expired in zip(holds, captures, expiries[::-1], strict=True):
            assert [isinstance(captured, Done), isinstance(expired, Done)].count(True) == 1, (captured, expired)
            assert isinstance(captured, Done | HoldExpired | HoldNotPending), captured
            assert isinstance(expired, Done | HoldNotPending), expired
            winner = "captured" if isinstance(captured, Done) else "expired"
            assert books.state(hold) == ((winner, 10, 0) if winner == "captured" else (winner, 0, 10))
            winners[winner] += 1

    assert winners.total() == 500
    assert min(winners["captured"], winners["expired"]) > 0, f"a race has two sides: {winners}"
    assert books.balance("shop") == {"available": 10 * winners["captured"]}
    assert books.balance("whale") == {"available": 5000 - 10 * winners["captured"]}
    books.right()


def _wait_until(instant: datetime) -> None:
    time.sleep(max(0.0, (instant - clock.now()).total_seconds()))


def _try(books: Story, command: str, hold: str) -> Done | Refusal:
    try:
        return books.run(command, hold=hold, key=f"{command}:{hold}")
    except Refusal as refusal:
        return refusal


def _until_due(books: Story, hold: str) -> Done | Refusal:
    while True:
        outcome = _try(books, "expire_hold", hold)
        if not isinstance(outcome, HoldNotDue):
            return outcome


def test_holds_of_two_accounts_for_each_other_do_not_deadlock(books: Story) -> None:
    books.run("mint", account="bob", amount=100)
    holds = [
        books.make("place_hold", account=payer, amount=5, to_account=payee)
        for payer, payee in [("alice", "bob"), ("bob", "alice")] * 16
    ]

    outcomes = together([lambda hold=hold: books.run("capture_hold", hold=hold, key=hold) for hold in holds])

    assert codes(outcomes) == {"done": 32}
    assert books.balance("alice") == books.balance("bob") == {"available": 100}
    books.right()


def test_a_hold_on_a_striped_account_ends_on_the_stripe_where_it_was_placed(books: Story) -> None:
    """Each thread writes to a stripe of its own; whoever ends a hold locks the one that its money stands on."""
    books.open("house", unbounded=True)
    arguments = {"account": "house", "to_account": "shop"}
    with override_settings(GROUP_COMMIT=False):  # calls that one thread executes for all are on its stripe
        placed = together(
            [lambda n=n: books.make("place_hold", amount=n + 1, key=f"p{n}", **arguments) for n in range(16)]
        )
    stripes = set(Hold.objects.filter(tenant=books.tenant).values_list("stripe", flat=True))
    assert Account.objects.get(tenant=books.tenant, name="house").stripes == STRIPES
    assert len(stripes) > 1, "the threads met on one stripe, so nothing is shown"

    outcomes = together(
        [lambda hold=hold: books.run("capture_hold", hold=hold, key=f"c{hold}") for hold in reversed(placed)]
    )

    assert codes(outcomes) == {"done": 16}
    assert books.balance("house") == {"available": -136}
    assert books.balance("shop") == {"available": 136}
    books.right()
