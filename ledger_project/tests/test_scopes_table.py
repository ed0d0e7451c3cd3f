"""docs/scopes.md names every scope that a key can have, once."""

import re
from pathlib import Path

from accounts.commands.keys import known_scopes
from holds.tests.test_making_money import MINTING
from ledger_project.log.command import COMMANDS

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (Path(__file__).resolve().parents[2] / "docs" / "scopes.md").read_text().splitlines()
    if line.startswith("| `")
]


def test_every_scope_has_its_worst() -> None:
    named = [scope for row in ROWS for scope in re.findall(r"`([a-z0-9_.]+)`", row[0])]
    known = {scope for scope in known_scopes() if "*" not in scope}
    assert known <= set(named), f"add a row to docs/scopes.md that says the worst of {sorted(known - set(named))}"
    assert sorted(named) == sorted(known)


def test_what_makes_money_is_said() -> None:
    said = {scope for row in ROWS if row[2] != "no" for scope in re.findall(r"`\w+\.(\w+)`", row[0])}
    others = {"platform", "ensure_account", "approve_adjustment", "set_credit_limit"}
    assert said - others == MINTING
    assert {"ensure_account", "approve_adjustment"} <= {name for name, each in COMMANDS.items() if each.platform}
