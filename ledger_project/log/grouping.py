"""Group commit: calls that wait at the same moment are executed as one batch.

There is no thread of its own. A caller that finds nobody at work for its family (calls of one tenant) leads: it
executes what waits (its own call among it), hands the lead to the first caller still waiting, and returns. A caller
alone executes at once; under load a batch gathers by itself while the one before it commits.

Those whom a batch has just answered tend to come right back. So a leader that follows a batch of several waits for as
many again: each batch has a fixed cost, and without the wait half of the callers would miss every other one. The more
they were the longer it waits, for a process answers them and reads their next calls one after the other; callers who
come at longer intervals than that are not waited for. Calls are taken in the order in which they came: none waits for
more than the batches before it.

A batch that hangs, as its server does, keeps nobody: after a second another caller leads the next one. Those in it wait
for as long as they may, as far as there are places for them (parking.py); the others are told at once.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from ledger_project.kernel.errors import Busy, TimedOut
from ledger_project.log import deadline
from ledger_project.log.parking import Parking

C = TypeVar("C")
R = TypeVar("R")

OVERDUE = 1  # seconds after which a batch does not keep the next ones waiting
LONGEST = 10_000_000  # nanoseconds to wait after whatever batch


class _Waiter(Generic[C, R]):
    """A caller: woken either with its result or to lead. `parked` says that it leads a batch that is overdue."""

    __slots__ = ("call", "parked", "result", "woken")

    def __init__(self, call: C) -> None:
        self.call = call
        self.parked = False
        self.result: R | BaseException | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class _Queue(Generic[C, R]):
    """Who waits in one family, and what is known of its last batch."""

    __slots__ = ("began", "expected", "gathered", "leader", "patient_until", "waiting")

    def __init__(self) -> None:
        self.leader: _Waiter[C, R] | None = None
        self.began = math.inf  # when the leader's batch was begun
        self.waiting: deque[_Waiter[C, R]] = deque()
        self.expected = 1
        self.patient_until = 0
        self.gathered: threading.Lock | None = None  # held while a leader waits for as many as it expects

    @property
    def overdue(self) -> bool:
        return time.monotonic() - self.began > OVERDUE


class Group(Generic[C, R]):
    """Gathers calls into batches of one family for `execute`: at most `limit` by their weights, one at a time."""

    def __init__(
        self,
        execute: Callable[[Sequence[C]], Sequence[R]],
        *,
        limit: int,
        patience: int = 100_000,
        weigh: Callable[[C], int] = lambda call: 1,
        parking: Parking | None = None,
    ) -> None:
        """`patience` is the nanoseconds in which one caller who was answered comes back with another call."""
        self._execute = execute
        self._limit = limit
        self._patience = patience
        self._weigh = weigh
        self._parking = parking or Parking()
        self._lock = threading.Lock()
        self._queues: dict[Hashable, _Queue[C, R]] = {}

    def submit(self, call: C, family: Hashable) -> R:
        """Execute one call together with those that wait now. What `execute` raises is raised to every caller.

        Refuses: Busy or TimedOut where a batch before it, or its own, does not end in time.
        """
        me: _Waiter[C, R] = _Waiter(call)
        with self._lock:
            queue = self._queues.get(family)
            if queue is None:
                queue = self._queues[family] = _Queue()
            leads = queue.leader is None
            if leads:
                queue.leader = me
            else:
                queue.waiting.append(me)
                if queue.gathered and len(queue.waiting) + 1 >= queue.expected:
                    queue.gathered.release()
                    queue.gathered = None
        if not (leads or me.woken.acquire(timeout=OVERDUE)):
            self._await(me, queue, family)
        leads = me.result is None
        if leads:
            self._lead(me, queue, family)
        result = me.result
        if isinstance(result, TimedOut) and not leads and deadline.left():
            return self.submit(call, family)  # the time that was over was the leader's
        if result is None or isinstance(result, BaseException):
            try:
                raise result or AssertionError("a leader left a call without a result")
            finally:
                del result, me  # the traceback has this frame
        return result

    def _lead(self, me: _Waiter[C, R], queue: _Queue[C, R], family: Hashable) -> None:
        batch = [me]
        results: Sequence[R | BaseException]
        try:
            self._wait_for_others(queue)
            with self._lock:
                room = self._limit - self._weigh(me.call)
                while queue.waiting and (room := room - self._weigh(queue.waiting[0].call)) >= 0:
                    batch.append(queue.waiting.popleft())
                queue.began = time.monotonic()
            results = self._execute([waiter.call for waiter in batch])
        except BaseException as error:
            # Also when this thread is being stopped: the others must not wait for ever for a leader that is gone.
            results = [error] * len(batch)
        successor = None
        with self._lock:
            if queue.leader is me:
                queue.expected = len(batch)
                queue.patient_until = time.monotonic_ns() + min(len(batch) * self._patience, LONGEST)
                queue.began = math.inf
                successor = queue.leader = queue.waiting.popleft() if queue.waiting else None
        for waiter, result in zip(batch, results, strict=True):
            waiter.result = result
            if waiter is not me:
                waiter.woken.release()
        if successor:
            successor.woken.release()
        if me.parked:
            self._parking.leave(family)

    def _await(self, me: _Waiter[C, R], queue: _Queue[C, R], family: Hashable) -> None:
        """Be woken, or lead because the batch that is under way hangs. Refuses: Busy, TimedOut."""
        placed = False
        try:
            while not me.woken.acquire(timeout=min(OVERDUE, deadline.left())):
                late = not deadline.left()
                with self._lock:
                    if me in queue.waiting:
                        if queue.leader and queue.overdue and self._parking.enter(family):
                            queue.leader.parked = True
                            queue.leader, queue.began = me, math.inf
                            queue.waiting.remove(me)
                            return
                        if late or queue.overdue:
                            queue.waiting.remove(me)
                            raise Busy(reason="the calls before this one do not end")
                    elif queue.leader is not me and me.result is None:  # its batch hangs: nobody knows its outcome
                        placed = placed or self._parking.enter(family)
                        if late or not placed:
                            raise TimedOut()
        finally:
            if placed:
                self._parking.leave(family)

    def _wait_for_others(self, queue: _Queue[C, R]) -> None:
        """Until as many wait as the last batch had, where it has just ended, and not for long."""
        with self._lock:
            patience = queue.patient_until - time.monotonic_ns()
            if queue.expected == 1 or patience <= 0 or len(queue.waiting) + 1 >= queue.expected:
                return
            gathered = queue.gathered = threading.Lock()
            gathered.acquire()
        gathered.acquire(timeout=patience / 10**9)
        with self._lock:
            queue.gathered = None
