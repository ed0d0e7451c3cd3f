"""django-hordak as a competitor: a process with a database of its own in the same PostgreSQL (bench/peer.py)."""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from bench.companion import Companion
from bench.harness import Case

DATABASE = "hordak"


@contextmanager
def cases() -> Iterator[list[Case]]:
    """Its turns with 1, 4 and 16 callers; none where it is not installed."""
    if importlib.util.find_spec("hordak") is None:
        print("django-hordak is not installed, so it takes no turns: make bench installs it")
        yield []
        return
    owner = connections["owner"]
    with owner.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    place = {name: owner.settings_dict[name] for name in ("ENGINE", "HOST", "PORT", "USER", "PASSWORD")}
    peer = Companion("bench.peer")
    try:
        peer.say(json.dumps(place | {"NAME": DATABASE}) + "\n")
        peer.answer()
        yield [HordakCase(peer, callers) for callers in (1, 4, 16)]
    finally:
        peer.stop()


class HordakCase(Case):
    """Turns that the other process takes."""

    def __init__(self, peer: Companion, callers: int) -> None:
        super().__init__(f"django-hordak transfer_to, {callers} callers", lambda _: 0, callers=callers)
        self.peer = peer

    def run(self, seconds: float) -> None:
        self.peer.say(f"{self.callers} {seconds}\n")
        rates, cpu, latencies = json.loads(self.peer.answer())
        self.rates += rates
        self.cpu += cpu
        self.latencies += latencies
