"""Where calls wait for what somebody else holds: apart from all others, and not too many of them.

A thread that waits for a locked row serves nobody. So the calls that need it wait here while the rest of their batch is
executed. The first of them waits for the row itself, in PostgreSQL and holding nothing else; when it is free, all of
them are. Whoever would be one too many is told so at once.
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from ledger_project.kernel.errors import Busy
from ledger_project.log import deadline

Ref = tuple[str, Any]  # what calls refer to: the kind of a row, and which


class _Spot:
    """One thing that is waited for. `callers` are all who do, the one among them who `watched` for the others."""

    __slots__ = ("callers", "free", "watched")

    def __init__(self) -> None:
        self.callers = 0
        self.free = self.watched = False


class Parking:
    """The places of one process: `limit` in all, half of them for one tenant; 0 is no limit."""

    def __init__(self, limit: int = 0) -> None:
        self._changed = threading.Condition()
        self._parked: Counter[Hashable] = Counter()
        self._spots: dict[tuple[Hashable, Ref], _Spot] = {}
        self.limit = limit

    @property
    def parked(self) -> int:
        """How many threads are."""
        return self._parked.total()

    def enter(self, tenant: Hashable) -> bool:
        """Take a place, if there is one. Whoever took it calls `leave`."""
        with self._changed:
            if self.limit and (2 * self._parked[tenant] >= self.limit or self._parked.total() >= self.limit):
                return False
            self._parked[tenant] += 1
            return True

    def leave(self, tenant: Hashable) -> None:
        with self._changed:
            self._parked[tenant] -= 1
            self._parked += Counter()  # forgets whom nobody waits for

    @contextmanager
    def place(self, tenant: Hashable) -> Iterator[None]:
        """Refuses: Busy where every place is taken."""
        if not self.enter(tenant):
            raise Busy(reason="too many calls wait for locked rows already")
        try:
            yield
        finally:
            self.leave(tenant)

    def waited_for(self, tenant: Hashable) -> set[Ref]:
        """What calls of this tenant are waiting for at this moment."""
        if not self._spots:
            return set()
        with self._changed:
            return {ref for whose, ref in self._spots if whose == tenant}

    def wait(self, tenant: Hashable, ref: Ref, watch: Callable[[], None]) -> None:
        """Return when it is free. One of those who wait for it watches, and so finds out for all of them.

        Refuses: Busy where every place is taken or the call's time is over; and what `watch` refuses, to its caller.
        """
        with self.place(tenant):
            with self._changed:
                spot = self._spots.setdefault((tenant, ref), _Spot())
                spot.callers += 1
            watches = False
            try:
                watches = self._must_watch(spot)
                if watches:
                    watch()
                    spot.free = True
            finally:
                with self._changed:
                    spot.callers -= 1
                    spot.watched = spot.watched and not watches
                    if (spot.free or not spot.callers) and self._spots.get((tenant, ref)) is spot:
                        del self._spots[tenant, ref]
                    self._changed.notify_all()

    def _must_watch(self, spot: _Spot) -> bool:
        """Wait until the spot is free (false) or nobody watches it (true). Refuses: Busy."""
        with self._changed:
            while not spot.free:
                if not spot.watched:
                    spot.watched = True
                    return True
                if not self._changed.wait(min(deadline.left(), threading.TIMEOUT_MAX)):
                    raise Busy(reason="lock timeout")
            return False
