"""The fence around a copy: a database that was restored signs, sends and pays nothing in the name of its original.

A base backup has its original's system identifier and timeline, so nothing in a database says which of two it is. What
says it is kept outside: a file with the id of this instance and the size of the largest log that it has signed, written
after each pass; and the anchors, where they know of more than the log does. `log/unfencing.py` lifts the fence.

Whatever leaves the machine stands behind it: tasks by `log/outward.py`, and what signs by `require_open`.
"""

import json
import logging
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from django.conf import settings

from ledger_project.log import sealer
from ledger_project.log.executor import look
from ledger_project.log.tree import LogAltered
from ledger_project.log.unit import Look

log = logging.getLogger(__name__)


class Fenced(LogAltered):
    """This database may be a copy of another that goes on: nothing is signed or sent."""

    finding = "fenced"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known outside of the database: which instance this is, and how many leaves it has signed at least."""

    instance: str
    size: int


def reason(ask: Look = look) -> str | None:
    """Why nothing may leave this copy; None where it may. A process that never seals goes by the file, if it has it."""
    try:
        kept = read()
    except (OSError, ValueError, TypeError) as error:
        if not _seals():
            kept = None
        else:
            return f"{settings.INSTANCE_FILE} cannot be read: {error}"
    # The file first: a pass writes it after its commit, so what it says the database must know by now.
    ((instance, size, found),) = ask(_STATE, (settings.LOG_ORIGIN,))
    if found is not None:
        return str(found)
    return _difference(kept, instance, size)


def _difference(kept: Kept | None, instance: str | None, size: int) -> str | None:
    if instance is None:
        # A ledger that has signed nothing yet, or was made before there were instances.
        if kept is None or kept.size == 0:
            return None
        return f"the database is of no instance, and {_place()} is of one that has signed {kept.size} leaves"
    if kept is None:
        return f"the database is of instance {instance}, and there is no {settings.INSTANCE_FILE}" if _seals() else None
    if kept.instance != instance:
        return f"the database is of instance {instance}, and {_place()} is of {kept.instance}"
    if kept.size > size:
        return f"this instance has signed {kept.size} leaves, and the database has {size}"
    return None


def _seals() -> bool:
    return sealer.SEALER in settings.DATABASES


def _place() -> str:
    return "LEDGER_INSTANCE" if settings.INSTANCE else str(settings.INSTANCE_FILE)


def require_open(ask: Look = look) -> None:
    """Raises Fenced."""
    if why := reason(ask):
        raise Fenced(why)


def take_into_use() -> None:
    """Give an id to a database that has none yet, in the sealer's transaction. Raises Fenced."""
    ((instance, _, _),) = sealer.look(_STATE, (settings.LOG_ORIGIN,))
    if instance is not None:
        return
    # The file first: what is left of a try that ended between the two is a file without a size, which is taken up here.
    kept = read() or Kept(uuid4().hex, 0)
    try:
        write(kept)
    except OSError as error:
        raise Fenced(f"{settings.INSTANCE_FILE} cannot be written: {error}") from error
    record(kept.instance, "the first pass", "system:sealer")


def record(instance: str, why: str, by: str) -> None:
    """Note in the database which instance it is of from now on."""
    sealer.look("INSERT INTO log_instance (instance, reason, made_by) VALUES (%s, %s, %s)", (instance, why, by))


def remember(size: int) -> None:
    """Note outside that this instance has signed so many leaves. Best effort: the next pass does it again."""
    try:
        kept = read()
        if kept is not None and kept.size < size:
            write(Kept(kept.instance, size))
    except (OSError, ValueError, TypeError) as error:
        log.error("%s cannot be written: %s", settings.INSTANCE_FILE, error)


def read() -> Kept | None:
    """What is kept; None where nothing is. Raises OSError, ValueError or TypeError for a file that is none of ours."""
    if settings.INSTANCE:
        return Kept(settings.INSTANCE, 0)
    try:
        return Kept(**json.loads(Path(settings.INSTANCE_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write(kept: Kept) -> None:
    """Keep it for good, in one step: a reader finds the old file or the whole new one. Raises OSError."""
    if settings.INSTANCE:
        return
    place = Path(settings.INSTANCE_FILE)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=place.parent, prefix=place.name, delete=False) as file:
        try:
            json.dump(asdict(kept), file)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # it is no secret, and the web process may be another user's
            os.fsync(file.fileno())
            os.replace(file.name, place)
        except OSError:  # a full disk: the next pass tries again, and this one leaves nothing behind
            os.unlink(file.name)
            raise
    directory = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


# What an operator has to judge comes before what follows from it.
_STATE: Final[Any] = """
SELECT (SELECT instance FROM log_instance ORDER BY id DESC LIMIT 1),
       greatest((SELECT size FROM log_checkpoint ORDER BY id DESC LIMIT 1),
                (SELECT max(log_index) + 1 FROM log_leaf), 0),
       (SELECT kind || ': ' || detail FROM log_sealingfinding
         WHERE resolved_at IS NULL AND (kind = 'fenced' OR kind IN ('cut_back', 'forked') AND origin = %s)
         ORDER BY kind = 'fenced', id LIMIT 1)
"""
