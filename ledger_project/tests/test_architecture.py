"""The repository checks itself: imports run downhill, one module writes postings, money has no float."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
# Each layer may import itself and what stands to its left.
ORDER = [
    "ledger_project.kernel",
    "ledger_project.log",
    "ledger_project.outbound",
    "ledger_project.web",
    "accounts",
    "journal",
    "holds",
    "reserves",
]
ALLOWED = {layer: set(ORDER[: index + 1]) for index, layer in enumerate(ORDER)}
ALLOWED["reserves"] -= {"holds"}
ALLOWED["ledger_project.webhooks"] = {
    "ledger_project.kernel",
    "ledger_project.log",
    "ledger_project.outbound",
    "ledger_project.web",
    "ledger_project.webhooks",
}
ALLOWED["ledger_project.usage"] = {*ORDER[: ORDER.index("holds") + 1], "ledger_project.usage"}
ALLOWED["ledger_client"] = {"ledger_client"}
# Rooms of one layer: each may import itself and these.
ROOMS = {
    "ledger_project.web.api": set(),
    "ledger_project.web.pages": {"ledger_project.web.api"},
    "ledger_project.web.backoffice": {"ledger_project.web.api"},
}
COMPOSITION = {"ledger_project.settings", "ledger_project.celery"}  # read by anyone through django.conf and celery


def sources() -> Iterator[Path]:
    for path in sorted(ROOT.glob("**/*.py")):
        parts = path.relative_to(ROOT).parts
        if parts[0] in {".venv", "var", "bench"} or "tests" in parts or "migrations" in parts or "testing" in parts:
            continue
        yield path


@cache
def tree_of(path: Path) -> ast.Module:
    """A source as a tree, which several tests look at."""
    return ast.parse(path.read_text(encoding="utf-8"))


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removeprefix("client.src.").removesuffix(".__init__")


def layer_of(module: str) -> str | None:
    return next((layer for layer in ALLOWED if module == layer or module.startswith(f"{layer}.")), None)


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", list(sources()), ids=module_of)
def test_imports_run_downhill(path: Path) -> None:
    layer = layer_of(module_of(path))
    if layer is None:
        return
    tree = tree_of(path)
    for node, name in imports(tree):
        target = layer_of(name)
        outside = target is None and name.split(".")[0] == "ledger_project"
        assert target is None or target in ALLOWED[layer], f"{module_of(path)}:{node.lineno} imports {name} uphill"
        assert not outside or name.startswith(("ledger_project.env", "ledger_project.celery")), (
            f"{module_of(path)}:{node.lineno} imports {name}, which belongs to the composition root"
        )


@pytest.mark.parametrize("path", list(sources()), ids=module_of)
def test_rooms_know_only_those_below(path: Path) -> None:
    room = next((room for room in ROOMS if module_of(path).startswith(f"{room}.")), None)
    for node, name in imports(tree_of(path)) if room else ():
        other = next((other for other in ROOMS if name.startswith(f"{other}.")), room)
        assert other == room or other in ROOMS[room or ""], f"{module_of(path)}:{node.lineno} imports {name}"


# SQL that names a table from above. The log, accounts and journal are one core: an event is hashed with its entry and
# its accounts' names, and what PostgreSQL judges of time it judges of every table alike.
UPHILL = {
    "ledger_project/log/documents.py": {"accounts_account", "journal_entry", "journal_posting"},
    "ledger_project/log/queries.py": {"journal_entry"},
    "ledger_project/log/verification.py": {"accounts_tenant"},
    "ledger_project/log/management/commands/export_log.py": {"accounts_tenant"},
    "ledger_project/log/sql/event_of_nobody.sql": {"accounts_tenant"},
    "ledger_project/log/sql/sealed_log_grants.sql": {"accounts_account", "journal_entry", "journal_posting"},
    "ledger_project/log/sql/time_runs_back.sql": {
        *("accounts_balance", "holds_deposit", "holds_hold", "reserves_reserveasset"),
    },
    "ledger_project/webhooks/sql/webhook_of_another.sql": {"accounts_account"},  # whose an account's webhook is
}


def test_sql_runs_downhill_too() -> None:
    tables = {model._meta.db_table: layer_of(model.__module__) for model in apps.get_models()}
    found: dict[str, set[str]] = {}
    for path in [*sources(), *ROOT.glob("**/sql/*.sql")]:
        text = path.read_text(encoding="utf-8")
        layer = layer_of(module_of(path))
        if path.suffix == ".py":
            nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
            text = "\n".join(node.value for node in nodes if isinstance(node.value, str))
        named = set(re.findall(r"\b[a-z]+_[a-z]+\b", re.sub("--.*", "", text)))
        above = {table for table in named & tables.keys() if layer and tables[table] not in {None, *ALLOWED[layer]}}
        if above and ".venv" not in path.parts:
            found[path.relative_to(ROOT).as_posix()] = above

    assert found == UPHILL


@pytest.mark.parametrize("path", list(sources()), ids=module_of)
def test_no_first_party_import_hides_in_a_function(path: Path) -> None:
    tree = tree_of(path)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name != "ready":
            for node, name in imports(function):
                assert layer_of(name) is None, f"{module_of(path)}:{node.lineno} imports {name} inside {function.name}"


def test_only_the_journals_rows_write_postings() -> None:
    writers = {
        module_of(path)
        for path in sources()
        if "insert into journal_posting" in " ".join(path.read_text(encoding="utf-8").lower().split())
    }

    assert writers == {"journal.rows"}


@pytest.mark.parametrize(
    "folder", ["ledger_project/kernel", "ledger_project/log", "accounts", "journal", "holds", "reserves"]
)
def test_money_code_knows_no_float(folder: str) -> None:
    for path in sources():
        if not path.is_relative_to(ROOT / folder) or "management" in path.parts or "api" in path.parts:
            continue
        for node in ast.walk(tree_of(path)):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
            named = path.name in {
                "usage.py",
                "demo.py",
                "executors.py",
                "tasks.py",
                "sinks.py",
                "taken.py",
                "timer.py",
                "waking.py",
            }  # not money
            assert named or not (literal or call), f"{module_of(path)}:{getattr(node, 'lineno', 0)} has a float"


def test_the_living_sql_and_the_migrations_say_the_same() -> None:
    """Each sql/ file stands word for word in the newest migration of its app that has a rule of its name."""
    for path in sorted(ROOT.glob("**/sql/*.sql")):
        if ".venv" in path.parts:
            continue
        migrations = sorted((path.parent.parent / "migrations").glob("[0-9]*.py"), reverse=True)
        frozen = next((text for m in migrations if f'"{path.stem}": ' in (text := m.read_text("utf-8"))), "")
        assert path.read_text("utf-8") in frozen, f"{path.relative_to(ROOT)} differs from its newest frozen copy"


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/settings.md").read_text("utf-8")
    used = set()
    for path in sources():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("env.") and node.args:
                name = node.args[0]
                used |= {name.value} if isinstance(name, ast.Constant) and isinstance(name.value, str) else set()

    assert {name for name in used if f"`{name}`" not in page} == set()
