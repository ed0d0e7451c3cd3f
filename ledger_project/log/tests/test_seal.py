"""Sealing: every committed event gets one place in the log, and a signature over it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

from ledger_project.kernel import merkle, notes
from ledger_project.log import feed, sealing, signing
from ledger_project.log.executor import look
from ledger_project.log.models import Leaf
from ledger_project.testing.ledger import Ledger


def places(ledger: Ledger) -> list[int]:
    return list(Leaf.objects.filter(tenant=ledger.tenant).order_by("log_index").values_list("log_index", flat=True))


def test_what_was_posted_is_sealed_in_its_order(ledger: Ledger) -> None:
    sealing.seal()
    start = feed.head()
    ledger.open("alice", funded=100)

    done = sealing.seal()

    assert done.sealed >= 2
    events = feed.read(start, 100, ledger.tenant)
    assert [event.document["type"] for event in events] == ["account.opened", "credits.minted"]
    assert places(ledger) == [event.log_index for event in feed.read(-1, 100, ledger.tenant)]
    head = sealing.newest()
    assert head is not None
    leaves = [bytes(leaf) for (leaf,) in look("SELECT leaf_hash FROM log_leaf ORDER BY log_index", ())]
    assert head.size == len(leaves)
    assert merkle.root_of(leaves) == bytes(head.root)
    checkpoint, signatures = notes.open_checkpoint(head.note, signing.verifiers())
    assert (checkpoint.size, checkpoint.root) == (head.size, bytes(head.root))
    assert len(signatures) == 2


@contextmanager
def open_transaction() -> Iterator[None]:
    """Somebody else's transaction that has an id and does not end."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT pg_current_xact_id()")
        yield
        other.rollback()


def test_an_open_transaction_of_somebody_else_holds_nothing_up(ledger: Ledger) -> None:
    with open_transaction():
        ledger.open("alice", funded=100)
        before = len(places(ledger))

        sealing.seal()

        assert len(places(ledger)) == before + 3  # the currency, the account and the money
