"""docs/seeds.md keeps its word: every command, address, CLI verb and test that it names is here.

And the other way round: every command can be reached from the CLI, with exactly its own arguments.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import pytest
from django.test import Client
from ledger_client import verbs
from ledger_client.cli import ledger as cli

from ledger_project.kernel.errors import Refusal
from ledger_project.log.command import COMMANDS
from ledger_project.webhooks.subscriptions import means_something

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/seeds.md"
COLUMNS = ["In the seed", "Here", "Command", "Route", "CLI", "Proven by"]
NONE = "—"
SEEDS = 5
# What the API itself takes part in: a secret that it shows once, a document that it signs.
INTERFACES_OWN = {"issue_api_key", "register_webhook", "rotate_webhook_secret", "issue_attestation"}


@dataclass(frozen=True)
class Line:
    """One row of a table, with the seed and the part that it stands under."""

    seed: str
    part: str
    cells: tuple[str, ...]

    def named(self, column: str) -> list[str]:
        """What stands in code spans in a column."""
        return re.findall(r"`([^`]+)`", self.cells[COLUMNS.index(column)])

    @property
    def id(self) -> str:
        return f"{self.seed}: {self.cells[0]}".replace("`", "")


def lines() -> Iterator[Line]:
    """The rows of the tables that have these columns."""
    seed = part = ""
    inside = False
    for text in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        if text.startswith("## "):
            seed, part = text[3:], ""
        elif text.startswith("### "):
            part = text[4:]
        elif inside and text.startswith("| "):
            yield Line(seed, part, tuple(cells))
        inside = text.startswith("|") and (inside or cells == COLUMNS)


LINES = list(lines())
each_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)


@lru_cache(maxsize=1)
def operations() -> frozenset[str]:
    """ "POST /v1/transfers" of everything in the API's document."""
    paths: dict[str, dict[str, Any]] = json.loads(Client().get("/openapi.json").content)["paths"]
    return frozenset(f"{method.upper()} {path}" for path, methods in paths.items() for method in methods)


@lru_cache(maxsize=64)
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def verb(words: str) -> click.Command | None:
    """The CLI's command for `ledger hold place`, and for `ledger` the CLI itself."""
    found: click.Command | None = cli
    for word in words.split()[1:]:
        found = found.commands.get(word) if isinstance(found, click.Group) else None
    return found


def test_all_seeds_are_told_of_with_all_that_they_name() -> None:
    seeds = {line.seed for line in LINES}

    assert len(seeds) == SEEDS
    assert {line.part for line in LINES} == {"Operations", "Fields", "Events", "Invariants", "Errors"}
    assert all(any(line.seed == seed and line.part == "Operations" for line in LINES) for seed in seeds)


def test_nothing_is_told_twice() -> None:
    keys = [(line.seed, line.part, line.cells[0]) for line in LINES]

    assert len(keys) == len(set(keys))


@each_line
def test_a_row_is_whole(line: Line) -> None:
    assert len(line.cells) == len(COLUMNS)
    assert all(line.cells)
    assert line.named("Proven by"), "no row without a test"
    for column in ("Command", "Route", "CLI"):
        assert line.named(column) or line.cells[COLUMNS.index(column)] == NONE


@each_line
def test_what_a_row_names_is_here(line: Line) -> None:
    assert [name for name in line.named("Command") if name not in COMMANDS] == []
    assert [route for route in line.named("Route") if not _resolves(route)] == []
    assert [words for words in line.named("CLI") if verb(words) is None] == []
    assert [test for test in line.named("Proven by") if not _exists(test)] == []


def _resolves(route: str) -> bool:
    """Whether a method and an address (the part before a query) are in the API's document."""
    return route.partition("?")[0] in operations()


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and name in functions_of(path)


@pytest.mark.parametrize("line", [line for line in LINES if line.part == "Events"], ids=lambda line: line.id)
def test_an_event_of_a_seed_can_be_subscribed_to(line: Line) -> None:
    assert line.named("Here")
    assert [name for name in line.named("Here") if not means_something(name)] == []


@pytest.mark.parametrize("line", [line for line in LINES if line.part == "Errors"], ids=lambda line: line.id)
def test_an_error_of_a_seed_is_a_refusal(line: Line) -> None:
    assert line.named("Here")
    assert [code for code in line.named("Here") if code not in Refusal.registry] == []


INTERNAL = {name for name, command in COMMANDS.items() if command.internal}


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - INTERFACES_OWN - INTERNAL))
def test_every_command_has_a_cli_verb_with_its_arguments(name: str) -> None:
    lines = [line for line in verbs.VERBS if line.command == name]
    assert len(lines) == 1, f"{name} has no word in the shell: add one line for it to client/src/ledger_client/verbs.py"

    command = COMMANDS[name]
    assert [(each.name, each.needed) for each in lines[0].arguments] == [
        (field, field not in command.optional) for field in command.fields
    ]


def test_no_verb_is_of_a_command_that_is_not_there() -> None:
    known = {name for name, command in COMMANDS.items() if not command.internal}
    assert [line.words for line in verbs.VERBS if line.command not in known] == []


@pytest.mark.parametrize("read", verbs.READS, ids=lambda read: read.words)
def test_a_verb_that_reads_has_an_address_with_its_filters(read: verbs.Read) -> None:
    assert f"GET {read.path}" in operations()
    document = json.loads(Client().get("/openapi.json").content)
    known = {parameter["name"] for parameter in document["paths"][read.path]["get"].get("parameters", [])}
    assert set(read.filters.split()) <= known
