"""A long random life of one tenant's books, step by step the same as the pure model's.

The suite runs 25 lives; `make soak` runs thousands (STATE_MACHINE_EXAMPLES, STATE_MACHINE_STEPS). Time stands still
within a command and moves on between two, by a millisecond or to the very moment at which something expires.
"""

import os
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.answers import answer
from holds.models import Hold
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import BatchRefused, Call, Done, Result, execute, execute_one, look
from ledger_project.testing.draws import VERBS, command
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.model import Model, No

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "25"))
STEPS = int(os.environ.get("STATE_MACHINE_STEPS", "30"))
TICK = timedelta(milliseconds=1)

OPEN = {Hold.Status.PENDING: "pending", Hold.Status.DISPUTED: "disputed"}

accepted_verbs: Counter[str] = Counter()
refused_verbs: Counter[str] = Counter()


class Life(RuleBasedStateMachine):
    """Every rule does one thing to the ledger and to the model, and compares the outcome."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.model = Model()
        self.accepted: list[tuple[Call, dict[str, Any]]] = []

    @initialize(seed=st.integers(0, 2**64))
    def cast(self, seed: int) -> None:
        # Hypothesis chooses the steps and removes those that a failure does not need; drawing every argument from it
        # would give mostly small and repeated ones, and lives too short to get anywhere.
        self.random = Random(seed)
        for name in ("alice", "bob", "did:web:carol"):
            self._both("ensure_account", {"account": name, "initial_balance": 100})
        self._both("open_account", {"name": "fees", "type": "revenue", "unbounded": True})
        self._both("open_account", {"name": "cash", "type": "asset", "unbounded": True})
        self._both("ensure_account", {"account": "merchant_settlement:m1", "initial_balance": 50})
        self._both("open_clearing_account", {"domain": "north"})
        self._both("set_credit_limit", {"account": "bob", "credit_limit": 150})
        self._both("draw_credit", {"account": "bob", "amount": 20})
        self._both("promo_mint", {"account": "alice", "amount": 40, "expires_in": 3600})
        self._both("place_hold", {"account": "bob", "amount": 110, "to_account": "alice", "allow_overcapture": True})
        self._both("lock_escrow", {"buyer": "alice", "seller": "bob", "amount": 30, "reference": "order"})

    @rule()
    def one(self) -> None:
        self._both(*command(self.random, self.model))

    @rule()
    def a_few(self) -> None:
        """Single commands come more often than the rest."""
        for _ in range(6):
            self._both(*command(self.random, self.model))

    @rule(
        payer=st.sampled_from(["alice", "bob", "cash"]),
        receiver=st.sampled_from(["bob", "fees"]),
        amount=st.integers(1, 60),
    )
    def balanced_entry(self, payer: str, receiver: str, amount: int) -> None:
        legs = [{"account": payer, "amount": amount}, {"account": receiver, "amount": -amount}]
        self._both("post_entry", {"postings": legs})

    @rule(seconds=st.sampled_from([1, 59, 3600, 86400]))
    def wait(self, seconds: int) -> None:
        self.model.now += timedelta(seconds=seconds)

    @rule(before=st.booleans())
    def at_the_last_moment(self, before: bool) -> None:
        """Wait until something expires, to the microsecond or one short of it, and use it then."""
        uses: list[tuple[str, dict[str, Any], Any]] = []
        for key, hold in self.model.holds.items():
            if hold.status == "pending" and hold.kind in ("hold", "escrow"):
                verbs = ["capture_hold", "release_hold"] if hold.kind == "hold" else ["refund_escrow"]
                for verb in (*verbs, "expire_hold"):
                    noun = "escrow" if verb == "refund_escrow" else "hold"
                    uses.append((verb, {noun: f"hld_{key}"}, hold.expires))
        for key, grant in self.model.grants.items():
            if grant.left:
                uses.append(("expire_promo", {"grant": f"prm_{key}"}, grant.expires))
                uses.append(("spend", {"account": grant.account, "amount": 7, "use_promo": True}, grant.expires))
        for key, session in self.model.keys.items():
            named = {"account": session.account, "amount": 1, "session_key": f"ssk_{key}"}
            uses.append(("spend", named, session.expires))
        soon = [use for use in uses if use[2] and use[2] > self.model.now]
        if soon:
            verb, arguments, moment = self.random.choice(soon)
            self.model.now = moment - timedelta(microseconds=1) if before else moment
            self._both(verb, arguments)

    @rule()
    def retry_an_old_key(self) -> None:
        call, first = self.random.choice(self.accepted)
        with clock.stopped(self.model.now):
            again = execute_one(call)
        assert again.replayed
        assert answer(again, look) == first

    @rule(count=st.integers(2, 6), atomic=st.booleans())
    def bulk(self, count: int, atomic: bool) -> None:
        self.model.begin()
        kept = self.model.copy()
        calls, expected = [], []
        for number in range(count):
            verb, arguments = command(self.random, kept)
            # An unbounded account is opened on one stripe, and used by later batches on another.
            arguments = {name: value for name, value in arguments.items() if name != "unbounded"}
            calls.append((self.ledger.call(verb, **arguments), verb))
            expected.append(self._expected(self.model, verb, arguments, f"new-{number}"))
        results: list[Result]
        refused_at = None
        try:
            with clock.stopped(self.model.now):
                results = execute([call for call, _ in calls], atomic=atomic)
        except BatchRefused as refused:
            results, refused_at = refused.results, refused.index
        codes = [_code(result) for result in results]
        assert codes == expected, [verb for _, verb in calls]
        refusals = [index for index, code in enumerate(expected) if code]
        if atomic and refusals:
            assert refused_at == refusals[0]
            self.model = kept
        else:
            assert refused_at is None
            for number, (call, result) in enumerate(zip(calls, results, strict=True)):
                if isinstance(result, Done):
                    self.model.rename(f"new-{number}", result.document["id"][4:])
                    self._accept(call[0], call[1], result)
        self.model.now += TICK

    @rule()
    def rehearsal_changes_nothing(self) -> None:
        verb, arguments = command(self.random, self.model)
        self.model.begin()
        expected = self._expected(self.model.copy(), verb, arguments, "new")
        with clock.stopped(self.model.now):
            (result,) = execute([self.ledger.call(verb, **arguments)], dry_run=True)
        assert _code(result) == expected, f"{verb} {arguments}"

    def _both(self, verb: str, arguments: dict[str, Any]) -> None:
        call = self.ledger.call(verb, **arguments)
        with clock.stopped(self.model.now):
            (result,) = execute([call])
        made = result.document["id"][4:] if isinstance(result, Done) else "new"
        self.model.begin()
        expected = self._expected(self.model, verb, arguments, made)
        assert _code(result) == expected, f"{verb} {arguments}"
        if isinstance(result, Done):
            self._accept(call, verb, result)
        else:
            refused_verbs[verb] += 1
        self.model.now += TICK

    def _expected(self, model: Model, verb: str, arguments: dict[str, Any], made: str) -> str | None:
        try:
            model.apply(verb, arguments, made)
        except No as no:
            return no.code
        return None

    def _accept(self, call: Call, verb: str, done: Done) -> None:
        self.accepted.append((call, answer(done, look)))
        accepted_verbs[verb] += 1

    @invariant()
    def balances_are_the_models(self) -> None:
        stored = self.ledger.balances()
        assert stored == {name: account.shown() for name, account in self.model.accounts.items()}

    @invariant()
    def promised_money_is_the_open_holds(self) -> None:
        stored = {hold.pk.hex: hold for hold in Hold.objects.filter(tenant=self.ledger.tenant)}
        assert stored.keys() == self.model.holds.keys()
        promised: Counter[tuple[str, str]] = Counter()
        for key, hold in self.model.holds.items():
            left = int(stored[key].amount - stored[key].captured - stored[key].released)
            assert left == hold.left, key
            assert OPEN.get(stored[key].status, "ended") == (hold.status if hold.open else "ended"), key
            promised[hold.account, hold.bucket] += left
        for name, account in self.model.accounts.items():
            for bucket in ("held", "escrowed", "bonded"):
                assert account.buckets[bucket] == promised[name, bucket], f"{name} {bucket}"

    def teardown(self) -> None:
        assert replay(self.ledger.tenant) == []


def _code(result: Result) -> str | None:
    """A refusal's code; a bug is raised."""
    if isinstance(result, Done):
        return None
    if isinstance(result, Refusal):
        return result.code
    raise result


def live(examples: int, **options: Any) -> None:
    """So many lives; raises at the first step that is not the model's."""
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


@pytest.mark.timeout(0)
def test_a_random_life_is_the_models() -> None:
    accepted_verbs.clear()
    refused_verbs.clear()

    live(EXAMPLES)

    for verb in VERBS:
        print(f"{verb:24} {accepted_verbs[verb]:6} accepted {refused_verbs[verb]:6} refused alone")
    if EXAMPLES >= 100:
        assert {verb for verb in VERBS if not accepted_verbs[verb]} == set(), "verbs that were never accepted"
