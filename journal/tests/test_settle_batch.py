"""settle_batch: each domain's net position is brought to the settlement account, and nothing is settled twice."""

import contextlib
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    NormalBalanceMismatch,
    SameAccount,
)
from accounts.models import Balance
from journal.clearing import rows as clearing
from journal.clearing.settlements import SettledEntries
from journal.errors import ClearingAccountNotFound, NothingToSettle, NotReversible, SettlementExists, UnsettledBefore
from journal.models import SettledRange, SettlementBatch
from journal.replay import replay
from journal.tests.odd import odd_accounts
from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

SETTLEMENT = "platform:settlement:CRD"


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    """Alice sent 70 to eu and got 20 from it, Bob got 30 from us: eu is owed 50, us owes 30."""
    ledger.open("alice", "bob", funded=100)
    for domain in ("eu", "us"):
        ledger.run("open_clearing_account", domain=domain)
    transfer(ledger, "alice", "clearing:eu", 70)
    transfer(ledger, "clearing:eu", "alice", 20)
    transfer(ledger, "clearing:us", "bob", 30)
    return ledger


def transfer(books: Ledger, payer: str, receiver: str, amount: int) -> str:
    answer = books.answer("transfer", from_account=payer, to_account=receiver, amount=amount)
    return str(answer["entry"]["id"])


def settle(books: Ledger, batch: str, **more: Any) -> dict[str, Any]:
    return books.answer("settle_batch", netting_batch_id=batch, **more)


def nets(answer: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Net position and number of postings, by domain."""
    positions = answer["settlement"]["positions"]
    return {position["domain"]: (int(position["net"]), position["postings"]) for position in positions}


def test_positions_are_brought_to_the_settlement_account_by_one_entry(books: Ledger) -> None:
    answer = settle(books, "net-1")

    assert nets(answer) == {"eu": (50, 2), "us": (-30, 1)}
    assert answer["entry"]["references"] == {"netting_batch_id": "net-1"}
    assert [(leg["name"], int(leg["amount"])) for leg in answer["entry"]["postings"]] == [
        ("clearing:eu", 50),
        (SETTLEMENT, -50),
        (SETTLEMENT, 30),
        ("clearing:us", -30),
    ]
    assert books.balance("clearing:eu") == books.balance("clearing:us") == {}
    assert books.balance(SETTLEMENT) == {"available": 20}
    assert books.tail() == ["batch.settled"]
    assert answer["settlement"]["more"] is False
    assert replay(books.tenant) == []


def test_nothing_is_settled_twice(books: Ledger) -> None:
    settle(books, "net-1")
    before = books.size()

    with pytest.raises(NothingToSettle):
        settle(books, "net-2")
    with pytest.raises(SettlementExists) as refused:
        settle(books, "net-1")

    first = SettlementBatch.objects.get(tenant=books.tenant)
    assert refused.value.facts == {"netting_batch_id": "net-1", "settlement": f"stl_{first.id.hex}"}
    assert books.size() == before
    assert books.balance(SETTLEMENT) == {"available": 20}


def test_the_next_batch_settles_what_came_after(books: Ledger) -> None:
    settle(books, "net-1")
    transfer(books, "bob", "clearing:us", 5)

    answer = settle(books, "net-2")

    assert nets(answer) == {"eu": (0, 0), "us": (5, 1)}
    assert books.balance(SETTLEMENT) == {"available": 25}
    assert replay(books.tenant) == []


def test_a_batch_can_be_drilled_down_to_its_entries(books: Ledger) -> None:
    first = settle(books, "net-1")
    later = transfer(books, "bob", "clearing:us", 5)
    second = settle(books, "net-2")

    kinds = [
        [
            (entry["kind"], entry["id"])
            for entry in SettledEntries(books.tenant, each["settlement"]["id"]).page(None, 10)[0]
        ]
        for each in (first, second)
    ]

    assert [kind for kind, _ in kinds[0]] == ["transfer"] * 3
    assert kinds[1] == [("transfer", later)]


def test_only_the_domains_asked_for_are_settled(books: Ledger) -> None:
    answer = settle(books, "net-1", domains=["us"])

    assert nets(answer) == {"us": (-30, 1)}
    assert books.balance("clearing:eu") == {"available": 50}
    assert nets(settle(books, "net-2")) == {"eu": (50, 2), "us": (0, 0)}


def test_positions_that_cancel_out_are_settled_without_an_entry(books: Ledger) -> None:
    transfer(books, "clearing:eu", "alice", 50)

    answer = settle(books, "net-1", domains=["eu"])

    assert answer["entry"] is None
    assert nets(answer) == {"eu": (0, 3)}
    with pytest.raises(NothingToSettle):
        settle(books, "net-2", domains=["eu"])


def test_a_named_settlement_account_takes_and_gives(books: Ledger) -> None:
    books.open("bank")

    settle(books, "net-1", settlement_account="bank")

    assert books.balance("bank") == {"available": 20}


def test_a_bounded_settlement_account_is_not_overdrawn(books: Ledger) -> None:
    books.open("bank", funded=29)
    before = books.size()

    with pytest.raises(InsufficientFunds):
        settle(books, "net-1", domains=["us"], settlement_account="bank")

    assert books.size() == before
    assert books.balance("clearing:us") == {"available": -30}
    assert not SettledRange.objects.filter(tenant=books.tenant).exists()


def test_a_window_ends_before_its_end_and_leaves_the_rest(books: Ledger) -> None:
    with clock.moved(timedelta(days=1)):
        transfer(books, "alice", "clearing:eu", 7)
    midnight = clock.stamp(clock.now() + timedelta(hours=12))

    first = settle(books, "day-1", window={"to": midnight})
    with clock.moved(timedelta(days=2)):
        second = settle(books, "day-2", window={"from": midnight})

    assert nets(first) == {"eu": (50, 2), "us": (-30, 1)}
    assert nets(second) == {"eu": (7, 1), "us": (0, 0)}
    assert first["settlement"]["window"] == {"from": None, "to": midnight}
    assert books.balance(SETTLEMENT) == {"available": 27}
    assert replay(books.tenant) == []


def test_a_window_that_would_step_over_entries_is_refused(books: Ledger) -> None:
    before = books.size()
    tomorrow = clock.stamp(clock.now() + timedelta(days=1))

    with pytest.raises(UnsettledBefore) as refused:
        settle(books, "day-2", window={"from": tomorrow})

    assert refused.value.facts["domain"] == "eu"
    assert books.size() == before
    settle(books, "day-1", window={"to": tomorrow})
    with pytest.raises(NothingToSettle):
        settle(books, "day-2", window={"from": tomorrow})


def test_two_batches_of_one_call_settle_one_after_the_other(books: Ledger) -> None:
    with clock.moved(timedelta(days=1)):
        transfer(books, "alice", "clearing:eu", 7)
    midnight = clock.stamp(clock.now() + timedelta(hours=12))

    results = books.execute(
        books.call("settle_batch", netting_batch_id="day-1", window={"to": midnight}),
        books.call("settle_batch", netting_batch_id="day-2", window={"from": midnight}),
        books.call("settle_batch", netting_batch_id="day-3"),
        books.call("settle_batch", netting_batch_id="day-1"),
    )

    documents = [result.document["result"]["settlement"]["positions"] for result in results[:2]]  # type: ignore[union-attr]
    assert [[position["net"] for position in document] for document in documents] == [["50", "-30"], ["7", "0"]]
    assert [type(result) for result in results[2:]] == [NothingToSettle, SettlementExists]
    assert books.balance(SETTLEMENT) == {"available": 27}
    assert replay(books.tenant) == []


def test_batches_at_once_settle_each_entry_once(books: Ledger) -> None:
    calls = [books.call("settle_batch", netting_batch_id=f"net-{n}") for n in range(8)]

    results = [outcome[0] for outcome in together([partial(books.execute, call) for call in calls])]  # type: ignore[index]

    assert Counter(type(result).__name__ for result in results) == {"Done": 1, "NothingToSettle": 7}
    assert books.balance(SETTLEMENT) == {"available": 20}


def test_transfers_and_settlements_at_once_lose_nothing(books: Ledger) -> None:
    books.run("mint", account="alice", amount=10_000)

    def pay(n: int) -> None:
        books.execute(books.call("transfer", from_account="alice", to_account="clearing:eu", amount=1 + n % 3))

    def settle_some(n: int) -> None:
        books.execute(books.call("settle_batch", netting_batch_id=f"race-{n}"))

    jobs = [partial(pay, n) for n in range(40)] + [partial(settle_some, n) for n in range(6)]
    outcomes = together(jobs[::2] + jobs[1::2])
    with contextlib.suppress(NothingToSettle):
        settle(books, "last")

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    stripes = Balance.objects.filter(tenant=books.tenant, account__name="clearing:eu", version__gt=0)
    assert stripes.count() > 1
    assert books.balance("clearing:eu") == {}
    assert books.balance(SETTLEMENT) == {"available": 20 + sum(1 + n % 3 for n in range(40))}
    assert replay(books.tenant) == []


def test_a_batch_takes_on_a_bounded_number_of_postings(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "MAX_POSTINGS", 16)  # one of each stripe
    for _ in range(3):
        transfer(books, "alice", "clearing:eu", 1)

    answers = []
    with contextlib.suppress(NothingToSettle):
        while not answers or answers[-1]["settlement"]["more"]:
            answers.append(settle(books, f"part-{len(answers)}", domains=["eu"]))

    assert len(answers) >= 5
    assert max(nets(answer)["eu"][1] for answer in answers) == 1
    assert sum(nets(answer)["eu"][0] for answer in answers) == 53
    assert books.balance("clearing:eu") == {}
    assert replay(books.tenant) == []


def test_a_settlement_is_not_reversed(books: Ledger) -> None:
    entry = settle(books, "net-1")["entry"]["id"]

    with pytest.raises(NotReversible):
        books.run("reverse_entry", entry=entry)


def test_each_currency_is_settled_to_its_own_account(books: Ledger) -> None:
    books.run("register_currency", code="EUR", scale=2)
    books.open("euro", currency="EUR", funded=100)
    books.run("open_clearing_account", domain="eu", currency="EUR")
    transfer(books, "euro", "clearing:eu:EUR", 40)

    settle(books, "net-1", domains=["eu"])

    assert books.balance(SETTLEMENT) == {"available": 50}
    assert books.balance("platform:settlement:EUR") == {"available": 40}


LATER, EARLIER = "2100-01-02T00:00:00Z", "2100-01-01T00:00:00Z"
REFUSALS = [
    (InvalidRequest, {"netting_batch_id": "old", "window": {"from": LATER, "to": EARLIER}, "domains": ["xx"]}),
    (SettlementExists, {"netting_batch_id": "old", "domains": ["xx"]}),
    (ClearingAccountNotFound, {"domains": ["eu", "xx"], "window": {"from": LATER}}),
    (UnsettledBefore, {"window": {"from": LATER}, "settlement_account": "nobody"}),
    (NothingToSettle, {"domains": ["idle"], "settlement_account": "nobody"}),
    (AccountNotFound, {"domains": ["eu"], "settlement_account": "nobody"}),
    (SameAccount, {"domains": ["eu"], "settlement_account": "clearing:eu"}),
    (CurrencyMismatch, {"domains": ["eu"], "settlement_account": "euro"}),
    (NormalBalanceMismatch, {"domains": ["eu"], "settlement_account": "cash"}),
    (AccountClosed, {"domains": ["eu"], "settlement_account": "gone"}),
    (AccountFrozen, {"domains": ["us"], "settlement_account": "ice"}),
    (InsufficientFunds, {"domains": ["us"], "settlement_account": "poor"}),
]


@pytest.mark.parametrize(("refusal", "arguments"), REFUSALS)
def test_refusals_come_in_their_order_and_settle_nothing(books: Ledger, refusal, arguments) -> None:
    books.run("open_clearing_account", domain="idle")
    books.run("open_clearing_account", domain="old")
    transfer(books, "alice", "clearing:old", 1)
    settle(books, "old", domains=["old"])
    odd_accounts(books)
    before = books.size()

    with pytest.raises(refusal):
        books.run("settle_batch", **{"netting_batch_id": "new", **arguments})

    assert books.size() == before
    assert SettlementBatch.objects.filter(tenant=books.tenant).count() == 1
    assert books.balance("clearing:eu") == {"available": 50}


def test_another_tenants_domains_are_not_found(books: Ledger) -> None:
    other = Ledger()

    with pytest.raises(NothingToSettle):
        settle(other, "net-1")
    with pytest.raises(ClearingAccountNotFound):
        settle(other, "net-1", domains=["eu"])
