"""Statements that are issued: one a month for every account, each once, in a chain that the database holds together."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from accounts.rows import look_up
from journal.errors import PeriodNotOver, StatementExists, StatementOutOfChain
from journal.exports.reading import Period
from journal.models import IssuedStatement
from journal.statements import issuing
from journal.statements.formats import chunks
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log import sealing
from ledger_project.log.executor import MAX_BATCH
from ledger_project.log.models import Event
from ledger_project.log.queries import read
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

AUGUST, SEPTEMBER, OCTOBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (8, 9, 10))
DAY = timedelta(days=1)


@pytest.fixture
def ledger():
    """Alice has 100 in August, pays 30 in September, and in October dates a payment of 5 back to August."""
    ledger = Ledger()
    with clock.stopped(AUGUST + 3 * DAY):
        ledger.open("alice", "shop")
        ledger.run("mint", account="alice", amount=100)
    with clock.stopped(SEPTEMBER + 3 * DAY):
        ledger.run("transfer", from_account="alice", to_account="shop", amount=30)
    with clock.stopped(OCTOBER + 3 * DAY):
        back = clock.stamp(AUGUST + 9 * DAY)
        ledger.run("transfer", from_account="alice", to_account="shop", amount=5, effective_at=back)
    sealing.seal()
    return ledger


def facts(ledger, name="alice"):
    return look_up(ledger.tenant, [name], read)[name]


def chain(ledger, name="alice"):
    links = IssuedStatement.objects.filter(account=facts(ledger, name).id).order_by("since")
    return [(link.since, int(link.opening[0]), int(link.closing[0]), link.lines) for link in links]


def issue(ledger, since, until):
    """As beat would, of Alice."""
    return ledger.run("issue_statement", account="alice", since=clock.stamp(since), until=clock.stamp(until))


def test_each_month_that_is_over_is_issued_once(ledger):
    with clock.stopped(OCTOBER + 5 * timedelta(minutes=1)):
        issuing.issue_due(clock.now(), ledger.tenant)
    assert chain(ledger) == [(AUGUST, 0, 100, 1)]  # September is not settled yet

    with clock.stopped(datetime(2026, 11, 1, 0, 27, tzinfo=UTC)):
        issuing.issue_due(clock.now(), ledger.tenant)
        issuing.issue_due(clock.now(), ledger.tenant)
    assert chain(ledger) == [(AUGUST, 0, 100, 1), (SEPTEMBER, 100, 70, 1), (OCTOBER, 70, 65, 1)]
    assert chain(ledger, "shop") == [(AUGUST, 0, 0, 0), (SEPTEMBER, 0, 30, 1), (OCTOBER, 30, 35, 1)]
    types = Event.objects.filter(tenant=ledger.tenant, actor=issuing.ACTOR).values_list("type", flat=True)
    assert set(types) == {"statement.issued"}
    assert len(types) == IssuedStatement.objects.filter(tenant=ledger.tenant).count()


def test_a_backlog_of_more_than_one_batch_is_issued_in_several(caplog):
    """Half a year of 170 accounts is more than the executor takes at once, and nobody has failed."""
    with clock.stopped(AUGUST + DAY):
        ledger = Ledger()
        ledger.open(*(f"agent-{n}" for n in range(170)))
    sealing.seal()

    with clock.stopped(datetime(2027, 2, 1, 0, 27, tzinfo=UTC)):
        issued = issuing.issue_due(clock.now(), ledger.tenant)

    assert issued == IssuedStatement.objects.filter(tenant=ledger.tenant).count() == 6 * 170 > MAX_BATCH
    assert caplog.messages == []


def test_what_was_issued_is_what_a_reader_is_shown(ledger):
    with clock.stopped(datetime(2026, 11, 1, 0, 27, tzinfo=UTC)):
        issuing.issue_due(clock.now(), ledger.tenant)
    sealing.seal()
    for link in IssuedStatement.objects.filter(account=facts(ledger).id):
        shown = json.loads(b"".join(chunks("json", facts(ledger), Period(link.since, link.until))))
        told = Event.objects.get(pk=link.id).result["statement"]

        assert shown["hash"] == bytes(link.hash).hex() == told["hash"]
        assert shown["closing"] == told["closing"]
        assert shown["issued"] == {"id": str(link), "event": f"evt_{link.id.hex}", "hash": shown["hash"]}


def test_nothing_is_issued_of_what_is_not_sealed():
    ledger = Ledger()
    with clock.stopped(AUGUST + DAY):
        ledger.open("alice", funded=7)

    with clock.stopped(SEPTEMBER + DAY):
        issuing.issue_due(clock.now(), ledger.tenant)
        assert chain(ledger) == []
        sealing.seal()
        issuing.issue_due(clock.now(), ledger.tenant)
    assert chain(ledger) == [(AUGUST, 0, 7, 1)]


@pytest.mark.parametrize(
    ("since", "until", "refusal"),
    [
        (SEPTEMBER, OCTOBER + 5 * DAY, PeriodNotOver),
        (AUGUST, SEPTEMBER, StatementExists),
        (AUGUST + DAY, SEPTEMBER, StatementExists),
        (SEPTEMBER + DAY, OCTOBER, StatementOutOfChain),
        (SEPTEMBER, SEPTEMBER, StatementOutOfChain),
    ],
)
def test_what_does_not_go_on_from_the_last_one_is_refused(ledger, since, until, refusal):
    with clock.stopped(OCTOBER + 4 * DAY):
        issue(ledger, AUGUST, SEPTEMBER)
        before = ledger.size()
        with pytest.raises(refusal):
            issue(ledger, since, until)

        assert ledger.size() == before
        issue(ledger, SEPTEMBER, OCTOBER)
    assert chain(ledger) == [(AUGUST, 0, 100, 1), (SEPTEMBER, 100, 70, 1)]


def test_the_first_begins_when_the_account_did(ledger):
    with clock.stopped(OCTOBER + DAY), pytest.raises(StatementOutOfChain):
        issue(ledger, SEPTEMBER, OCTOBER)


INSERT = """
INSERT INTO journal_issuedstatement (tenant_id, id, account_id, since, until, opening, closing, version, total_in,
       total_out, lines, log_from, log_to, log_root, lines_hash, hash)
SELECT tenant_id, {id}, account_id, {since}, {until}, {opening}, {closing}, {version}, {total_in}, 0, {lines}, 0, 0,
       NULL, lines_hash, hash FROM journal_issuedstatement WHERE id = '{last}'
"""
GOOD = {
    "id": "('01a2' || substr(gen_random_uuid()::text, 5))::uuid",  # of November or December 2026
    "since": "until",
    "until": "'2026-10-01T00:00:00Z'::timestamptz",
    "opening": "closing",
    "closing": "closing",
    "version": "version",
    "total_in": "0",
    "lines": "0",
}


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"since": "since"}, "statement_exists"),
        ({"since": "until - interval '1 day'"}, "statement_exists"),
        ({"since": "until + interval '1 day'"}, "statement_out_of_chain"),
        ({"opening": "opening"}, "statement_out_of_chain"),
        ({"lines": "1"}, "statement_out_of_chain"),
        ({"total_in": "1"}, "statement_mismatch"),
        ({"closing": "'{1,0,0,0,0,0,0}'::numeric[]"}, "statement_mismatch"),
        ({"until": "'2026-11-21T00:00:00Z'::timestamptz + interval '1 year'"}, "period_not_over"),
        ({"until": "until"}, "statement_period"),
    ],
)
def test_the_database_forbids_what_the_command_refuses(ledger, wrong, name):
    with clock.stopped(OCTOBER + DAY):
        issue(ledger, AUGUST, SEPTEMBER)
    last = IssuedStatement.objects.get(account=facts(ledger).id).id

    for alias in (APP, OWNER):
        assert constraint(attempt(alias, INSERT.format(**GOOD | wrong, last=last))) == name
    if name in Refusal.by_constraint:
        assert Refusal.by_constraint[name].code == name
    with connections[APP].cursor() as cursor:
        cursor.execute(INSERT.format(**GOOD, last=last))
    assert chain(ledger)[-1] == (SEPTEMBER, 100, 100, 0)


def test_what_was_issued_stands(ledger):
    with clock.stopped(OCTOBER + DAY):
        issue(ledger, AUGUST, SEPTEMBER)

    for statement in (
        "UPDATE journal_issuedstatement SET total_in = 1",
        "DELETE FROM journal_issuedstatement",
        "TRUNCATE journal_issuedstatement",
    ):
        assert constraint(attempt(OWNER, statement)) == "append_only"
