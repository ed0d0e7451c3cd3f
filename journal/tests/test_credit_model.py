"""Credit lines against a pure model: limits, draws, repayments, transfers and mints in any order."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journal.replay import replay
from ledger_project.kernel.errors import Refusal
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

NAMES = ("alice", "bob")


@dataclass
class Line:
    """What an account has and owes, by the rules as an accountant would say them."""

    available: int = 0
    used: int = 0
    limit: int = 0

    def receive(self, amount: int) -> None:
        repaid = min(amount, self.used)
        self.used -= repaid
        self.available += amount - repaid

    def pay(self, amount: int) -> str | None:
        if amount > self.available + max(0, self.limit - self.used):
            return "insufficient_funds"
        drawn = max(0, amount - self.available)
        self.used += drawn
        self.available -= amount - drawn
        return None

    def draw(self, amount: int) -> str | None:
        if amount > max(0, self.limit - self.used):
            return "credit_limit_exceeded"
        self.used += amount
        self.available += amount
        return None

    def repay(self, amount: int) -> str | None:
        if amount > self.used:
            return "repayment_exceeds_credit"
        if amount > self.available:
            return "insufficient_funds"
        self.used -= amount
        self.available -= amount
        return None


names, amounts = st.sampled_from(NAMES), st.integers(1, 40)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set_credit_limit"), names, st.integers(0, 60)),
        st.tuples(st.sampled_from(["draw_credit", "repay_credit", "mint", "transfer"]), names, amounts),
    ),
    min_size=1,
    max_size=30,
)


def expected(model: dict[str, Line], verb: str, name: str, amount: int) -> str | None:
    other = next(each for each in NAMES if each != name)
    if verb == "set_credit_limit":
        model[name].limit = amount
    if verb == "mint":
        model[name].receive(amount)
    if verb == "draw_credit":
        return model[name].draw(amount)
    if verb == "repay_credit":
        return model[name].repay(amount)
    if verb == "transfer":
        no = model[name].pay(amount)
        if no is None:
            model[other].receive(amount)
        return no
    return None


def arguments(verb: str, name: str, amount: int) -> dict[str, Any]:
    if verb == "set_credit_limit":
        return {"account": name, "credit_limit": amount}
    if verb == "transfer":
        return {
            "from_account": name,
            "to_account": next(each for each in NAMES if each != name),
            "amount": amount,
        }
    return {"account": name, "amount": amount}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_any_history_of_two_credit_lines_is_the_models(history: list[tuple[str, str, int]]) -> None:
    ledger = Ledger()
    ledger.open(*NAMES)
    model = {name: Line() for name in NAMES}

    results = ledger.execute(*[ledger.call(verb, **arguments(verb, name, amount)) for verb, name, amount in history])

    for step, result in zip(history, results, strict=True):
        assert (result.code if isinstance(result, Refusal) else None) == expected(model, *step), step
    for name, line in model.items():
        buckets = {"available": line.available, "credit_used": line.used}
        assert ledger.balance(name) == {bucket: amount for bucket, amount in buckets.items() if amount}
    assert replay(ledger.tenant) == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_one_by_one_it_is_the_same(history: list[tuple[str, str, int]]) -> None:
    ledger = Ledger()
    ledger.open(*NAMES)
    model = {name: Line() for name in NAMES}

    for verb, name, amount in history:
        try:
            ledger.run(verb, **arguments(verb, name, amount))
            code = None
        except Refusal as refusal:
            code = refusal.code
        assert code == expected(model, verb, name, amount)
        buckets = {"available": model[name].available, "credit_used": model[name].used}
        assert ledger.balance(name) == {bucket: amount for bucket, amount in buckets.items() if amount}
