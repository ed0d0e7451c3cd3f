"""Group commit: calls that wait at the same moment are executed as one batch.

There is no thread of its own and no timer. A caller that finds a leader's place free leads: it executes what waits
(its own call among it), hands the place to the first caller still waiting, and returns. A caller alone therefore
executes at once; under load a batch gathers by itself while the one before it commits. Calls are taken in the order
in which they came, so none waits for more than the batches before it.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

C = TypeVar("C")
R = TypeVar("R")


class _Waiter(Generic[C, R]):
    """A caller: woken either with its result or to lead."""

    __slots__ = ("call", "family", "result", "woken")

    def __init__(self, call: C, family: Hashable) -> None:
        self.call = call
        self.family = family
        self.result: R | BaseException | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class Group(Generic[C, R]):
    """Gathers single calls into batches of one family (calls of one tenant) for `execute`.

    At most `leaders` batches are under way at once, of at most `limit` calls each.
    """

    def __init__(self, execute: Callable[[Sequence[C]], Sequence[R]], *, leaders: int, limit: int) -> None:
        self._execute = execute
        self._limit = limit
        self._places = leaders
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter[C, R]] = deque()

    def submit(self, call: C, family: Hashable) -> R:
        """Execute one call together with those that wait now. What `execute` raises is raised to every caller."""
        me: _Waiter[C, R] = _Waiter(call, family)
        with self._lock:
            leads = self._places > 0
            if leads:
                self._places -= 1
            else:
                self._waiting.append(me)
        if not leads:
            me.woken.acquire()
        if me.result is None:
            self._lead(me)
        result = me.result
        if result is None or isinstance(result, BaseException):
            raise result or AssertionError("a leader left a call without a result")
        return result

    def _lead(self, me: _Waiter[C, R]) -> None:
        batch = self._gather(me)
        results: Sequence[R | BaseException]
        try:
            results = self._execute([waiter.call for waiter in batch])
        except BaseException as error:
            # Also when this thread is being stopped: the others must not wait for ever for a leader that is gone.
            results = [error] * len(batch)
        for waiter, result in zip(batch, results, strict=True):
            waiter.result = result
            if waiter is not me:
                waiter.woken.release()
        with self._lock:
            if self._waiting:
                self._waiting.popleft().woken.release()
            else:
                self._places += 1

    def _gather(self, me: _Waiter[C, R]) -> list[_Waiter[C, R]]:
        """Me and the oldest waiting calls of my family, in their order."""
        batch, others = [me], deque[_Waiter[C, R]]()
        with self._lock:
            while self._waiting:
                waiter = self._waiting.popleft()
                mine = waiter.family == me.family and len(batch) < self._limit
                (batch if mine else others).append(waiter)
            self._waiting = others
        return batch
