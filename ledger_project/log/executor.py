"""The executor: the only writer of the log, the journal and the balances.

Calls that wait at the same moment are executed as one batch (grouping.py), which takes two round trips (attempt.py).
Those whose rows somebody else holds are set aside (taken.py) and wait where they are in nobody's way (parking.py).
docs/concurrency.md gives the locking rules as numbered cases.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection as django_connection
from psycopg import errors as pg

from ledger_project.kernel.errors import Busy, Refusal
from ledger_project.log import deadline
from ledger_project.log.attempt import PART, BatchRefused, carry_out, look
from ledger_project.log.call import KEY, Call, Done, Result, SystemKey, fit_key, system_key
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.grouping import Group
from ledger_project.log.parking import Parking
from ledger_project.log.taken import BRIEF, Outcome, SetAside, execute_the_free, taken, wait_for

__all__ = [
    "KEY",
    "PART",
    "BatchRefused",
    "Call",
    "Done",
    "Result",
    "SystemKey",
    "execute",
    "execute_bulk",
    "execute_free",
    "execute_one",
    "fit_key",
    "look",
    "run",
    "system_call",
    "system_key",
]
MAX_BATCH = 1000

parking = Parking(settings.PARKED_CALLS)


def run(tenant: int, command: str, /, *, key: str, actor: str = "system", dry_run: bool = False, **raw: Any) -> Done:
    """Execute a command by name for the ledger itself: tasks and management commands. `key` becomes a system key."""
    return execute_one(system_call(tenant, command, key=key, actor=actor, **raw), dry_run=dry_run)


def system_call(tenant: int, command: str, /, *, key: str, actor: str = "system", **raw: Any) -> Call:
    """A call that the ledger makes of itself, under a key that no caller can have spent before."""
    return Call.of(tenant, Caller.system(actor), system_key(key), COMMANDS[command], raw)


def execute_one(call: Call, *, dry_run: bool = False) -> Done:
    """Execute one call, together with others that wait in this process; its refusal is raised."""
    with deadline.within(settings.CALL_SECONDS):
        if _may_share(dry_run):
            result = _singles.submit(call, call.tenant)
            if isinstance(result, SetAside):
                [result] = _settle([call], [result], _submit)
        else:
            [result] = execute([call], dry_run=dry_run)
    if isinstance(result, Exception):
        try:
            raise result
        finally:
            del result  # its traceback has this frame
    return result


def execute_bulk(calls: Sequence[Call], *, dry_run: bool = False) -> list[Result]:
    """`execute` independent calls, together with the bulks of others that wait in this process.

    Bulks of one tenant mostly want the same rows: one after the other they would wait for locks, together for nothing.
    """
    if not _may_share(dry_run):
        return execute(calls, dry_run=dry_run)
    with deadline.within(settings.CALL_SECONDS):
        return _settle(calls, _submit(calls), _submit)


def execute(calls: Sequence[Call], *, atomic: bool = False, dry_run: bool = False) -> list[Result]:
    """Execute calls of one tenant together; each gets its own result, in order.

    Independent calls (the default) are accepted or refused one by one, each seeing what those before it did. An
    atomic batch is accepted as a whole, or raises `BatchRefused` and stores nothing. Bugs come back as the exception
    they raised, to their own call alone.

    Refuses: Busy where rows stay locked, TimedOut, and what is wrong with the database.
    """
    _require_batch(calls)
    with deadline.within(settings.CALL_SECONDS):
        if atomic or dry_run or django_connection.in_atomic_block:
            return _as_one(calls, atomic=atomic, dry_run=dry_run)
        return _settle(calls, _alone(calls), _alone)


def execute_free(calls: Sequence[Call]) -> list[Result]:
    """`execute` independent calls without waiting for locks: Busy is the result of those whose rows others hold.

    For sweepers, which come again.
    """
    _require_batch(calls)
    with deadline.within(settings.CALL_SECONDS):
        if django_connection.in_atomic_block:
            return _as_one(calls, atomic=False, dry_run=False)
        return [Busy(reason="locked") if isinstance(each, SetAside) else each for each in _alone(calls)]


def _require_batch(calls: Sequence[Call]) -> None:
    if not 0 < len(calls) <= MAX_BATCH or len({call.tenant for call in calls}) != 1:
        raise ValueError(f"a batch has 1 to {MAX_BATCH} calls of one tenant")


def _may_share(dry_run: bool) -> bool:
    return settings.GROUP_COMMIT and not dry_run and not django_connection.in_atomic_block


def _as_one(calls: Sequence[Call], *, atomic: bool, dry_run: bool) -> list[Result]:
    """Execute calls that cannot be parted. Refuses: Busy."""
    while True:
        try:
            return carry_out(calls, atomic=atomic, dry_run=dry_run, lock_seconds=BRIEF)
        except pg.LockNotAvailable as waited:
            # Within a transaction of the caller's, which has waited for as long as its session does.
            if django_connection.in_atomic_block or not deadline.left():
                raise Busy(reason="lock timeout") from waited
        for ref, query in islice(taken(calls).items(), 1):
            try:
                parking.wait(calls[0].tenant, ref, partial(wait_for, query))
            except pg.LockNotAvailable as waited:
                raise Busy(reason="lock timeout") from waited


def _settle(
    calls: Sequence[Call], outcomes: Sequence[Outcome], submit: Callable[[Sequence[Call]], list[Outcome]]
) -> list[Result]:
    """The results of all; those that were set aside follow when what they need is free."""
    results = list(outcomes)
    while aside := [each for each in results if isinstance(each, SetAside)]:
        places = [place for place, each in enumerate(results) if each == aside[0]]
        followed = _follow([calls[place] for place in places], aside[0], submit)
        for place, outcome in zip(places, followed, strict=True):
            results[place] = outcome
    return [each for each in results if not isinstance(each, SetAside)]


def _follow(calls: Sequence[Call], aside: SetAside, submit: Callable[[Sequence[Call]], list[Outcome]]) -> list[Outcome]:
    """Wait for one thing, and execute the calls that need it."""
    executed: list[Outcome] = []

    def watch() -> None:
        if aside.query:
            wait_for(aside.query)
        else:  # whoever has the same key is waited for with the call itself
            executed.extend(carry_out(calls, lock_seconds=deadline.left()))

    try:
        parking.wait(calls[0].tenant, aside.ref, watch)
        return executed or submit(calls)
    except pg.LockNotAvailable:
        return [Busy(reason="lock timeout")] * len(calls)
    except Refusal as refusal:
        return [refusal.with_traceback(None)] * len(calls)


def _alone(calls: Sequence[Call]) -> list[Outcome]:
    return execute_the_free([calls], parking)[0]


def _submit(calls: Sequence[Call]) -> list[Outcome]:
    return _bulks.submit(calls, calls[0].tenant)


def _execute_singles(calls: Sequence[Call]) -> list[Outcome]:
    return [outcome for [outcome] in execute_the_free([[call] for call in calls], parking)]


def _execute_bulks(bulks: Sequence[Sequence[Call]]) -> list[list[Outcome]]:
    return execute_the_free(bulks, parking)


_PATIENCE = settings.GROUP_PATIENCE * 1000
_singles: Group[Call, Any] = Group(_execute_singles, limit=settings.GROUP_LIMIT, patience=_PATIENCE, parking=parking)
_bulks: Group[Sequence[Call], list[Outcome]] = Group(
    _execute_bulks, limit=MAX_BATCH, patience=_PATIENCE, weigh=len, parking=parking
)
