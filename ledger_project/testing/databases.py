"""A database of its own, for tests that would spoil the one that all tests of a worker share."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import UserSettingsHolder, settings
from django.db import connections
from psycopg import sql

from ledger_project.log import fence
from ledger_project.log.sealer import SEALER
from ledger_project.testing.run import TEMPLATE

_SHARED: list[str] = []  # aliases that stand for the app's connection at the moment


@contextmanager
def own_database(*, as_owner: bool = False, copy_of: str = TEMPLATE) -> Iterator[str]:
    """Let Django work on a fresh copy of the template, or of another database that nobody is connected to; its name.

    `as_owner` gives it the rights of whoever rules the database.
    """
    name = f"{connections['default'].settings_dict['NAME']}_{secrets.token_hex(4)}"
    before = {alias: dict(connections.settings[alias]) for alias in connections.settings}
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(copy_of)))
        try:
            _point_to({alias: {**each, "NAME": name} for alias, each in before.items()}, as_owner=as_owner)
            # What a process remembers of accounts goes by tenant, so tenants here are others than those there.
            with connections["owner"].cursor() as cursor:
                start = 1_000_000 + secrets.randbelow(1_000_000_000)
                cursor.execute(f"ALTER TABLE accounts_tenant ALTER COLUMN id RESTART WITH {start}")
            with _instance_of(name, like=copy_of):
                yield name
        finally:
            _point_to(before)
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _instance_of(name: str, *, like: str) -> Iterator[None]:
    """What is kept of this database outside of it, here and for the processes that a test starts."""
    before, own = settings.INSTANCE_FILE, Path(os.environ["LEDGER_HOME"]) / f"instance-{name}"
    if like != TEMPLATE and before.exists():
        shutil.copy(before, own)
    try:
        _keep_instance_in(own)
        yield
    finally:
        _keep_instance_in(before)
        own.unlink(missing_ok=True)


def forget_the_size() -> None:
    """What a forger does who also has the file that is kept outside of the database."""
    if kept := fence.read():
        fence.write(fence.Kept(kept.instance, 0))


def _keep_instance_in(file: Path) -> None:
    # Below what a test overrides: an override may end before the database does, or after it.
    base: Any = vars(settings)["_wrapped"]
    while isinstance(base, UserSettingsHolder):
        base = base.default_settings
    base.INSTANCE_FILE = file
    settings.__dict__.pop("INSTANCE_FILE", None)
    os.environ["LEDGER_INSTANCE_FILE"] = str(file)


def _point_to(databases: dict[str, dict[str, object]], *, as_owner: bool = False) -> None:
    for alias, each in databases.items():
        connections[alias].close()
        if alias in _SHARED:
            del connections[alias]
            _SHARED.remove(alias)
        connections.settings[alias].update(databases["owner"] if as_owner else each)
    if as_owner:  # who rules the database does all of it in one transaction
        connections[SEALER] = connections["default"]
        _SHARED.append(SEALER)
