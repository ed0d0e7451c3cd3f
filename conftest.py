"""The test run: real servers, real commits.

A test makes a tenant of its own and everything is scoped by tenant, so nothing is rolled back or flushed between tests;
what is tested is what runs. Do not mark tests with `django_db`: the database is open to all of them.
"""

import os
from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from ledger_project.embedded.processes import StartFailed
from ledger_project.testing.run import TestRun, memory

if settings.configured:
    raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests would use the database that your shell names.")

RUN = TestRun.of_environment(below=memory())
RUN.configure()
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger_project.settings"
# Here and not in pytest_configure: the conftest modules of the apps are imported next, and they import models.
django.setup()
# Workers inherit the environment, and pytest-django would load their settings before they know their database.
del os.environ["DJANGO_SETTINGS_MODULE"]

from ledger_project.testing.api import Api  # noqa: E402  (it imports models)
from ledger_project.testing.ledger import Ledger  # noqa: E402  (it imports models)


def pytest_configure(config: pytest.Config) -> None:
    if not (config.option.collectonly or config.option.help):
        try:
            RUN.start()
        except StartFailed as error:
            raise pytest.UsageError(str(error)) from error


def pytest_unconfigure() -> None:
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
    """The database was made by pytest_configure; pytest-django must not make another."""


@pytest.fixture(scope="session", autouse=True)
def database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Every test may use the database, and commits."""
    with django_db_blocker.unblock():
        yield
