from typing import Any

import psycopg
from django.apps import AppConfig
from django.db.backends.signals import connection_created
from prometheus_client import REGISTRY
from psycopg.types.numeric import NumericLoader


class MinorUnits(NumericLoader):
    """`numeric` columns hold whole minor units; what has a point (an average) stays a Decimal."""

    def load(self, data: Any) -> Any:
        text = bytes(data)
        return int(text) if b"." not in text and b"N" not in text else super().load(data)


def read_amounts_as_integers(connection: Any, **_: Any) -> None:
    raw: psycopg.Connection[Any] = connection.connection
    raw.adapters.register_loader("numeric", MinorUnits)


class LogConfig(AppConfig):
    name = "ledger_project.log"
    label = "log"

    def ready(self) -> None:
        from ledger_project.log.metrics import LogCollector  # it reads models, which are ready only now

        connection_created.connect(read_amounts_as_integers, dispatch_uid="amounts")
        REGISTRY.register(LogCollector())
