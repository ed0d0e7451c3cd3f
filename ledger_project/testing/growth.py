"""How the cost of something grows with its size, whatever the machine is doing besides."""

import gc
import time
from collections.abc import Callable
from typing import Any

FACTOR = 4
LINEAR = 9  # four times as much costs about four times as much; what grows with the square, sixteen times
ROUNDS = 15


def growth(work: Callable[[Any], object], make: Callable[[int], Any], size: int) -> float:
    """How many times the processor time of `size` the work on `FACTOR * size` takes.

    Of several turns of both the cheapest. Python's collector, which comes by when it likes, is not what is measured.
    """
    small, large = make(size), make(FACTOR * size)
    costs = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            costs.append((_cost(work, small), _cost(work, large)))
    finally:
        gc.enable()
    return min(cost for _, cost in costs) / min(cost for cost, _ in costs)


def _cost(work: Callable[[Any], object], given: Any) -> float:
    """In this thread's processor time."""
    begun = time.thread_time()
    work(given)
    return max(time.thread_time() - begun, 1e-4)
