"""The random lives notice when a rule is broken: each mutant is killed.

Three in the suite; `make mutants` tries all of them and prints how each was found out. A mutant that PostgreSQL itself
forbids counts as killed: the refusal or the error comes where the model has none.
"""

import os

import pytest
from hypothesis import Phase

from holds.tests.mutants import MUTANTS, Mutant
from holds.tests.test_state_machine import live

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("MUTANT_EXAMPLES", "150"))
IN_THE_SUITE = ("final_capture_keeps_the_rest", "hold_expires_late", "promo_last")
NAMED = os.environ.get("MUTANTS", " ".join(IN_THE_SUITE)).split()
CHOSEN = [mutant for mutant in MUTANTS if mutant.name in NAMED or NAMED == ["all"]]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    """Its source text is there, and what it becomes is a program: only then does a death say anything."""
    with mutant.in_place():
        pass


@pytest.mark.timeout(0)
@pytest.mark.parametrize("mutant", CHOSEN, ids=lambda mutant: mutant.name)
def test_a_mutant_is_killed(mutant: Mutant) -> None:
    with mutant.in_place():
        try:
            # Found is enough: no time is spent on a shorter life, and no failure is remembered for the sound rules.
            # The same lives each time, so that the suite does not depend on luck.
            live(EXAMPLES, phases=[Phase.generate], database=None, report_multiple_bugs=False, derandomize=True)
        except Exception as found:
            print(f"\nkilled    {mutant.name:38} {mutant.breaks}\n          by {_said(found)}")
            return
    pytest.fail(f"{mutant.name} survived {EXAMPLES} lives: {mutant.breaks}")


def _said(found: Exception) -> str:
    return f"{type(found).__name__}: {str(found).strip()}".replace("\n", " ")[:160]
