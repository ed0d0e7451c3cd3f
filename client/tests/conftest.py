"""The client is tested as it stands in the repository, installed or not, and against the ledger itself."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from ledger_client import LedgerClient
from server import Server

from ledger_project.testing.api import Api


@pytest.fixture(scope="session")
def line() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def server(line: Server) -> Server:
    """The line to the ledger, whole."""
    line.faults.clear()
    line.seen.clear()
    return line


@pytest.fixture
def client(server: Server, api: Api) -> Iterator[LedgerClient]:
    """A client with a key of a new tenant's ledger that may do everything."""
    with LedgerClient(server.url, api.token) as made:
        yield made
