"""What reaches out of this machine stands behind the fence. Of every scheduled task a test knows whether it does."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps

from ledger_project.log import comparison, fence, findings
from ledger_project.log.sealer import NoSealer
from ledger_project.log.tree import LogAltered

log = logging.getLogger(__name__)


def outward(task: Callable[[], None]) -> Callable[[], None]:
    """Let a task do nothing behind the fence."""

    @wraps(task)
    def gated() -> None:
        try:
            require_open()
        except LogAltered as refused:
            log.error("%s does nothing: %s", task.__name__, refused)
            return
        task()

    gated.outward = True  # type: ignore[attr-defined]
    return gated


def require_open() -> None:
    """Look back, in a process that has just started, and at the fence. Raises LogAltered; the finding is noted then."""
    with suppress(NoSealer), findings.noted():  # a process that cannot seal goes by what those found that can
        comparison.look_back()
    fence.require_open()
