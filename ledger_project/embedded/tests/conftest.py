"""Homes and command lines for the supervisor's tests."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_project.testing.run import remove_home


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of its own below the test run's, which every user may pass through, unlike pytest's directories."""
    outside = Path(tempfile.mkdtemp(dir=os.environ["LEDGER_HOME"]))
    outside.chmod(0o711)
    at = outside / "var"
    yield at
    remove_home(at)


@pytest.fixture
def shell(home: Path) -> dict[str, str]:
    """The environment of somebody who types `manage.py up` there: nothing of the test run's servers."""
    ours = ("DATABASE_", "REDIS_", "DJANGO_", "LEDGER_", "TEST_", "PYTEST_", "WEB_", "PORT")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {"LEDGER_HOME": str(home), "WEB_WORKERS": "1", "WORKER_CONCURRENCY": "1"}


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
