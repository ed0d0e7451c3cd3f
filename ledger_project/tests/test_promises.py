"""docs/promises.md says of every table by what it is watched, in the words of the declarations."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from journal.reconciliation import running
from ledger_project.log.rebuilt import Watched

DOCS = Path(__file__).resolve().parents[2] / "docs"


def grouped(by: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns of each check or reason."""
    groups: dict[str, list[str]] = {}
    for column, word in by.items():
        groups.setdefault(word, []).append(f"`{column}`")
    return groups


def line(watched: Watched) -> str:
    checks = [f"`{watched.check}`"] * bool(watched.check)
    checks += [f"`{check}`: {', '.join(columns)}" for check, columns in grouped(watched.held).items()]
    reasons = [f"{', '.join(columns)}: {reason}" for reason, columns in grouped(watched.apart).items()]
    reasons += [watched.why] * bool(watched.why) + [f"rows: {watched.rows}"] * bool(watched.rows)
    return f"| `{watched.table}` | {'; '.join(checks) or 'none'} | {'; '.join(reasons)} |"


@pytest.mark.parametrize("table", sorted(Watched.all))
def test_the_page_has_every_table(table: str) -> None:
    assert line(Watched.all[table]) in (DOCS / "promises.md").read_text("utf-8").splitlines()


def test_the_page_has_no_other_table() -> None:
    lines = (DOCS / "promises.md").read_text("utf-8").splitlines()

    assert len([each for each in lines if each.startswith("| `")]) == len(Watched.all)


def test_every_check_is_in_the_list() -> None:
    page = (DOCS / "reconciliation.md").read_text("utf-8")

    assert [check.name for check in running.checks() if f"`{check.name}`" not in page] == []
