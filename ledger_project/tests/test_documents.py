"""What the documents name is there: links, files, and the lines that the tour quotes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "client/README.md"])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:[a-z_.]+/)+[A-Za-z0-9_.-]+\.(?:py|sql|md|yml|toml|txt))`")
HISTORY = {"CHANGELOG.md"}  # names what was there
ELSEWHERE = (
    "accounts/",
    "journal/",
    "holds/",
    "reserves/",
    "client/",
    "docs/",
    "bench/",
    "templates/",
    "ledger_project/",
)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_exist(page: Path) -> None:
    named = FILE.findall(page.read_text("utf-8")) if page.name not in HISTORY else []
    whole = [file for file in named if file.startswith(ELSEWHERE)]
    assert [file for file in whole if not (ROOT / file).exists()] == []


def test_the_tour_quotes_what_is_there() -> None:
    """Each quoted line stands in one of the files that the section names."""
    missing = []
    for section in re.split(r"^## ", (ROOT / "docs/tour.md").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        files = [ROOT / file for file in FILE.findall(section)]
        lines = {line.strip(" ,") for file in files for line in file.read_text("utf-8").split("\n")}
        quoted = [
            line.strip(" ,")
            for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL)
            for line in block.split("\n")
        ]
        missing += [line for line in quoted if line and line not in lines]
    assert missing == []
