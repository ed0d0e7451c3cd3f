"""Many callers at once, each on a thread and a connection of its own."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def together(actions: Sequence[Callable[[], T]], *, patience: float = 60) -> list[T | Exception]:
    """Run all actions at the same moment; each one's value, or the exception that it raised, in order."""
    barrier = threading.Barrier(len(actions))
    outcomes: list[T | Exception] = [RuntimeError("did not finish")] * len(actions)

    def act(index: int, action: Callable[[], T]) -> None:
        try:
            barrier.wait(patience)
            outcomes[index] = action()
        except Exception as error:  # handed to the test, which knows what to expect
            outcomes[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=pair, daemon=True) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience)
    return outcomes
