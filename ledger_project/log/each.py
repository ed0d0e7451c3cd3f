"""Work that is done for one after the other: tenants, accounts, endpoints. One who fails holds none of the others up.

A failure is logged and counted, and the rest go on; at the end the task fails, so that it is seen. Who was passed over
is tried again by the next run. Only a database that is gone ends the work at once: it is gone for all of them.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from django.core.cache import cache
from django.db import connection
from redis import RedisError

T = TypeVar("T")
R = TypeVar("R")

TASKS: Final = (
    "alert_budgets",
    "attest",
    "expire_holds",
    "expire_promos",
    "fan_out",
    "issue_statements",
    "pay_withdrawals",
    "read_reserves",
    "reconcile",
    "request_reconciliations",
    "request_topups",
    "tell_of_mismatches",
    "watch_balances",
)

log = logging.getLogger(__name__)


class SomeFailed(Exception):
    """Some of those whom a task works for were not served. The first one's failure is the cause."""

    def __init__(self, task: str, failures: dict[str, Exception]) -> None:
        super().__init__(f"{task} failed for {len(failures)}: {', '.join([*failures][:10])}")
        self.failures = failures


class Each:
    """One run of a task. Whoever failed in it is passed over until it is finished."""

    def __init__(self, task: str) -> None:
        if task not in TASKS:
            raise ValueError(f"{task} is not among the tasks that are counted")
        self.task = task
        self.failures: dict[str, Exception] = {}

    def serve(self, items: Iterable[T], work: Callable[[T], R]) -> list[R]:
        """Do the work of each; what it gave for those whose work did not fail."""
        results = []
        for item in items:
            name = str(item)
            if name in self.failures:
                continue
            try:
                results.append(work(item))
            except Exception as failure:
                log.exception("%s of %s failed", self.task, name)
                self.failures[name] = failure
                _count(self.task)
                _require_database()
        return results

    def finish(self) -> None:
        """Raises SomeFailed where any did."""
        if self.failures:
            raise SomeFailed(self.task, self.failures) from next(iter(self.failures.values()))


def for_each(task: str, items: Iterable[T], work: Callable[[T], R]) -> list[R]:
    """Do the work of each, whoever of them fails. Raises SomeFailed at the end where any did."""
    each = Each(task)
    results = each.serve(items, work)
    each.finish()
    return results


def failures() -> dict[str, int]:
    """How often each task has failed for somebody, as long as Redis remembers; nothing where it does not answer."""
    try:
        counted = cache.get_many([_key(task) for task in TASKS])
    except RedisError:
        return {}
    return {task: int(counted.get(_key(task), 0)) for task in TASKS}


def _count(task: str) -> None:
    """Tasks run in other processes than those that are asked for metrics, so they count where both can look."""
    try:
        cache.add(_key(task), 0, timeout=None)
        cache.incr(_key(task))
    except RedisError as error:
        log.warning("a failure of %s was not counted: %s", task, error)


def _key(task: str) -> str:
    return f"failures:{task}"


def _require_database() -> None:
    """Raises OperationalError where the failure was that of the database, which is everybody's."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
        connection.ensure_connection()
