"""The numbered cases of docs/concurrency.md, each with real threads on real connections."""

from collections import Counter
from functools import partial
from itertools import pairwise

import pytest
from django.db import connection, connections, transaction

from accounts.errors import AccountExists, InsufficientFunds
from journal.models import Entry, Posting
from ledger_project.kernel.errors import IdempotencyKeyReused
from ledger_project.log.executor import BatchRefused, Done, Result
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger


def outcome(result: Result) -> str:
    """accepted, replayed, or the name of what went wrong."""
    if isinstance(result, Done):
        return "replayed" if result.replayed else "accepted"
    return type(result).__name__


def lowest_balance(ledger: Ledger) -> int:
    """The lowest a bounded bucket ever was, at any version."""
    postings = Posting.objects.filter(entry__tenant=ledger.tenant, account__unbounded=False)
    return min(int(posting.balance_after) for posting in postings)


def test_case_1_one_key_from_32_threads_posts_once(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    ledger.open("bob")
    once = partial(ledger.run, "transfer", key="k", from_account="alice", to_account="bob", amount=10)

    results = together([once] * 32)

    assert Counter(map(outcome, results)) == {"accepted": 1, "replayed": 31}
    assert len({result.document["id"] for result in results if isinstance(result, Done)}) == 1
    assert len({str(result.document) for result in results if isinstance(result, Done)}) == 1
    assert ledger.balance("bob") == {"available": 10}


def test_case_2_one_key_with_other_content_is_refused_to_the_others(ledger: Ledger) -> None:
    ledger.open("alice", "carol", funded=1000)
    ledger.open("bob")
    payers = ["alice", "carol"] * 16
    calls = [
        partial(ledger.run, "transfer", key="k", from_account=payer, to_account="bob", amount=10) for payer in payers
    ]

    results = together(calls)

    winner = next(payers[i] for i, result in enumerate(results) if outcome(result) == "accepted")
    assert Counter(map(outcome, results)) == {"accepted": 1, "replayed": 15, "IdempotencyKeyReused": 16}
    for payer, result in zip(payers, results, strict=True):
        if payer != winner:
            assert isinstance(result, IdempotencyKeyReused)
            assert result.facts["fields"] == ["from_account"]
    assert ledger.balance("bob") == {"available": 10}


def test_case_3_a_balance_is_never_spent_twice(ledger: Ledger) -> None:
    ledger.open("alice", funded=1000)
    ledger.open("shop", unbounded=True)

    def spend_until_refused() -> int:
        spent = 0
        for _ in range(20):
            try:
                ledger.run("transfer", key=None, from_account="alice", to_account="shop", amount=7)
            except InsufficientFunds:
                continue
            spent += 1
        return spent

    counts = together([spend_until_refused] * 16)

    assert sum(count for count in counts if isinstance(count, int)) == 1000 // 7
    assert ledger.balance("alice") == {"available": 1000 % 7}
    assert lowest_balance(ledger) >= 0


def test_case_4_opposite_directions_never_deadlock(ledger: Ledger) -> None:
    ledger.open("alice", "bob", funded=50)

    def pay(payer: str, receiver: str) -> Counter[str]:
        seen: Counter[str] = Counter()
        for _ in range(10):
            try:
                ledger.run("transfer", from_account=payer, to_account=receiver, amount=7)
                seen["accepted"] += 1
            except InsufficientFunds:
                seen["refused"] += 1
        return seen

    results = together([partial(pay, "alice", "bob"), partial(pay, "bob", "alice")] * 32)

    totals = sum((result for result in results if isinstance(result, Counter)), Counter[str]())
    assert totals.total() == 640, "some caller saw an error that is no refusal"
    assert Entry.objects.filter(tenant=ledger.tenant, kind="transfer").count() == totals["accepted"]
    assert ledger.balance("alice").get("available", 0) + ledger.balance("bob").get("available", 0) == 100
    assert lowest_balance(ledger) >= 0


def test_case_5_an_account_is_opened_once(ledger: Ledger) -> None:
    calls = [partial(ledger.run, "open_account", key=f"open-{n}", name="alice") for n in range(16)]

    results = together(calls)

    assert Counter(map(outcome, results)) == {"accepted": 1, AccountExists.__name__: 15}


def test_case_5b_ensure_gives_all_callers_the_one_account_and_mints_once(ledger: Ledger) -> None:
    calls = [
        partial(ledger.run, "ensure_account", key=f"ensure-{n}", account="alice", initial_balance=100)
        for n in range(16)
    ]

    results = together(calls)

    assert Counter(map(outcome, results)) == {"accepted": 16}
    assert len({result.document["result"]["account"]["id"] for result in results if isinstance(result, Done)}) == 1
    assert ledger.balance("alice") == {"available": 100}


def test_case_6_writers_to_an_unbounded_account_do_not_wait_for_each_other(ledger: Ledger) -> None:
    names = [f"agent-{n}" for n in range(8)]
    ledger.open(*names, funded=100)
    ledger.open("fees", unbounded=True, type="revenue")

    results = together(
        [partial(ledger.run, "transfer", from_account=name, to_account="fees", amount=5) for name in names]
    )

    assert {outcome(result) for result in results} == {"accepted"}
    assert ledger.balance("fees") == {"available": 40}


def test_case_7_bulks_over_the_same_accounts_in_opposite_order_both_pass(ledger: Ledger) -> None:
    names = [f"agent-{n}" for n in range(20)]
    ledger.open(*names, funded=1000)

    def bulk(order: list[str]) -> list[str]:
        pairs = pairwise(order)
        calls = [ledger.call("transfer", from_account=a, to_account=b, amount=1) for a, b in pairs]
        return [outcome(result) for result in ledger.execute(*calls)]

    results = together([partial(bulk, names), partial(bulk, names[::-1])] * 8)

    assert {word for words in results if isinstance(words, list) for word in words} == {"accepted"}
    assert sum(ledger.balance(name)["available"] for name in names) == 20_000


def test_case_8_an_atomic_batch_is_stored_as_a_whole_or_not_at_all(ledger: Ledger) -> None:
    ledger.open("alice", funded=49)
    ledger.open("bob")
    before = ledger.size()
    calls = [ledger.call("transfer", from_account="alice", to_account="bob", amount=1) for _ in range(50)]

    with pytest.raises(BatchRefused) as refused:
        ledger.execute(*calls, atomic=True)

    assert refused.value.index == 49
    assert isinstance(refused.value.results[49], InsufficientFunds)
    assert ledger.size() == before
    assert ledger.balance("alice") == {"available": 49}


def test_case_9_a_batch_inside_the_callers_transaction_goes_with_it(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    before = ledger.size()

    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.run("open_account", name="bob")
        ledger.run("transfer", from_account="alice", to_account="bob", amount=10)
        raise RuntimeError("the caller changes its mind")

    assert ledger.size() == before
    ledger.run("open_account", name="bob")
    ledger.run("transfer", from_account="alice", to_account="bob", amount=10)
    assert ledger.balance("bob") == {"available": 10}


def test_case_10_a_lost_connection_is_taken_up_again_with_the_same_key(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    ledger.open("bob")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    with connections["owner"].cursor() as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    ledger.run("transfer", key="k", from_account="alice", to_account="bob", amount=10)

    assert ledger.balance("bob") == {"available": 10}


def test_case_11_long_batches_with_common_keys_in_opposite_order_post_each_once(ledger: Ledger) -> None:
    for n in range(6):
        ledger.open(f"payer-{n}", funded=1000)
    ledger.open("shop", unbounded=True)
    keys = [f"common-{n}" for n in range(250)]

    def bulk(payer: str, order: list[str]) -> list[str]:
        calls = [ledger.call("transfer", key=key, from_account=payer, to_account="shop", amount=1) for key in order]
        return [outcome(result) for result in ledger.execute(*calls)]

    results = together([partial(bulk, f"payer-{n}", keys[:: 1 if n % 2 else -1]) for n in range(6)])

    words = Counter(word for result in results if isinstance(result, list) for word in result)
    assert words == {"accepted": 250, "IdempotencyKeyReused": 250 * 5}
    assert ledger.balance("shop") == {"available": 250}
