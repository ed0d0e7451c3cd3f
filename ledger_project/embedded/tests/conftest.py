"""Homes and command lines for the supervisor's tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_project.embedded import places, processes


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of its own with a short path, not below pytest's directories, which only their user may enter."""
    with tempfile.TemporaryDirectory(prefix="ledger-home-") as made:
        outside = Path(made)
        outside.chmod(0o711)
        at = outside / "var"
        yield at
        clear(at)


def clear(home: Path) -> None:
    """Stop what a failed test left running in `home`, and remove what of it stands elsewhere."""
    if (home / "installation").exists():
        processes.stop_strays(places.installation_of(home))
    if (elsewhere := home / "elsewhere").is_symlink():
        shutil.rmtree(elsewhere.resolve())


@pytest.fixture
def shell(home: Path) -> dict[str, str]:
    """The environment of somebody who types `manage.py up` there: nothing of the test run's servers."""
    ours = ("DATABASE_", "REDIS_", "DJANGO_", "LEDGER_", "TEST_", "PYTEST_", "WEB_", "PORT")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {"LEDGER_HOME": str(home), "WEB_WORKERS": "1", "WORKER_CONCURRENCY": "1"}
