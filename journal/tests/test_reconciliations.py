"""Reconciliations: asked for, done once, told of once; whatever is killed in between."""

from collections.abc import Iterator

import psycopg
import pytest
from django.core import mail
from django.db import DatabaseError, connections, transaction
from pytest_django import Settings

from accounts.models import Tenant
from journal import tasks
from journal.errors import AlreadyReported, ReconciliationMatched, ReconciliationNotFound, ReconciliationUnderWay
from journal.models import Finding, ReconciliationRun, VerifiedPoint
from journal.reconciliation import notify, running
from journal.replay import replay
from ledger_project.kernel import clock, ids
from ledger_project.log import findings, sealing
from ledger_project.log.checks import Comparison
from ledger_project.log.models import Event
from ledger_project.testing.crowd import together
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

SPOIL = (
    "UPDATE accounts_balance SET available = available - 1, fee_pool = fee_pool + 1"
    " WHERE tenant_id = %s AND available = 100"
)


def as_owner(statement: str, *values: object) -> None:
    with connections["owner"].cursor() as owner:
        owner.execute(statement, values)


def opened() -> Ledger:
    ledger = Ledger()
    ledger.open("alice", funded=100)
    return ledger


@pytest.fixture
def books() -> Iterator[Ledger]:
    with own_database():
        yield opened()


def ask(books: Ledger) -> str:
    return str(books.answer("request_reconciliation")["reconciliation"]["id"])


def newest(books: Ledger) -> ReconciliationRun:
    return ReconciliationRun.objects.filter(tenant=books.tenant).latest("id")


def test_a_run_is_asked_for_done_and_stored(books: Ledger) -> None:
    sealing.seal()
    asked = books.answer("request_reconciliation", reason="the auditor is here")["reconciliation"]
    assert (asked["status"], asked["reason"], asked["requested_by"]) == ("requested", "the auditor is here", "test")
    assert books.tail() == ["reconciliation.requested"]

    assert [ids.show("rec", key) for key in running.run_waiting()] == [asked["id"]]

    run = newest(books)
    assert (run.status, run.mismatches, run.log_size) == ("matched", 0, 3)
    assert [check["name"] for check in run.checks] == [check.name for check in running.checks()]
    assert run.started_at is not None
    assert run.finished_at is not None
    assert run.requested_at < run.started_at < run.finished_at
    assert running.run_waiting() == []


def test_one_run_of_a_tenant_waits_at_a_time(books: Ledger) -> None:
    first = ask(books)

    with pytest.raises(ReconciliationUnderWay) as refused:
        books.run("request_reconciliation")

    assert refused.value.facts == {"reconciliation": first}
    running.run_waiting()
    assert ask(books) != first


def test_of_many_who_ask_at_once_one_is_heard(books: Ledger) -> None:
    def one(number: int) -> str:
        try:
            books.run("request_reconciliation", key=f"asked-{number}")
        except ReconciliationUnderWay:
            return "refused"
        return "accepted"

    outcomes = together([lambda number=number: one(number) for number in range(8)])

    assert sorted(outcomes) == ["accepted", *["refused"] * 7]
    assert ReconciliationRun.objects.filter(tenant=books.tenant).count() == 1


def test_workers_at_once_do_each_run_once(books: Ledger) -> None:
    others = [opened() for _ in range(3)]
    asked = sorted(ask(each) for each in (books, *others))

    done = together([running.run_waiting] * 4)

    assert sorted(ids.show("rec", key) for each in done for key in each) == asked
    assert ReconciliationRun.objects.filter(finished_at__isnull=True).count() == 0


def test_each_tenant_has_its_own_differences(books: Ledger) -> None:
    other, unasked = opened(), opened()
    for each in (other, unasked):
        as_owner(SPOIL, each.tenant)
    ask(books)
    ask(other)

    assert len(running.run_waiting()) == 2

    assert notify.red(newest(books)) == {}
    assert notify.red(newest(other)) == {"balances_equal_postings": 2}
    assert list(newest(other).findings.values_list("tenant", "subject", "stored", "replayed").order_by("seq")) == [
        (other.tenant, "alice available", "99", "100"),
        (other.tenant, "alice fee_pool", "1", "0"),
    ]
    assert Finding.objects.count() == 2


def test_what_is_wrong_with_the_log_itself_is_everybodys(books: Ledger) -> None:
    other = opened()
    sealing.seal()
    as_owner("ALTER TABLE log_leaf DISABLE TRIGGER USER; UPDATE log_leaf SET leaf_hash = 'x' WHERE log_index = 0")
    ask(books)
    ask(other)

    running.run_waiting()

    # The first leaf is that of an event of the first tenant; the root is above all leaves.
    assert notify.red(newest(books)) == {"log_gapless_and_root_equal": 2}
    assert notify.red(newest(other)) == {"log_gapless_and_root_equal": 1}


def test_a_run_that_is_killed_has_never_been(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    as_owner(SPOIL, books.tenant)
    ask(books)
    broken = Comparison.all[-1].__class__(checks=(), query="SELECT pg_terminate_backend(pg_backend_pid())")
    Comparison.all.remove(broken)
    with monkeypatch.context() as patched:
        patched.setattr(Comparison, "all", [*Comparison.all, broken])
        with pytest.raises((DatabaseError, psycopg.Error)):
            running.run_waiting()
    connections["default"].close()
    assert (newest(books).status, Finding.objects.count()) == ("requested", 0)

    running.run_waiting()

    assert (newest(books).status, Finding.objects.count()) == ("mismatched", 2)


def test_what_is_listed_is_bounded_and_what_is_counted_is_not(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LISTED", 1)
    as_owner(SPOIL, books.tenant)
    ask(books)

    running.run_waiting()

    assert (newest(books).mismatches, newest(books).findings.count()) == (2, 1)


def test_a_run_without_a_difference_is_a_verified_point(books: Ledger) -> None:
    other = opened()
    as_owner(SPOIL, other.tenant)
    ask(books)
    ask(other)

    running.run_waiting()

    assert list(VerifiedPoint.objects.values_list("tenant", flat=True)) == [books.tenant]
    assert replay(books.tenant, incremental=True) == []


def test_passes_take_a_tenth_of_a_workers_time(books: Ledger) -> None:
    assert running.resting() is False
    ask(books)
    tasks.reconcile()
    as_owner("ALTER TABLE journal_reconciliationrun DISABLE TRIGGER USER")
    as_owner("UPDATE journal_reconciliationrun SET started_at = now() - interval '10 s', finished_at = now()")
    ask(books)

    tasks.reconcile()
    assert newest(books).status == "requested"
    as_owner(
        "UPDATE journal_reconciliationrun SET started_at = now() - interval '100 s',"
        " finished_at = now() - interval '91 s' WHERE finished_at IS NOT NULL"
    )
    tasks.reconcile()

    assert newest(books).status == "matched"


def test_the_night_asks_for_every_tenant_once(books: Ledger) -> None:
    other = opened()
    ask(other)

    assert running.request_all(clock.now()) == 1
    assert running.request_all(clock.now()) == 0

    assert newest(books).requested_by == "system:reconciliation"
    assert len(running.run_waiting()) == 2


def test_a_mismatch_is_an_event_and_a_mail_once(books: Ledger, settings: Settings) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.org"]
    as_owner(SPOIL, books.tenant)
    asked = ask(books)
    running.run_waiting()

    notify.tell()
    notify.tell()

    told = Event.objects.get(tenant=books.tenant, type="reconciliation.mismatched")
    assert told.actor == "system:reconciliation"
    assert told.result["reconciliation"]["id"] == asked
    assert {"name": "balances_equal_postings", "found": 2} in told.result["reconciliation"]["checks"]
    (sent,) = mail.outbox
    slug = Tenant.objects.get(pk=books.tenant).slug
    assert sent.to == ["ops@example.org"]
    assert sent.subject == f"[development] The books of {slug} do not match: 2 differences"
    assert "  balances_equal_postings: 2\n" in sent.body
    assert f"/admin/journal/reconciliationrun/{asked}/change/" in sent.body


def test_several_mismatches_are_one_mail(books: Ledger, settings: Settings) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.org"]
    for each in (books, opened()):
        as_owner(SPOIL, each.tenant)
        ask(each)
    running.run_waiting()

    notify.tell()

    (sent,) = mail.outbox
    assert sent.subject == "[development] The books of 2 tenants do not match: 4 differences"


def test_a_copy_behind_the_fence_mails_nobody(books: Ledger, settings: Settings) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.org"]
    as_owner(SPOIL, books.tenant)
    ask(books)
    running.run_waiting()
    findings.note("fenced", detail="restored")
    notify.tell()
    assert mail.outbox == []
    assert newest(books).mailed_at is None

    findings.lift()
    notify.tell()

    assert len(mail.outbox) == 1


def test_a_mail_that_nobody_takes_is_sent_later_and_the_event_does_not_wait(
    books: Ledger, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.org"]
    as_owner(SPOIL, books.tenant)
    ask(books)
    running.run_waiting()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    notify.tell()
    assert "the operators were not mailed" in caplog.text
    assert books.tail() == ["reconciliation.mismatched"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    notify.tell()

    assert len(mail.outbox) == 1
    assert newest(books).mailed_at is not None


def test_only_what_was_found_is_told_of(books: Ledger) -> None:
    waiting = ask(books)
    with pytest.raises(ReconciliationMatched) as refused:
        books.run("report_mismatch", reconciliation=waiting)
    assert refused.value.facts == {"reconciliation": waiting, "state": "requested"}
    running.run_waiting()
    with pytest.raises(ReconciliationMatched):
        books.run("report_mismatch", reconciliation=waiting)
    with pytest.raises(ReconciliationNotFound):
        opened().run("report_mismatch", reconciliation=waiting)
    as_owner(SPOIL, books.tenant)
    found = ask(books)
    running.run_waiting()
    books.run("report_mismatch", reconciliation=found)

    with pytest.raises(AlreadyReported):
        books.run("report_mismatch", reconciliation=found)

    assert books.tail(2) == ["reconciliation.requested", "reconciliation.mismatched"]


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_what_a_run_found_stands_whoever_asks(books: Ledger, alias: str) -> None:
    as_owner(SPOIL, books.tenant)
    ask(books)
    running.run_waiting()
    notify.tell()
    forbidden = [
        "UPDATE journal_reconciliationrun SET mismatches = 0",
        "UPDATE journal_reconciliationrun SET checks = '[]'",
        "UPDATE journal_reconciliationrun SET reported_at = NULL",
        "UPDATE journal_reconciliationrun SET reason = 'another'",
        "DELETE FROM journal_reconciliationrun",
        "TRUNCATE journal_reconciliationrun CASCADE",
        "UPDATE journal_finding SET stored = replayed",
        "DELETE FROM journal_finding",
        "TRUNCATE journal_finding",
    ]

    for statement in forbidden:
        with pytest.raises(DatabaseError), transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute(statement)

    assert (newest(books).mismatches, newest(books).findings.count()) == (2, 2)


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("reconciliation_finished", "mismatches = 0"),
        ("reconciliation_finished", "finished_at = now()"),
        (
            "reconciliation_matched",
            "started_at = now(), finished_at = now(), log_size = 0, mismatches = 0, reported_at = now()",
        ),
    ],
)
def test_postgresql_forbids_what_a_run_cannot_be(books: Ledger, constraint: str, change: str) -> None:
    ask(books)

    with pytest.raises(DatabaseError) as refused, connections["default"].cursor() as cursor:
        cursor.execute(f"UPDATE journal_reconciliationrun SET {change}")

    assert constraint in str(refused.value)


def test_postgresql_forbids_a_second_run_that_waits(books: Ledger) -> None:
    ask(books)

    with pytest.raises(DatabaseError, match="reconciliation_under_way"), connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal_reconciliationrun (id, tenant_id, requested_by, reason, requested_at, checks)"
            " SELECT gen_random_uuid(), tenant_id, 'x', '', now(), '[]' FROM journal_reconciliationrun"
        )
