"""The test run: real servers, real commits.

A test makes a tenant of its own and everything is scoped by tenant, so nothing is rolled back or flushed between tests;
what is tested is what runs. Do not mark tests with `django_db`: the database is open to all of them.
"""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import django
import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from ledger_project.embedded.processes import StartFailed
from ledger_project.kernel.collector import spare_the_loaded
from ledger_project.testing.run import TestRun, memory

if settings.configured:
    raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests would use the database that your shell names.")

gc.disable()  # until the tests are found, of which nothing is garbage
RUN = TestRun.of_environment(below=memory())
RUN.configure()
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger_project.settings"
# Here and not in pytest_configure: the conftest modules of the apps are imported next, and they import models.
django.setup()
# Workers inherit the environment, and pytest-django would load their settings before they know their database.
del os.environ["DJANGO_SETTINGS_MODULE"]

from ledger_project.testing.api import Api  # noqa: E402  (it imports models)
from ledger_project.testing.ledger import Ledger  # noqa: E402  (it imports models)

STARTED = pytest.StashKey[Future[None] | None]()
STARTING = ThreadPoolExecutor(1, "servers")  # and tests are found meanwhile, by the workers, too


def pytest_configure(config: pytest.Config) -> None:
    idle = config.option.collectonly or config.option.help
    config.stash[STARTED] = STARTING.submit(RUN.start) if not idle else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """No test begins, here or in a worker, before the servers are there; the workers are told by this process."""
    spare_the_loaded()  # what was collected stays
    gc.enable()
    try:
        if started := session.config.stash[STARTED]:
            started.result()
    except StartFailed as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest begins first, so that no worker is left with it when the others are done."""
    items.sort(key=patience, reverse=True)


def patience(item: pytest.Item) -> tuple[float, bool]:
    """The seconds that a test asks for (0: the usual; without limit: endless), and whether its file is slow."""
    timeout = item.get_closest_marker("timeout")
    return (float(timeout.args[0] or "inf") if timeout else 0.0, item.get_closest_marker("slow") is not None)


def pytest_unconfigure() -> None:
    STARTING.shutdown()
    RUN.stop()


@pytest.fixture
def ledger() -> Ledger:
    """A new tenant's ledger with the currency CRD, scale 0."""
    return Ledger()


@pytest.fixture
def api(ledger: Ledger) -> Api:
    """A caller of the HTTP API with a key of that ledger that may do everything."""
    return Api(ledger)


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The database is made by `database`; pytest-django must not make another."""


@pytest.fixture(scope="session", autouse=True)
def database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Every test may use the database, and commits."""
    RUN.open()
    with django_db_blocker.unblock():
        yield
