"""Sealing: every committed event gets one place in the log, and a signature over it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from pytest_django import Settings

from ledger_project.kernel import clock, merkle, notes
from ledger_project.log import feed, findings, sealing, signing, status, tree
from ledger_project.log.executor import look
from ledger_project.log.models import Checkpoint
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.tree import LogAltered
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

ANOTHER_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIMDdJwEWJpXFwEgXZS93Bfkaytdkr6ZjlI3bGc7J9Tg2
-----END PRIVATE KEY-----
"""


@pytest.fixture
def own() -> Iterator[Ledger]:
    """A ledger in a database that nobody else uses."""
    with own_database():
        yield Ledger()


def sealed(ledger: Ledger) -> list[str]:
    """The types of a tenant's sealed events, in the order of the log."""
    return [event.document["type"] for event in feed.read(feed.START, 100, ledger.tenant)]


def as_owner(statement: str, *parameters: object) -> None:
    """What whoever rules the database can do: with the triggers off."""
    sealed = ("log_leaf", "log_node", "log_checkpoint", "log_instance")
    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        for table in ("log_event", *sealed, "journal_entry", "journal_posting"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)


@contextmanager
def somebody_elses(*statements: str) -> Iterator[None]:
    """A transaction on another connection that does this and then does not end."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        for statement in statements:
            other.execute(statement)
        yield
        other.rollback()


def test_what_was_posted_is_sealed_in_its_order_and_signed(ledger: Ledger) -> None:
    ledger.open("alice", "bob", funded=100)
    ledger.run("transfer", from_account="alice", to_account="bob", amount=10)

    sealing.seal()

    assert sealed(ledger) == [
        "currency.registered",
        "account.opened",
        "credits.minted",
        "account.opened",
        "credits.minted",
        "transfer.posted",
    ]
    head = sealing.newest()
    assert head is not None
    leaves = [bytes(leaf) for (leaf,) in look("SELECT leaf_hash FROM log_leaf ORDER BY log_index", ())]
    assert (head.size, bytes(head.root)) == (len(leaves), merkle.root_of(leaves))
    checkpoint, signatures = notes.open_checkpoint(head.note, [signing.signer().verifier, signing.signer().cosigner])
    assert (checkpoint.size, checkpoint.root) == (head.size, bytes(head.root))
    assert [signature.time is None for signature in signatures] == [True, False]


def test_a_second_pass_has_nothing_to_do(own: Ledger) -> None:
    assert sealing.seal().sealed == 1

    assert sealing.seal().sealed == 0

    assert Checkpoint.objects.count() == 1


@contextmanager
def in_a_long_transaction(*steps: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """A thread that does the first step in a transaction; what is given does the next one each, and commits at last."""
    go, done = threading.Semaphore(0), threading.Semaphore(0)

    def live() -> None:
        with transaction.atomic():
            for step in steps:
                go.acquire()
                step()
                done.release()
            go.acquire()
        connections.close_all()
        done.release()

    def proceed() -> None:
        go.release()
        assert done.acquire(timeout=30)

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    proceed()
    yield proceed
    thread.join(30)


def test_an_open_transaction_of_somebody_else_holds_nothing_up(own: Ledger) -> None:
    with somebody_elses("SELECT pg_current_xact_id()"):
        own.open("alice")

        assert sealing.seal().sealed == 2


def test_a_late_commit_is_not_stepped_over(own: Ledger) -> None:
    with in_a_long_transaction(partial(own.run, "open_account", name="late")) as commit:
        own.open("alice")
        assert sealing.seal().sealed == 2
        own.open("bob")
        assert sealing.seal().sealed == 1
        commit()

    assert sealing.seal().sealed == 1
    names = [event.document["result"]["account"]["name"] for event in feed.read(0, 10)]
    assert names == ["alice", "bob", "late"]


def test_no_version_is_sealed_without_the_one_before_it(own: Ledger) -> None:
    """A watermark of transaction ids would do just that: the later version has the lower id, and the earlier one's is
    above that of a transaction which is still open.
    """
    own.open("alice")
    sealing.seal()
    steps = partial(own.run, "open_account", name="early"), partial(own.run, "mint", account="alice", amount=2)
    with in_a_long_transaction(*steps) as proceed, somebody_elses("SELECT pg_current_xact_id()"):
        own.run("mint", account="alice", amount=1)
        proceed()  # alice's version 2, by a transaction that is older than that of version 1
        proceed()

        sealing.seal()

    alice = own.answer("mint", account="alice", amount=3)["balances"][-1]["account"]
    sealing.seal()
    entries = [event.document["entry"] for event in feed.read(feed.START, 100) if event.document["entry"]]
    versions = [one["version"] for entry in entries for one in entry["postings"] if one["account"] == alice]
    assert versions == [1, 2, 3]
    assert [head.size for head in Checkpoint.objects.order_by("id")] == [2, 5, 6]


def test_one_sealer_works_at_a_time(own: Ledger) -> None:
    own.open("alice")
    with somebody_elses(f"SELECT pg_advisory_xact_lock({sealing.LOCK})"):
        assert sealing.seal() == sealing.Pass(busy=True)

    assert sealing.seal().sealed == 2


def test_the_nodes_and_roots_are_right_at_every_size(own: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 97)
    own.open("alice")
    for size in (1, 254, 1, 1, 300, 500):
        own.execute(*(own.call("mint", account="alice", amount=1) for _ in range(size)))
        sealing.seal()

    leaves = [bytes(leaf) for (leaf,) in look("SELECT leaf_hash FROM log_leaf ORDER BY log_index", ())]
    assert len(leaves) == 2 + 1057
    for head in Checkpoint.objects.all():
        assert bytes(head.root) == merkle.root_of(leaves[: head.size])
        assert tree.root(head.size, look) == bytes(head.root)


@pytest.mark.parametrize(
    "impossible",
    [
        "UPDATE journal_entry SET effective_at = 'infinity' WHERE id = %s",
        "UPDATE log_event SET payload = (repeat('[', 3000) || repeat(']', 3000))::json WHERE id = %s",
    ],
)
def test_a_row_that_cannot_even_be_read_holds_up_none_of_the_others(own: Ledger, impossible: str) -> None:
    own.open("alice")
    forged = own.run("mint", account="alice", amount=5).document["id"]
    own.open("bob", funded=5)
    as_owner(impossible, forged[4:])

    assert sealing.seal().sealed == 4

    assert [(one.kind, one.event_id) for one in findings.unresolved()] == [("content_mismatch", UUID(hex=forged[4:]))]
    own.run("mint", account="bob", amount=1)
    assert sealing.seal().sealed == 1


def test_a_row_that_was_changed_before_sealing_is_a_finding_and_no_leaf(own: Ledger) -> None:
    own.open("alice", "bob")
    forged = own.run("mint", account="alice", amount=5).document["id"]
    own.run("mint", account="bob", amount=5)
    as_owner("UPDATE journal_posting SET amount = amount * 2 WHERE entry_id = %s", forged[4:])

    assert sealing.seal().sealed == 4

    (finding,) = findings.unresolved()
    assert (finding.kind, finding.event_id) == ("content_mismatch", UUID(hex=forged[4:]))
    assert [event.log_index for event in feed.read(feed.START, 10)] == [0, 1, 2, 3]
    assert forged not in [event.document["id"] for event in feed.read(feed.START, 10)]
    assert status.status().alarms == ["content_mismatch: 1 open"]
    assert sealing.seal().sealed == 0

    as_owner("UPDATE journal_posting SET amount = amount / 2 WHERE entry_id = %s", forged[4:])
    assert sealing.seal().sealed == 1
    assert feed.read(3, 10)[0].document["id"] == forged
    assert not status.status().alarms


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE log_leaf SET leaf_hash = sha256('') WHERE log_index = 2", "not those that were signed"),
        ("DELETE FROM log_leaf WHERE log_index = 3", "there are 3 leaves and the checkpoint covers 4"),
        ("DELETE FROM log_leaf WHERE log_index = 1", "a leaf is missing"),
        ("DELETE FROM log_checkpoint", "there are 4 leaves and the checkpoint covers 0"),
        ("UPDATE log_checkpoint SET note = replace(note, E'\n4\n', E'\n5\n')", "is not the log's"),
    ],
)
def test_nothing_is_signed_over_a_log_that_was_altered(own: Ledger, change: str, says: str) -> None:
    own.open("alice", "bob", "carol")
    sealing.seal()
    own.open("dave")
    as_owner(change)
    checkpoints = Checkpoint.objects.count()

    with pytest.raises(LogAltered, match=says):
        sealing.seal()

    assert Checkpoint.objects.count() == checkpoints
    (finding,) = findings.unresolved()
    assert finding.kind == "log_altered"


def test_a_log_that_does_not_grow_is_signed_again_now_and_then(own: Ledger) -> None:
    sealing.seal()
    with clock.moved(timedelta(seconds=599)):
        sealing.seal()
    with clock.moved(timedelta(seconds=601)):
        sealing.seal()

    assert [head.size for head in Checkpoint.objects.all()] == [1, 1]


def test_a_log_restored_from_a_dump_goes_on(own: Ledger) -> None:
    own.open("alice")
    sealing.seal()
    own.open("bob", "carol")
    # The dump's rows carry the transaction ids of the server that they come from, which are far ahead of this one's.
    as_owner("UPDATE log_event SET insert_xid = (insert_xid::text::bigint + 1000000)::text::xid8")
    as_owner("UPDATE log_checkpoint SET snapshot = '1000900:1000900:'")

    assert sealing.seal().sealed == 2
    own.open("dave")
    assert sealing.seal().sealed == 1
    assert sealing.seal().sealed == 0


def test_without_its_key_the_log_is_not_signed(own: Ledger, settings: Settings, tmp_path: Path) -> None:
    sealing.seal()
    settings.SIGNING_KEY = tmp_path / "nothing.pem"
    with pytest.raises(NoSigningKey, match="does not exist"):
        sealing.seal()

    settings.SIGNING_KEY = ANOTHER_KEY
    with pytest.raises(NoSigningKey, match="rotate_signing_key"):
        sealing.seal()


def test_how_long_events_wait_is_known(own: Ledger, settings: Settings) -> None:
    sealing.seal()
    assert status.status().lag == timedelta()
    own.open("alice")
    assert timedelta() < status.status().lag < timedelta(seconds=20)
    settings.SEAL_MAX_LAG = 0
    assert status.status().alarms == ["an event has been waiting to be sealed for 0 s"]

    sealing.seal()

    assert status.status().alarms == []


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE log_leaf SET leaf_hash = ''", "append_only"),
        ("DELETE FROM log_leaf", "append_only"),
        ("TRUNCATE log_leaf", "append_only"),
        ("UPDATE log_node SET hash = ''", "append_only"),
        ("UPDATE log_checkpoint SET size = 0", "append_only"),
        ("DELETE FROM log_checkpoint", "append_only"),
        ("UPDATE log_instance SET reason = ''", "append_only"),
        ("DELETE FROM log_instance", "append_only"),
        ("TRUNCATE log_instance", "append_only"),
        (
            "INSERT INTO log_leaf (log_index, tenant_id, event_id, leaf_hash)"
            " SELECT max(log_index) + 2, 1, gen_random_uuid(), '' FROM log_leaf",
            "log_index_gap",
        ),
        ("INSERT INTO log_checkpoint (size, root, note, snapshot) VALUES (0, '', '', '1:1:')", "checkpoint_size"),
        (
            "INSERT INTO log_checkpoint (size, root, note, snapshot) VALUES (999999999, '', '', '1:1:')",
            "checkpoint_size",
        ),
    ],
)
@pytest.mark.parametrize("alias", ["sealer", "owner"])
def test_the_sealed_log_only_grows(ledger: Ledger, alias: str, statement: str, constraint: str) -> None:
    ledger.execute(*(ledger.call("open_account", name=f"a{n}") for n in range(300)))
    sealing.seal()

    with pytest.raises(DatabaseError) as refused, transaction.atomic(alias), connections[alias].cursor() as cursor:
        cursor.execute(statement)

    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.Error)
    granted = statement.startswith("INSERT") or alias == "owner"
    assert cause.diag.constraint_name == (constraint if granted else None)
    assert granted or isinstance(cause, psycopg.errors.InsufficientPrivilege)
