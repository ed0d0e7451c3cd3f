"""Whoever rules the database can change anything in it, and nothing without being found.

Each case is carried out as the owner of the tables with the triggers off, at a random place of a log, and then the
nightly check and the offline verifier look. Both must find it, with the right exit code and place; between the cases
both look at the log as it is, and must find nothing. `make tamper` has hundreds of places.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from ledger_project.kernel import canonical, notes
from ledger_project.log import documents, export, receipts, sealing, signing
from ledger_project.log.executor import look
from ledger_project.log.verification import Report, verify
from ledger_project.testing.databases import forget_the_size, own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import ledger_verify

pytestmark = pytest.mark.slow

PLACES = int(os.environ.get("TAMPER_PLACES", "60"))
CLEAN_EVERY = 6  # forgeries
SEED = 20261121
NAMES = [f"agent-{n}" for n in range(8)]


def sql(statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@dataclass
class Log:
    """A sealed log of one tenant, and what an auditor keeps of it: the key, and the checkpoint of a day ago."""

    directory: Path
    key: str
    saved: list[str]
    size: int

    def nightly(self, *, with_saved: bool = False) -> Report:
        return verify(self.saved if with_saved else ())

    def auditor(self, *, with_saved: bool = False) -> tuple[int, int | None]:
        """The exit code of `ledger-verify log`, and the index that it names."""
        path = self.directory / "export.jsonl"
        with path.open("wb") as file:
            file.writelines(export.lines(receipts.head()))
        words = ["log", str(path), "--key", self.key]
        for number, note in enumerate(self.saved if with_saved else ()):
            (self.directory / f"saved-{number}").write_text(note, encoding="utf-8")
            words += ["--prev-checkpoint", str(self.directory / f"saved-{number}")]
        report = ledger_verify(*words)
        return report["exit_code"], report.get("failure", {}).get("log_index")

    def event(self, index: int) -> str:
        return str(sql("SELECT event_id FROM log_leaf WHERE log_index = %s", index)[0][0])


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    chance = random.Random(SEED)
    with own_database(as_owner=True):
        ledger = Ledger()
        ledger.open(*NAMES, funded=10_000)
        saved = []
        for _ in range(12):
            calls = []
            for _ in range(25):
                payer, receiver = chance.sample(NAMES, 2)
                calls.append(
                    ledger.call("transfer", from_account=payer, to_account=receiver, amount=chance.randint(1, 9))
                )
            ledger.execute(*calls)
            ledger.run("freeze_account", account=NAMES[0])
            ledger.run("unfreeze_account", account=NAMES[0])
            sealing.seal()
            saved.append(receipts.head().note)
        for table in ("log_event", "log_leaf", "log_node", "log_checkpoint", "journal_entry", "journal_posting"):
            sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        key = str(signing.signer().verifier)
        yield Log(tmp_path, key, [saved[5], saved[-1]], receipts.head().size)


# ---------------------------------------------------------------- what is done to the log: each returns the codes and
# places that the nightly check and the auditor must name; None where there is no one place.

Found = tuple[int, int | None]


def flip_an_amount(log: Log, index: int) -> tuple[Found, Found]:
    sql("UPDATE journal_posting SET amount = amount + sign(amount) WHERE entry_id = %s", log.event(index))
    return (12, index), (12, index)


def swap_the_accounts(log: Log, index: int) -> tuple[Found, Found]:
    event = log.event(index)
    ((one, other),) = sql(
        "SELECT min(account_id::text), max(account_id::text) FROM journal_posting WHERE entry_id = %s", event
    )
    # Both have their versions taken, so the versions move out of the way, as a forger would have them do.
    sql(
        "UPDATE journal_posting SET account_id = CASE account_id WHEN %s::uuid THEN %s::uuid ELSE %s::uuid END,"
        " version = version + 1000000 WHERE entry_id = %s",
        one, other, one, event,
    )  # fmt: skip
    return (12, index), (12, index)


def delete(log: Log, index: int) -> tuple[Found, Found]:
    event = log.event(index)
    for statement in (
        "DELETE FROM journal_posting WHERE entry_id = %s",
        "DELETE FROM journal_entry WHERE id = %s",
        "DELETE FROM log_event WHERE id = %s",
    ):
        sql(statement, event)
    return (12, index), (12, index)


def delete_with_its_leaf(log: Log, index: int) -> tuple[Found, Found]:
    sql("DELETE FROM log_leaf WHERE event_id = %s", log.event(index))
    return (12, index), (12, index)


def insert(log: Log, index: int) -> tuple[Found, Found]:
    """An event that is perfect in itself, and the later ones one place further."""
    twin = forge_a_twin(log, index)
    sql("UPDATE log_leaf SET log_index = -1 - log_index WHERE log_index >= %s", index)
    sql("UPDATE log_leaf SET log_index = -log_index WHERE log_index < 0")
    ((document, posted),) = documents.read([twin], look).values()
    assert sealing.is_as_posted(document, posted)
    sql(
        "INSERT INTO log_leaf (log_index, tenant_id, event_id, leaf_hash)"
        " SELECT %s, tenant_id, id, sha256('\\x00'::bytea || content_hash) FROM log_event WHERE id = %s",
        index, twin,
    )  # fmt: skip
    return (11, None), (11, None)


def insert_into_the_past(log: Log, index: int) -> tuple[Found, None]:
    """An event beside the log, as if it had always been there. No export shows it, so only the database is wrong."""
    forge_a_twin(log, index)
    return (12, None), None


def forge_a_twin(log: Log, index: int) -> Any:
    """A copy of an event with another key and the right hash."""
    event = log.event(index)
    ((twin,),) = sql(
        "INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash,"
        " insert_xid, recorded_at) SELECT translate(id::text, '0123456789abcdef', '1032547698badcfe')::uuid, tenant_id,"
        " type, command, idempotency_key || '-twin', actor, payload, result, content_hash, insert_xid, recorded_at"
        " FROM log_event WHERE id = %s RETURNING id",
        event,
    )
    ((document, _),) = documents.read([twin], look).values()
    sql("UPDATE log_event SET content_hash = %s WHERE id = %s", canonical.content_hash(document), twin)
    return twin


def reorder(log: Log, index: int) -> tuple[Found, Found]:
    """Two leaves change places with everything that belongs to them."""
    other = (index + log.size // 2) % log.size
    sql("UPDATE log_leaf SET log_index = -1 - log_index WHERE log_index IN (%s, %s)", index, other)
    sql(
        "UPDATE log_leaf SET log_index = CASE WHEN log_index = %s THEN %s ELSE %s END WHERE log_index < 0",
        -1 - index, other, index,
    )  # fmt: skip
    return (11, None), (11, None)


def reorder_the_events(log: Log, index: int) -> tuple[Found, Found]:
    """Two events change places under the leaves."""
    other = (index + log.size // 2) % log.size
    one, two = log.event(index), log.event(other)
    sql("UPDATE log_leaf SET event_id = gen_random_uuid() WHERE log_index = %s", index)
    sql("UPDATE log_leaf SET event_id = %s WHERE log_index = %s", one, other)
    sql("UPDATE log_leaf SET event_id = %s WHERE log_index = %s", two, index)
    return (12, min(index, other)), (12, min(index, other))


def change_the_time(log: Log, index: int) -> tuple[Found, Found]:
    sql("UPDATE log_event SET recorded_at = recorded_at - interval '1 microsecond' WHERE id = %s", log.event(index))
    return (12, index), (12, index)


def change_the_metadata(log: Log, index: int) -> tuple[Found, Found]:
    event = log.event(index)
    sql('UPDATE journal_entry SET metadata = \'{"order": "other"}\' WHERE id = %s', event)
    sql("UPDATE log_event SET payload = '{}' WHERE id = %s", event)
    return (12, index), (12, index)


def truncate_the_tail(log: Log, index: int) -> tuple[Found, Found]:
    """Back to an older checkpoint, and nothing of what came after it is left: the log is perfect in itself."""
    ((size,),) = sql("SELECT max(size) FROM log_checkpoint WHERE size < %s", log.size - index % 3)
    events = [event for (event,) in sql("SELECT event_id FROM log_leaf WHERE log_index >= %s", size)]
    for statement in (
        "DELETE FROM journal_posting WHERE entry_id = ANY(%s)",
        "DELETE FROM journal_entry WHERE id = ANY(%s)",
        "DELETE FROM log_event WHERE id = ANY(%s)",
        "DELETE FROM log_leaf WHERE event_id = ANY(%s)",
    ):
        sql(statement, events)
    sql("DELETE FROM log_checkpoint WHERE size > %s", size)
    sql("DELETE FROM log_node WHERE ((index + 1) << level) > %s", size)
    return (11, None), (11, None)


def rewrite_all_hashes(log: Log, index: int) -> tuple[Found, Found]:
    """Another amount, and the whole log sealed anew over it, with the log's own key."""
    event = log.event(index)
    sql("UPDATE log_event SET actor = 'key:somebody-else' WHERE id = %s", event)
    ((document, _),) = documents.read([event], look).values()
    sql("UPDATE log_event SET content_hash = %s WHERE id = %s", canonical.content_hash(document), event)
    for table in ("log_leaf", "log_node", "log_checkpoint"):
        sql(f"DELETE FROM {table}")
    forget_the_size()
    sealing.seal()
    return (11, None), (11, None)


def forge_the_head(log: Log, index: int) -> tuple[Found, Found]:
    """Another root under the same signature."""
    sql("UPDATE log_checkpoint SET note = replace(note, E'\\n' || size || E'\\n', E'\\n' || (size - 1) || E'\\n')")
    return (10, None), (10, None)


def replace_the_key(log: Log, index: int) -> tuple[Found, Found]:
    """Another amount, the whole log sealed anew with another key, and that key published as the log's."""
    rewrite_all_hashes(log, index)
    forger = signing.named(Ed25519PrivateKey.generate())
    head = receipts.head()
    checkpoint = notes.Checkpoint(forger.name, head.size, bytes(head.root))
    sql("UPDATE log_checkpoint SET note = %s", notes.sign_checkpoint(checkpoint, [forger]))
    sql("UPDATE log_signingkey SET kid = %s, public_key = %s", signing.kid_of(forger), forger.verifier.public_key)
    return (10, None), (10, None)


def alter_a_subtree(log: Log, index: int) -> tuple[Found, None]:
    """What proofs are made of; an export needs none."""
    sql("UPDATE log_node SET hash = sha256(%s) WHERE index = 0 AND level = 8", str(index).encode())
    return (11, None), None


Forgery = Callable[[Log, int], tuple[Found, Found | None]]
OF_ENTRIES: list[Forgery] = [flip_an_amount, swap_the_accounts, change_the_metadata]
OF_EVENTS: list[Forgery] = [delete, delete_with_its_leaf, change_the_time, insert, insert_into_the_past, forge_the_head]
OF_EVENTS += [reorder, reorder_the_events, replace_the_key, alter_a_subtree]
PERFECT: list[Forgery] = [truncate_the_tail, rewrite_all_hashes]  # found by nothing but an older checkpoint


@pytest.mark.timeout(600)
def test_every_change_at_many_places_is_found_and_nothing_else_is(log: Log) -> None:
    chance = random.Random(SEED)
    entries = [index for (index,) in sql("SELECT log_index FROM log_leaf JOIN journal_entry ON id = event_id")]
    forgeries = [*OF_ENTRIES, *OF_EVENTS, *PERFECT]
    missed = []
    for number in range(PLACES):
        forgery = forgeries[number % len(forgeries)]
        index = chance.choice(entries) if forgery in OF_ENTRIES else chance.randrange(log.size)
        with_saved = forgery in PERFECT
        with transaction.atomic():
            nightly, auditor = forgery(log, index)
            report = log.nightly(with_saved=with_saved)
            first = next((one.log_index for one in report.problems if one.log_index is not None), None)
            found = (
                (report.exit_code, first if nightly[1] is not None else None),
                auditor and log.auditor(with_saved=with_saved),
            )
            if found != (nightly, auditor):
                missed.append((forgery.__name__, index, found, report.problems[:3]))
            if with_saved:
                assert log.nightly().exit_code == 0, "it is perfect in itself"
                assert log.auditor() == (0, None)
            transaction.set_rollback(True)
        if number % CLEAN_EVERY == 0:
            clean = log.nightly(with_saved=True)
            assert (clean.problems, clean.size, clean.saved) == ([], log.size, 2)
            assert log.auditor(with_saved=True) == (0, None)

    assert missed == []


# What no event can have, as the rows can say it; reading some of it back raises an exception or other.
IMPOSSIBLE = {
    "a time after all": "UPDATE journal_entry SET effective_at = 'infinity' WHERE id = %s",
    "a time before all": "UPDATE journal_entry SET effective_at = '0044-03-15 BC' WHERE id = %s",
    "recorded never": "UPDATE log_event SET recorded_at = '-infinity' WHERE id = %s",
    "no number": "UPDATE journal_posting SET amount = 'NaN' WHERE entry_id = %s",
    "no finite number": "UPDATE log_event SET payload = '{\"a\": 1e999}' WHERE id = %s",
    "5,000 digits": "UPDATE log_event SET payload = ('{\"a\": ' || repeat('9', 5000) || '}')::json WHERE id = %s",
    "half a character": 'UPDATE log_event SET payload = \'{"a": "\\ud800"}\' WHERE id = %s',
    "3,000 brackets": "UPDATE log_event SET payload = (repeat('[', 3000) || repeat(']', 3000))::json WHERE id = %s",
    "no document": "UPDATE log_event SET payload = '\"x\"' WHERE id = %s",
}


def test_what_cannot_be_read_is_found_and_hides_nothing_else(log: Log) -> None:
    entries = [
        index for (index,) in sql("SELECT log_index FROM log_leaf JOIN journal_entry ON id = event_id ORDER BY 1")
    ]
    first, second = entries[40], entries[-40]
    seen = {}
    for name, impossible in IMPOSSIBLE.items():
        with transaction.atomic():
            sql(impossible, log.event(first))
            flip_an_amount(log, second)
            report = log.nightly()
            seen[name] = report.exit_code, [one.log_index for one in report.problems], log.auditor()
            transaction.set_rollback(True)

    assert seen == dict.fromkeys(IMPOSSIBLE, (12, [first, second], (12, first)))
