"""repair_balance: a stored balance is made what its postings say; nothing is posted, and the log knows why."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connections

from accounts.errors import AccountClosed, AccountNotFound
from accounts.models import Balance, Tenant
from journal.errors import NothingToRepair, PostingsIncomplete
from journal.reconciliation import verified
from journal.replay import replay
from journal.tests.test_reconciliations import as_owner
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log import sealing
from ledger_project.log.checks import view
from ledger_project.log.models import Event
from ledger_project.testing.crowd import together
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

WHY = "restored from a bad copy, ticket 7"
SPOIL = (
    "UPDATE accounts_balance SET available = available - 1, held = held + 4, total_in = total_in + 3"
    " WHERE tenant_id = %s AND available = 70"
)


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("fees", type="revenue", unbounded=True)
    ledger.run("set_credit_limit", account="alice", credit_limit=50)
    ledger.run("transfer", from_account="alice", to_account="fees", amount=120)
    ledger.run("mint", account="alice", amount=90)
    assert ledger.balance("alice") == {"available": 70}
    return ledger


def test_a_balance_is_made_what_its_postings_say(books: Ledger) -> None:
    as_owner(SPOIL, books.tenant)
    postings = books.size()[1]

    answer = books.answer("repair_balance", account="alice", reason=WHY)

    assert books.balance("alice") == {"available": 70}
    assert answer["repair"]["rows"] == [
        {
            "stripe": 0,
            "stored": {"available": "69", "held": "4", "total_in": "193"},
            "replayed": {"available": "70", "held": "0", "total_in": "190"},
        }
    ]
    assert (answer["entry"], answer["balances"][0]["available"]) == (None, "70")
    assert books.size()[1] == postings
    event = Event.objects.filter(tenant=books.tenant).latest("id")
    assert (event.type, event.payload) == ("balance.repaired", {"account": "alice", "reason": WHY})
    assert replay(books.tenant) == []
    books.run("transfer", from_account="alice", to_account="fees", amount=70)
    assert replay(books.tenant) == []


def test_drawn_credit_and_every_stripe_are_repaired(books: Ledger) -> None:
    books.run("transfer", from_account="alice", to_account="fees", amount=100)
    assert books.balance("alice") == {"credit_used": 30}
    as_owner(
        "UPDATE accounts_balance SET credit_used = 10, total_out = total_out - 20 WHERE tenant_id = %s"
        " AND credit_used = 30",
        books.tenant,
    )
    as_owner(
        "UPDATE accounts_balance SET available = available + 9, total_in = total_in + 9 WHERE account_id ="
        " (SELECT id FROM accounts_account WHERE tenant_id = %s AND name = 'fees') AND stripe IN (3, 4)",
        books.tenant,
    )

    books.run("repair_balance", account="alice", reason=WHY)
    rows = books.answer("repair_balance", account="fees", reason=WHY)["repair"]["rows"]

    assert [row["stripe"] for row in rows] == [3, 4]
    assert (books.balance("alice"), books.balance("fees")) == ({"credit_used": 30}, {"available": 220})
    assert replay(books.tenant) == []


def test_it_is_refused_where_there_is_nothing_to_repair_or_nothing_known(books: Ledger) -> None:
    size = books.size()
    with pytest.raises(NothingToRepair):
        books.run("repair_balance", account="alice", reason=WHY)
    with pytest.raises(AccountNotFound):
        books.run("repair_balance", account="nobody", reason=WHY)
    with pytest.raises(InvalidRequest):
        books.run("repair_balance", account="alice", reason="")
    as_owner(SPOIL.replace("SET", "SET version = version + 1,"), books.tenant)
    with pytest.raises(PostingsIncomplete) as refused:
        books.run("repair_balance", account="alice", reason=WHY)
    facts = refused.value.facts
    assert (facts["account"], facts["version"], facts["newest_posting"]) == ("alice", 6, 5)
    assert books.size() == size


def test_a_closed_account_stays_as_it_is(books: Ledger) -> None:
    books.run("transfer", from_account="alice", to_account="fees", amount=70)
    books.run("close_account", account="alice", reason="gone")
    as_owner("ALTER TABLE accounts_balance DISABLE TRIGGER account_closed")
    try:
        as_owner(
            "UPDATE accounts_balance SET total_in = total_in + 1, total_out = total_out + 1"
            " WHERE tenant_id = %s AND status = 'closed'",
            books.tenant,
        )
    finally:
        as_owner("ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER account_closed")

    with pytest.raises(AccountClosed):
        books.run("repair_balance", account="alice", reason=WHY)


@pytest.mark.parametrize("order", ["pay repair repair", "repair pay", "repair repair pay", "pay repair pay"])
def test_a_repair_may_stand_anywhere_in_a_batch(books: Ledger, order: str) -> None:
    as_owner(SPOIL, books.tenant)
    calls = {
        "pay": lambda: books.call("transfer", from_account="alice", to_account="fees", amount=1),
        "repair": lambda: books.call("repair_balance", account="alice", reason=WHY),
    }

    results = books.execute(*(calls[word]() for word in order.split()))

    refused = [type(result) for result in results if isinstance(result, Exception)]
    assert refused == [NothingToRepair] * (order.count("repair") - 1)
    assert books.balance("alice") == {"available": 70 - order.count("pay")}
    assert replay(books.tenant) == []


def test_repairs_among_many_payments_lose_none(books: Ledger) -> None:
    """The postings are read after the balance is locked, so whatever was committed before is among them."""
    books.run("mint", account="alice", amount=1000)

    def pay(number: int) -> str:
        books.run("transfer", key=f"pay-{number}", from_account="alice", to_account="fees", amount=1)
        return "paid"

    def repair(number: int) -> str:
        as_owner(
            "UPDATE accounts_balance SET available = available + 7, total_in = total_in + 7 WHERE account_id ="
            " (SELECT id FROM accounts_account WHERE tenant_id = %s AND name = 'alice')",
            books.tenant,
        )
        connections["owner"].close()
        try:
            books.run("repair_balance", key=f"repair-{number}", account="alice", reason=WHY)
        except NothingToRepair:  # another repair came between
            return "right already"
        return "repaired"

    works = [lambda n=n: pay(n) for n in range(12)] + [lambda n=n: repair(n) for n in range(6)]
    outcomes = together(works)

    assert outcomes.count("paid") == 12
    assert set(outcomes) <= {"paid", "repaired", "right already"}
    if replay(books.tenant):  # a fault planted after the last repair
        books.run("repair_balance", account="alice", reason=WHY)
    assert books.balance("alice") == {"available": 1070 - 12}
    assert replay(books.tenant) == []


def test_replay_repairs_with_a_reason_and_replays_again(books: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    slug = Tenant.objects.get(pk=books.tenant).slug
    as_owner(SPOIL, books.tenant)
    as_owner("UPDATE accounts_balance SET credit_limit = 60 WHERE tenant_id = %s AND credit_limit = 50", books.tenant)

    with pytest.raises(SystemExit) as stopped:
        call_command("replay", tenant=slug, repair=WHY)

    out, err = capsys.readouterr()
    assert stopped.value.code == 1
    assert "accounts_equal_log" in out.splitlines()[-2]  # what is no balance is told of again, and left alone
    assert out.splitlines()[-1].startswith("1 differences")
    assert " is repaired: evt_" in err
    assert Event.objects.filter(tenant=books.tenant, type="balance.repaired").get().payload["reason"] == WHY
    as_owner("UPDATE accounts_balance SET credit_limit = 50 WHERE tenant_id = %s AND credit_limit = 60", books.tenant)
    call_command("replay", tenant=slug, repair=WHY)
    assert Event.objects.filter(tenant=books.tenant, type="balance.repaired").count() == 1


@pytest.fixture
def apart() -> Iterator[Ledger]:
    with own_database():
        ledger = Ledger()
        ledger.open("alice", funded=100)
        sealing.seal()
        yield ledger


def test_of_two_who_verify_at_once_the_newer_point_stays(apart: Ledger) -> None:
    """The older view cannot write over what the newer one has; it gives way and does not fail."""
    assert replay(apart.tenant) == []
    opened, verified_since = threading.Event(), threading.Event()

    def older() -> None:
        try:
            with view():
                Balance.objects.count()  # the first statement is what opens the view
                opened.set()
                assert verified_since.wait(20)
                verified.mark(apart.tenant)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(older)
        assert opened.wait(20)
        apart.run("mint", account="alice", amount=5)
        assert replay(apart.tenant) == []
        verified_since.set()
        done.result()

    assert replay(apart.tenant, incremental=True) == []
    assert Balance.objects.filter(tenant=apart.tenant, available=105).exists()
