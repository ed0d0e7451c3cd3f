"""How the cost of something grows with its size, whatever the machine is doing besides."""

import time
from collections.abc import Callable
from typing import Any

FACTOR = 4
LINEAR = 9  # four times as much costs about four times as much; what grows with the square, sixteen times


def growth(work: Callable[[Any], object], make: Callable[[int], Any], size: int) -> float:
    """How many times the processor time of `size` the work on `FACTOR * size` takes."""
    return _cost(work, make(FACTOR * size)) / _cost(work, make(size))


def _cost(work: Callable[[Any], object], given: Any) -> float:
    """Of several runs the cheapest, in this thread's processor time."""
    costs = []
    for _ in range(5):
        begun = time.thread_time()
        work(given)
        costs.append(time.thread_time() - begun)
    return max(min(costs), 1e-4)
