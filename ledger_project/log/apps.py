from typing import Any

import psycopg
from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from prometheus_client import REGISTRY
from psycopg.types.numeric import NumericLoader

from ledger_project.log.rights import close_database


class MinorUnits(NumericLoader):
    """`numeric` columns hold whole minor units; what has a point (an average) stays a Decimal."""

    def load(self, data: Any) -> Any:
        text = bytes(data)
        return int(text) if b"." not in text and b"N" not in text else super().load(data)


def prepare(connection: Any, **_: Any) -> None:
    """Read amounts as integers, and refuse a server that would forget what it has acknowledged."""
    raw: psycopg.Connection[Any] = connection.connection
    raw.adapters.register_loader("numeric", MinorUnits)
    for (name,) in raw.execute(_FORGETFUL).fetchall():
        connection.close()
        raise ImproperlyConfigured(f"PostgreSQL runs with {name} off: an acknowledged payment could be lost")


_FORGETFUL = """
SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
"""


class LogConfig(AppConfig):
    name = "ledger_project.log"
    label = "log"

    def ready(self) -> None:
        from ledger_project.log import replay  # noqa: F401  (declares by what its tables are watched)
        from ledger_project.log.metrics import LogCollector  # it reads models, which are ready only now

        connection_created.connect(prepare, dispatch_uid="prepare")
        post_migrate.connect(close_database, sender=self, dispatch_uid="close_database")
        REGISTRY.register(LogCollector())
