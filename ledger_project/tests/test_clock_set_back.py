"""The database's clock is set back: no cap opens again, no line of a statement stands before an older one."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.errors import SpendCapExceeded
from accounts.models import Balance, SessionKey
from accounts.rows import AccountRow, CurrencyRow
from accounts.sessions import SessionKeyRow
from holds.models import Hold
from holds.rows import HoldRow
from journal.external.decisions import AdjustmentRow
from journal.models import IssuedStatement, Posting
from journal.monitors.rows import MonitorRow
from journal.replay import replay
from journal.rows import EntryRow
from journal.statements import issuing
from ledger_project.kernel import clock, ids
from ledger_project.log import sealing
from ledger_project.log.models import Event
from ledger_project.log.unit import Row
from ledger_project.testing.databases import own_database
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks.rows import EndpointRow

BACK = timedelta(hours=-25)  # a day, wherever in it the test runs
STEP = timedelta(microseconds=1)
JANUARY, FEBRUARY, DAY = datetime(2027, 1, 10, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC), timedelta(days=1)


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=1000)
    ledger.open("bob", "shop")
    return ledger


def recorded(books: Ledger, type: str) -> list[datetime]:
    """When the events of this type were recorded, in the order in which they happened."""
    events = Event.objects.filter(tenant=books.tenant, type=type).order_by("insert_xid")
    return list(events.values_list("recorded_at", flat=True))


def test_a_daily_cap_is_not_opened_again(books: Ledger) -> None:
    key = books.answer("issue_session_key", account="alice", max_per_day=10)["session_key"]["id"]
    books.run("spend", account="alice", to_account="shop", amount=10, session_key=key)

    for back in (BACK, 30 * BACK, timedelta(0)):
        with clock.moved(back), pytest.raises(SpendCapExceeded) as refused:
            books.run("spend", account="alice", to_account="shop", amount=1, session_key=key)
        assert refused.value.facts["cap"] == "max_per_day"

    with clock.moved(-BACK):
        books.run("spend", account="alice", to_account="shop", amount=10, session_key=key)
    with pytest.raises(SpendCapExceeded):
        books.run("spend", account="alice", to_account="shop", amount=1, session_key=key)
    assert books.balance("shop") == {"available": 20}


def test_a_statement_keeps_the_order_of_the_versions(books: Ledger) -> None:
    books.run("transfer", from_account="alice", to_account="bob", amount=1)
    with clock.moved(BACK):
        books.run("transfer", from_account="alice", to_account="bob", amount=2)
        with clock.moved(BACK):
            books.run("transfer", from_account="bob", to_account="alice", amount=3)
    books.run("transfer", from_account="alice", to_account="bob", amount=4)

    postings = Posting.objects.filter(account__tenant=books.tenant, account__name="alice").order_by("version")
    entries = list(postings.values_list("entry_id", flat=True))
    first, second, third, fourth = recorded(books, "transfer.posted")

    assert entries == sorted(entries)
    assert [first + STEP, first + 2 * STEP] == [second, third]
    assert third < fourth
    assert Balance.objects.get(account__tenant=books.tenant, account__name="alice").updated_at == fourth
    assert replay(books.tenant) == []


@pytest.mark.parametrize("unbounded", [False, True])
def test_nothing_falls_into_a_month_that_was_issued(unbounded: bool) -> None:
    """Last used in January, the statement issued on the 2nd of February, and then the clock set back."""
    with own_database():
        with clock.stopped(JANUARY):
            ledger = Ledger()
            ledger.open("alice", unbounded=unbounded)
            ledger.open("bob", funded=100)
            ledger.run("transfer", from_account="bob", to_account="alice", amount=30)
        sealing.seal()
        with clock.stopped(FEBRUARY + DAY):
            assert issuing.issue_due(clock.now(), ledger.tenant) > 0

        with clock.stopped(FEBRUARY - DAY):
            ledger.run("transfer", from_account="bob", to_account="alice", amount=7)
        sealing.seal()
        with clock.stopped(FEBRUARY + 32 * DAY):
            issuing.issue_due(clock.now(), ledger.tenant)

        links = IssuedStatement.objects.filter(account__name="alice").order_by("since")
        assert [(link.lines, int(link.opening[0]), int(link.closing[0])) for link in links] == [(1, 0, 30), (1, 30, 37)]
        assert replay(ledger.tenant) == []


def test_a_batch_is_later_than_each_of_its_rows(books: Ledger) -> None:
    """Whoever meets an account of the future is there, too; who does not goes by the clock."""
    books.open("carol", funded=10)
    with clock.moved(-BACK):
        books.run("transfer", from_account="alice", to_account="bob", amount=1)
    books.run("transfer", from_account="carol", to_account="shop", amount=1)
    books.run("transfer", from_account="carol", to_account="bob", amount=1)
    books.run("transfer", from_account="shop", to_account="carol", amount=1)

    ahead, now, met, after = recorded(books, "transfer.posted")

    assert now < ahead < met == ahead + STEP < after == met + STEP


def test_a_hold_is_not_changed_before_it_was_placed(books: Ledger) -> None:
    hold = books.answer("place_hold", account="alice", amount=10)["hold"]["id"]
    with clock.moved(BACK):
        books.run("capture_hold", hold=hold, to_account="shop", amount=4, final=False)
        books.run("release_hold", hold=hold)

    row = Hold.objects.get(pk=ids.read("hld", hold))
    assert row.updated_at == row.created_at + 2 * STEP


def test_a_key_is_not_revoked_before_it_was_issued(books: Ledger) -> None:
    key = books.answer("issue_session_key", account="alice", max_per_day=10)["session_key"]["id"]
    with clock.moved(BACK):
        books.run("revoke_session_key", session_key=key)

    row = SessionKey.objects.get(pk=ids.read("ssk", key))
    assert row.revoked_at == row.created_at + STEP


@pytest.mark.parametrize(
    ("row", "times"),
    [
        (SessionKeyRow, ("created_at", "last_spent_at", "revoked_at")),
        (HoldRow, ("created_at", "updated_at")),
        (MonitorRow, ("created_at", "deleted_at", "triggered_at")),
        (EndpointRow, ()),  # what is due to it goes by the clock of its sender
        (AdjustmentRow, ("decided_at", "proposed_at")),
        (CurrencyRow, ()),  # never changes
        (EntryRow, ()),  # its time is the event's; `effective_at` is what somebody said
        (AccountRow, ()),  # read as a number, for all rows of a batch at once
    ],
)
def test_a_row_is_never_behind_its_times(row: type[Row], times: tuple[str, ...]) -> None:
    """They are found by their names, so a new one counts by itself."""
    assert row.times == times


NAMES = "account_id IN (SELECT id FROM accounts_account WHERE tenant_id = {tenant})"


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("time_runs_back", f"UPDATE accounts_balance SET updated_at = updated_at - interval '1 us' WHERE {NAMES}"),
        ("time_runs_back", f"UPDATE holds_hold SET updated_at = updated_at - interval '1 us' WHERE {NAMES}"),
        ("time_runs_back", f"UPDATE holds_deposit SET updated_at = updated_at - interval '1 us' WHERE {NAMES}"),
        ("spend_cap_reopened", f"UPDATE accounts_sessionkey SET day = day - 1 WHERE {NAMES}"),
        ("spend_cap_reopened", f"UPDATE accounts_sessionkey SET day = NULL WHERE {NAMES}"),
        ("spend_cap_reopened", f"UPDATE accounts_sessionkey SET spent_day = spent_day - 1 WHERE {NAMES}"),
        ("spend_cap_reopened", f"UPDATE accounts_sessionkey SET spent_total = 9, spent_day = 0 WHERE {NAMES}"),
        ("spend_cap_reopened", f"UPDATE accounts_sessionkey SET spent_most = 0 WHERE {NAMES}"),
        ("spend_cap_reopened", f"UPDATE accounts_sessionkey SET last_spent_at = NULL WHERE {NAMES}"),
        ("spend_cap_reopened",
         f"UPDATE accounts_sessionkey SET last_spent_at = last_spent_at - interval '1 us' WHERE {NAMES}"),
    ],
)  # fmt: skip
def test_postgresql_forbids_it_by_itself(books: Ledger, alias: str, rule: str, statement: str) -> None:
    key = books.answer("issue_session_key", account="alice", max_per_day=10)["session_key"]["id"]
    books.run("spend", account="alice", to_account="shop", amount=10, session_key=key)
    books.run("place_hold", account="alice", amount=10)
    books.run("record_deposit", account="alice", amount=5, source="bank", external_ref="1", confirmed=False)

    assert constraint(attempt(alias, statement.format(tenant=books.tenant))) == rule


def test_the_clock_itself_may_be_stopped_at_a_moment() -> None:
    """The tools of these tests: at a moment that is later than all of a ledger, commands are of that very moment."""
    at = datetime(2100, 1, 31, 12, tzinfo=UTC)
    with clock.stopped(at):
        ledger = Ledger()
    assert recorded(ledger, "currency.registered") == [at]
