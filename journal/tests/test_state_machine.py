"""A long random life of one tenant's books, step by step the same as the pure model's.

The suite runs 100 lives; `make long-test` runs thousands (STATE_MACHINE_EXAMPLES, STATE_MACHINE_STEPS).
"""

import copy
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.answers import answer
from journal.replay import replay
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import BatchRefused, Call, Done, execute, execute_one, look
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.model import Model, No

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "100"))
STEPS = int(os.environ.get("STATE_MACHINE_STEPS", "30"))

people = st.sampled_from(["alice", "bob", "did:web:carol", "0xd0d0", "cash", "fees", "platform:issuance:CRD", "nobody"])
amounts = st.one_of(st.integers(1, 60), st.integers(1, 10**30))
small = st.integers(1, 60)


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Any command that needs no id of an earlier one."""
    name = draw(st.sampled_from(sorted(ARGUMENTS)))
    return name, {argument: draw(strategy) for argument, strategy in ARGUMENTS[name].items()}


ARGUMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "open_account": {"name": people, "type": st.sampled_from(["liability", "asset"]), "unbounded": st.booleans()},
    "ensure_account": {"account": people, "initial_balance": st.integers(0, 50)},
    "freeze_account": {"account": people},
    "unfreeze_account": {"account": people},
    "close_account": {"account": people},
    "mint": {"account": people, "amount": amounts},
    "burn": {"account": people, "amount": small},
    "transfer": {"from_account": people, "to_account": people, "amount": small},
    "post_entry": {
        "postings": st.lists(
            st.fixed_dictionaries(
                {
                    "account": people,
                    "bucket": st.sampled_from(["available", "fee_pool"]),
                    "amount": st.integers(-5, 5).filter(bool),
                }
            ),
            max_size=4,
        )
    },
}


class Life(RuleBasedStateMachine):
    """Every rule does one thing to the ledger and to the model, and compares the outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.model = Model()
        self.accepted: list[tuple[Call, dict[str, Any]]] = []

    @initialize()
    def cast(self) -> None:
        for name in ("alice", "bob", "did:web:carol"):
            self._both("ensure_account", {"account": name, "initial_balance": 100})
        self._both("open_account", {"name": "fees", "type": "revenue", "unbounded": True})
        self._both("open_account", {"name": "cash", "type": "asset", "unbounded": True})

    @rule(drawn=commands())
    def command(self, drawn: tuple[str, dict[str, Any]]) -> None:
        self._both(*drawn)

    @rule(payer=people, receiver=people, amount=small)
    def balanced_entry(self, payer: str, receiver: str, amount: int) -> None:
        legs = [{"account": payer, "amount": amount}, {"account": receiver, "amount": -amount}]
        self._both("post_entry", {"postings": legs})

    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        if self.model.entries:
            self._both("reverse_entry", {"entry": data.draw(st.sampled_from(sorted(self.model.entries)))})

    @rule(data=st.data())
    def retry_an_old_key(self, data: st.DataObject) -> None:
        if self.accepted:
            call, first = data.draw(st.sampled_from(self.accepted))
            again = execute_one(call)
            assert again.replayed
            assert answer(again, look) == first

    @rule(drawn=st.lists(commands(), min_size=1, max_size=6), atomic=st.booleans())
    def bulk(self, drawn: list[tuple[str, dict[str, Any]]], atomic: bool) -> None:
        calls = [self.ledger.call(name, **arguments) for name, arguments in drawn]
        kept = copy.deepcopy(self.model)
        expected: list[str | None] = []
        for name, arguments in drawn:
            try:
                self.model.apply(name, arguments)
                expected.append(None)
            except No as no:
                expected.append(no.code)
        if atomic and any(expected):
            self.model = kept
        if atomic and any(expected):
            with pytest.raises(BatchRefused) as refused:
                execute(calls, atomic=True)
            results = refused.value.results
            assert refused.value.index == next(index for index, code in enumerate(expected) if code)
        else:
            results = execute(calls, atomic=atomic)
        assert [result.code if isinstance(result, Refusal) else None for result in results] == expected

    @rule(drawn=commands())
    def rehearsal_changes_nothing(self, drawn: tuple[str, dict[str, Any]]) -> None:
        name, arguments = drawn
        try:
            copy.deepcopy(self.model).apply(name, arguments)
            expected = None
        except No as no:
            expected = no.code
        assert self._code(self.ledger.call(name, **arguments), dry_run=True)[0] == expected

    def _both(self, name: str, arguments: dict[str, Any]) -> None:
        call = self.ledger.call(name, **arguments)
        code, done = self._code(call)
        try:
            self.model.apply(name, arguments, "ent_" + done.document["id"][4:] if done else "")
            expected = None
        except No as no:
            expected = no.code
        assert code == expected, f"{name} {arguments}"
        if done:
            self.accepted.append((call, answer(done, look)))

    def _code(self, call: Call, *, dry_run: bool = False) -> tuple[str | None, Done | None]:
        try:
            return None, execute_one(call, dry_run=dry_run)
        except Refusal as refusal:
            return refusal.code, None

    @invariant()
    def balances_are_the_models(self) -> None:
        for name, account in self.model.accounts.items():
            assert self.ledger.balance(name) == account.shown(), name

    def teardown(self) -> None:
        assert replay(self.ledger.tenant) == []


def test_a_random_life_is_the_models() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
