"""Monitors: each time a balance crosses a line one event says so, whatever is killed, repeated or done at once."""

import os
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections

from accounts.errors import AccountNotFound
from journal import tasks
from journal.errors import AlreadyTriggered, MonitorNotCrossed, MonitorNotFound, TooManyMonitors
from journal.models import Crossing, Monitor
from journal.monitors import watching
from journal.monitors.rows import SLOTS
from ledger_project.log import sealing
from ledger_project.log.models import Event
from ledger_project.testing.api import Api
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("bob")
    return ledger


def monitor(books: Ledger, account: str, operator: str, value: int, **options: Any) -> str:
    done = books.run("register_monitor", account=account, operator=operator, value=value, **options)
    return str(done.document["result"]["monitor"]["id"])


def pay(books: Ledger, *amounts: int) -> None:
    """From alice to bob, or back where negative."""
    for amount in amounts:
        payer, payee = ("alice", "bob") if amount > 0 else ("bob", "alice")
        books.run("transfer", from_account=payer, to_account=payee, amount=abs(amount))


def watch() -> None:
    sealing.seal()
    watching.watch()


def triggers(books: Ledger) -> list[tuple[str, str, str]]:
    """Of every `monitor.triggered`: the monitor, the balance before and the balance."""
    events = Event.objects.filter(tenant=books.tenant, type="monitor.triggered").order_by("id")
    results = [event.result for event in events]
    return [(r["monitor"]["id"], r["crossing"]["balance_before"], r["crossing"]["balance"]) for r in results]


def test_each_crossing_is_told_once(books: Ledger) -> None:
    low = monitor(books, "alice", "lt", 50)
    pay(books, 40, 20, 10, -60, 60)

    watch()
    watch()

    assert triggers(books) == [(low, "60", "40"), (low, "90", "30")]
    last = Event.objects.filter(tenant=books.tenant, type="monitor.triggered").latest("id")
    entry = Event.objects.filter(tenant=books.tenant, type="transfer.posted").latest("id")
    assert last.result["crossing"]["event"] == f"evt_{entry.pk.hex}"
    assert last.actor == "system:monitors"
    assert Monitor.objects.get(tenant=books.tenant).triggered_at == last.recorded_at


@pytest.mark.parametrize(
    ("operator", "value", "crossed"),
    [
        ("lt", 60, [("60", "59")]),
        ("lte", 60, [("100", "60")]),
        ("gt", 60, [("59", "61")]),
        ("gte", 60, [("59", "61")]),
        ("eq", 60, [("100", "60")]),
        ("gt", 1000, []),
    ],
)
def test_every_comparison_has_its_edge(
    books: Ledger, operator: str, value: int, crossed: list[tuple[str, str]]
) -> None:
    monitor(books, "alice", operator, value)
    pay(books, 40, 1, -2)

    watch()

    assert [balances for _, *balances in triggers(books)] == [list(pair) for pair in crossed]


def test_what_is_true_already_is_told_when_it_becomes_true_again(books: Ledger) -> None:
    monitor(books, "alice", "gte", 100)
    books.run("mint", account="alice", amount=5)
    watch()
    assert triggers(books) == []

    pay(books, 50, -40)
    watch()
    assert triggers(books) == []
    pay(books, -10)
    watch()

    assert [balances for _, *balances in triggers(books)] == [["95", "105"]]


def test_what_was_before_the_monitor_is_not_told(books: Ledger) -> None:
    pay(books, 90)
    monitor(books, "alice", "lt", 50)

    watch()

    assert triggers(books) == []


def test_one_command_that_goes_and_comes_back_crosses_nothing(books: Ledger) -> None:
    monitor(books, "alice", "lt", 50)
    legs = [("alice", 60), ("bob", -60), ("bob", 60), ("alice", -60)]

    books.run("post_entry", description="there and back", postings=[{"account": a, "amount": n} for a, n in legs])
    watch()

    assert triggers(books) == []


def test_buckets_are_apart_and_drawn_credit_grows_with_its_use(books: Ledger) -> None:
    books.run("set_credit_limit", account="bob", credit_limit=100)
    drawn = monitor(books, "bob", "gt", 50, bucket="credit_used")
    monitor(books, "bob", "gt", 50, bucket="promo")

    books.run("transfer", from_account="bob", to_account="alice", amount=40)
    books.run("transfer", from_account="bob", to_account="alice", amount=20)
    watch()

    assert triggers(books) == [(drawn, "40", "60")]


def test_an_unbounded_account_is_watched_as_a_whole(books: Ledger) -> None:
    """Its entries go to many stripes, of which none knows the sum."""
    books.open("fees", unbounded=True, type="liability")
    books.run("mint", account="alice", amount=100_000)
    rich = monitor(books, "fees", "gte", 1000)
    watch()
    together([partial(pay_fees, books, n) for n in range(4)])
    watch()

    ((told, before, after),) = triggers(books)
    assert told == rich
    assert int(before) < 1000 <= int(after) == int(before) + 10
    assert int(Monitor.objects.get(tenant=books.tenant).running or 0) == books.balance("fees")["available"] == 1200


def pay_fees(books: Ledger, payer: int) -> None:
    for n in range(30):
        books.run("transfer", key=f"fee-{payer}-{n}", from_account="alice", to_account="fees", amount=10)


def test_a_random_walk_is_told_crossing_by_crossing(books: Ledger) -> None:
    books.open("pool", unbounded=True, type="liability")
    monitors = {
        monitor(books, account, operator, value): (account, operator, value)
        for account in ("alice", "pool")
        for operator, value in (("lt", 40), ("gte", 60), ("eq", 50))
    }
    dice = random.Random(11)
    balances, expected = {"alice": 100, "pool": 0}, []
    for _ in range(120):
        amount = dice.randrange(1, 40)
        payer, payee = ("alice", "pool") if dice.random() < 0.5 else ("pool", "alice")
        if payer == "alice" and balances["alice"] < amount:
            continue
        before = dict(balances)
        balances[payer] -= amount
        balances[payee] += amount
        books.run("transfer", from_account=payer, to_account=payee, amount=amount)
        expected += [
            (key, str(before[account]), str(balances[account]))
            for key, (account, operator, value) in monitors.items()
            if not compare(operator, before[account], value) and compare(operator, balances[account], value)
        ]
        if dice.random() < 0.1:
            watch()

    watch()

    assert sorted(triggers(books)) == sorted(expected)
    assert len(expected) > 20


def compare(operator: str, balance: int, value: int) -> bool:
    return {"lt": balance < value, "gte": balance >= value, "eq": balance == value}[operator]


def test_watching_again_from_the_start_changes_nothing(books: Ledger) -> None:
    monitor(books, "alice", "lt", 50)
    pay(books, 60, -60, 60)
    watch()
    told = triggers(books)
    assert len(told) == 2

    with connection.cursor() as cursor:
        cursor.execute("UPDATE journal_monitorcursor SET next_index = 0")
    watch()

    assert triggers(books) == told


def test_many_watchers_at_once_tell_once(books: Ledger) -> None:
    monitor(books, "alice", "lt", 50)
    pay(books, *[60, -60] * 10)
    sealing.seal()

    outcomes = together([watching.watch] * 4)

    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert len(triggers(books)) == 10


def test_a_watcher_killed_before_its_cursor_moved_repeats_without_a_second_event(books: Ledger) -> None:
    monitor(books, "alice", "lt", 50)
    pay(books, 60)
    sealing.seal()
    story = (
        "import os, signal, django\n"
        "django.setup()\n"
        "from journal.monitors import watching\n"
        "watching._advance = lambda *words: os.kill(os.getpid(), signal.SIGKILL)\n"
        "watching.watch()\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "ledger_project.settings"}
    killed = subprocess.run([sys.executable, "-c", story], cwd=ROOT, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(triggers(books)) == 1

    tasks.watch_balances()

    assert len(triggers(books)) == 1


def test_a_deleted_monitor_is_silent(books: Ledger) -> None:
    gone = monitor(books, "alice", "lt", 50)
    books.run("delete_monitor", monitor=gone)
    pay(books, 60)

    watch()

    assert triggers(books) == []
    with pytest.raises(MonitorNotFound):
        books.run("delete_monitor", monitor=gone)


def test_a_crossing_is_not_made_up(books: Ledger) -> None:
    low = monitor(books, "alice", "lt", 50)
    pay(books, 40)
    crossing = books.run("transfer", from_account="alice", to_account="bob", amount=20).document["id"]
    entry = crossing.replace("evt_", "ent_")
    elsewhere = books.run("mint", account="bob", amount=1).document["id"].replace("evt_", "ent_")
    for wrong in (
        {"entry": entry, "balance_before": 100, "balance": 40},
        {"entry": entry, "balance_before": 60, "balance": 20},
        {"entry": entry, "balance_before": 50, "balance": 30},
        {"entry": elsewhere, "balance_before": 60, "balance": 40},
        {"entry": f"ent_{'0' * 32}", "balance_before": 60, "balance": 40},
    ):
        with pytest.raises(MonitorNotCrossed):
            books.run("trigger_monitor", monitor=low, **wrong)

    books.run("trigger_monitor", monitor=low, entry=entry, balance_before=60, balance=40)
    with pytest.raises(AlreadyTriggered):
        books.run("trigger_monitor", monitor=low, entry=entry, balance_before=60, balance=40)
    watch()

    assert triggers(books) == [(low, "60", "40")]
    assert Crossing.objects.filter(tenant=books.tenant).count() == 1


def test_an_account_has_twenty_at_most_even_for_those_who_hurry(books: Ledger) -> None:
    calls = [lambda: monitor(books, "alice", "lt", 50) for _ in range(SLOTS // 2 + 1)]

    outcomes = together(calls) + together(calls)

    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(each) for each in refused] == [TooManyMonitors] * 2
    assert Monitor.objects.filter(tenant=books.tenant).count() == SLOTS
    monitor(books, "bob", "lt", 50)


def test_the_account_must_exist(books: Ledger) -> None:
    before = books.size()

    with pytest.raises(AccountNotFound):
        monitor(books, "nobody", "lt", 50)

    assert books.size() == before


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_the_database_forbids_it_by_itself(books: Ledger, alias: str) -> None:
    low = monitor(books, "alice", "lt", 50)
    monitor(books, "alice", "lt", 60)
    pay(books, 45)
    watch()
    assert len(triggers(books)) == 1
    statements = {
        TooManyMonitors.constraint: "UPDATE journal_monitor SET slot = 1 WHERE id = %(id)s",
        "monitor_slot": "UPDATE journal_monitor SET slot = 20 WHERE id = %(id)s",
        AlreadyTriggered.constraint: "INSERT INTO journal_crossing (event, entry, balance_before, balance, version,"
        " monitor_id, tenant_id) SELECT gen_random_uuid(), entry, balance_before, balance, version, monitor_id,"
        " tenant_id FROM journal_crossing WHERE tenant_id = %(tenant)s",
    }
    for name, sql in statements.items():
        with pytest.raises(IntegrityError) as refused, connections[alias].cursor() as cursor:
            cursor.execute(sql, {"id": low.removeprefix("mon_"), "tenant": books.tenant})
        assert refused.value.__cause__.diag.constraint_name == name  # type: ignore[union-attr]


def test_monitors_over_http(books: Ledger) -> None:
    api = Api(books)
    reply = api.post("/v1/monitors", {"account": "alice", "bucket": "available", "operator": "lt", "value": "50"})
    made = reply.json()["monitor"]
    assert reply.status_code == 201
    assert {name: made[name] for name in ("name", "bucket", "operator", "value", "currency", "triggered_at")} == {
        "name": "alice",
        "bucket": "available",
        "operator": "lt",
        "value": "50",
        "currency": "CRD",
        "triggered_at": None,
    }
    assert [balance["available"] for balance in reply.json()["balances"]] == ["100"]
    assert api.get("/v1/monitors?account=alice").json() == {"results": [made], "next": None}
    assert api.get("/v1/monitors?account=bob").json()["results"] == []
    assert Api(Ledger()).get("/v1/monitors").json()["results"] == []
    assert Api(Ledger()).post(f"/v1/monitors/{made['id']}", method="DELETE").status_code == 404
    for field, value in [("operator", "<"), ("bucket", "posted"), ("value", 1.5), ("value", None), ("limit", 1)]:
        body = {"account": "alice", "bucket": "available", "operator": "lt", "value": "50", field: value}
        assert api.post("/v1/monitors", body).json()["field"] == field

    deleted = api.post(f"/v1/monitors/{made['id']}", method="DELETE")

    assert deleted.json()["monitor"]["deleted_at"] is not None
    assert api.get("/v1/monitors").json()["results"] == []
