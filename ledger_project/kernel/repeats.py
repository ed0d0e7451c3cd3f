"""What occurs twice, found in one pass however long the list is."""

from collections import Counter
from collections.abc import Iterable


def first_twice(names: Iterable[str]) -> str | None:
    """The first name that occurs again later, or None."""
    counted = Counter(names)  # which keeps the order in which names came
    return next((name for name, count in counted.items() if count > 1), None)
