"""Many writers, long transactions and several sealers at once, and what must be true of the log afterwards."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

from ledger_project.kernel import merkle
from ledger_project.kernel.errors import Busy
from ledger_project.log import feed
from ledger_project.log.executor import look
from ledger_project.log.models import Checkpoint, Event, Leaf
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

PAYERS = 32


class Crowd:
    """A tenant whose agents pay a shop, from many threads."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.open(*(f"agent-{n}" for n in range(PAYERS)), funded=10**9)
        self.ledger.open("shop", unbounded=True)

    def write(self, writers: int, entries: int, *, long_every: int = 0, seed: int = 1) -> None:
        """So many transfers, by so many threads; each `long_every`-th stays open for a while, and some roll back."""
        each = entries // writers
        work = [lambda writer=writer: self._live(writer, each, long_every, seed) for writer in range(writers)]
        outcomes = together(work, patience=600)
        assert outcomes == [each] * writers, outcomes

    def _live(self, writer: int, entries: int, long_every: int, seed: int) -> int:
        chance = random.Random(seed * 1000 + writer)
        written = 0
        while written < entries:
            if long_every and written % long_every == long_every - 1:
                written += self._long(chance, f"{seed}-{writer}-{written}")
            else:
                self._pay(chance, f"{seed}-{writer}-{written}")
                written += 1
        return entries

    def _pay(self, chance: random.Random, key: str) -> None:
        payer = f"agent-{chance.randrange(PAYERS)}"
        self.ledger.run("transfer", key=key, from_account=payer, to_account="shop", amount=1)

    def _long(self, chance: random.Random, key: str) -> int:
        """A transaction that is open while others come and go; it counts if it is committed."""
        while True:
            try:
                with transaction.atomic():
                    self._pay(chance, key)
                    time.sleep(chance.random() / 5)
                    committed = chance.random() < 0.7
                    transaction.set_rollback(not committed)
            except Busy:
                continue
            if committed:
                return 1


@contextmanager
def all_the_time(action: Callable[[], Any], *, pause: float = 0.0) -> Iterator[list[Any]]:
    """Repeat an action on a thread of its own; what it returned, or how it failed."""
    stop, seen = threading.Event(), list[Any]()

    def work() -> None:
        try:
            while not stop.wait(pause):
                seen.append(action())
        except Exception as error:  # shown to the test
            seen.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(60)


class Follower:
    """A reader of the feed who only ever goes on from the last place he has seen."""

    def __init__(self) -> None:
        self.indexes: list[int] = []

    def look(self) -> int:
        page = feed.read(self.indexes[-1] if self.indexes else feed.START, 500)
        self.indexes += [event.log_index for event in page]
        return len(page)


def require_whole_log() -> int:
    """Every committed event sealed once, without a gap, under roots that a full rebuild gives; how many there are."""
    leaves = list(Leaf.objects.order_by("log_index").values_list("log_index", "event_id", "leaf_hash"))
    assert [index for index, _, _ in leaves] == list(range(len(leaves)))
    assert Counter(event for _, event, _ in leaves) == Counter(Event.objects.values_list("pk", flat=True))
    hashes = [bytes(leaf_hash) for _, _, leaf_hash in leaves]
    heads = dict(Checkpoint.objects.values_list("size", "root"))
    assert max(heads) == len(hashes)
    for size, root in heads.items():
        assert bytes(root) == merkle.root_of(hashes[:size]), size
    _require_closed(set(heads))
    return len(leaves)


def _require_closed(sizes: set[int]) -> None:
    """No checkpoint has a version of a balance without all versions before it."""
    versions: dict[Any, list[int]] = defaultdict(lambda: [0, 0])  # how many, and the highest
    rows = look(
        "SELECT leaf.log_index, posting.account_id, posting.stripe, posting.version FROM log_leaf AS leaf"
        " LEFT JOIN journal_posting AS posting ON posting.entry_id = leaf.event_id ORDER BY leaf.log_index",
        (),
    )
    last = -1
    for index, account, stripe, version in [*rows, (len(rows), None, 0, 0)]:
        if index != last and index in sizes:
            open_ends = {chain: seen for chain, seen in versions.items() if seen[0] != seen[1]}
            assert not open_ends, (index, open_ends)
        last = index
        if account is not None:
            seen = versions[account, stripe]
            seen[0] += 1
            seen[1] = max(seen[1], version)
