"""Each kind of fault turns exactly its check of a reconciliation red, and books without one are green every time.

The faults are planted by whoever owns the tables, with the triggers off, in a database of their own.
"""

from collections.abc import Iterator

import pytest
from django.db import connections

from journal.models import ReconciliationRun
from journal.reconciliation import running, telling
from ledger_project.log import sealing
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

ALICE = "(SELECT id FROM accounts_account WHERE name = 'alice')"
HERS = f"account_id = {ALICE}"
HASH = "0x" + "feed" * 16
FAULTS = {
    "trial_balance_zero": (
        "a posting that is of no entry, with its balance",
        "INSERT INTO journal_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)"
        " SELECT gen_random_uuid(), 0, account_id, stripe, 0, -7, available + 7, version + 1 FROM accounts_balance"
        f" WHERE {HERS};"
        " UPDATE accounts_balance SET available = available + 7, total_in = total_in + 7, version = version + 1"
        f" WHERE {HERS}",
        2,  # the sum of its currency, and the posting itself
    ),
    "balances_equal_postings": (
        "money that changed its bucket",
        f"UPDATE accounts_balance SET available = available - 1, fee_pool = fee_pool + 1 WHERE {HERS}",
        2,
    ),
    "versions_unbroken": (
        "a balance that was written once more than there are postings",
        f"UPDATE accounts_balance SET version = version + 1 WHERE {HERS}",
        1,
    ),
    "totals_equal_entries": (
        "money that came and went without an entry",
        f"UPDATE accounts_balance SET total_in = total_in + 5, total_out = total_out + 5 WHERE {HERS}",
        1,
    ),
    "entries_balance": (
        "an entry of no event, without postings",
        'INSERT INTO journal_entry (id, tenant_id, kind, effective_at, description, "references", metadata)'
        " SELECT gen_random_uuid(), tenant_id, kind, effective_at, '', '{}', '{}' FROM journal_entry LIMIT 1",
        2,
    ),
    "accounts_equal_log": (
        "an account that nobody froze",
        f"UPDATE accounts_balance SET status = 'frozen' WHERE {HERS}",
        1,
    ),
    "holds_equal_log": (
        "a hold for another reason",
        "UPDATE holds_hold SET reason = 'another'",
        1,
    ),
    "buckets_equal_open_holds": (
        "a hold on a stripe where its money is not",
        "UPDATE holds_hold SET stripe = 9",
        2,
    ),
    "promo_equals_grants": ("a grant of which more was spent", "UPDATE journal_promogrant SET spent = spent + 1", 1),
    "refunds_counted": (
        "an entry of which more was given back",
        "UPDATE journal_refundtotal SET refunded = refunded + 1 WHERE refunded > 0",
        1,
    ),
    "session_keys_count_spends": (
        "a session key that forgot what it paid",
        "UPDATE accounts_sessionkey SET spent_total = spent_total - 1, spent_day = spent_day - 1",
        1,
    ),
    "settlements_add_up": ("a batch that settled more", "UPDATE journal_settledrange SET net = net + 1", 1),
    "deposits_unique": (
        "a deposit that is there twice",
        "DROP INDEX duplicate_deposit;"
        " CREATE TEMP TABLE twice AS SELECT * FROM holds_deposit;"
        " UPDATE twice SET id = gen_random_uuid(), external_ref = '0X' || upper(substr(external_ref, 3));"
        " INSERT INTO holds_deposit SELECT * FROM twice",
        1,
    ),
    "webhooks_not_stuck": (
        "a webhook for which no worker comes",
        "UPDATE webhooks_cursor SET due_at = now() - interval '1 hour', rest_until = NULL, lease_until = NULL",
        1,
    ),
    "content_hashes": (
        "a transfer that is said to have been another",
        "UPDATE log_event SET payload = replace(payload::text, 'bob', 'eve')::json WHERE type = 'transfer.posted'",
        1,
    ),
    "log_gapless_and_root_equal": (
        "a leaf that was exchanged",
        "UPDATE log_leaf SET leaf_hash = sha256('another') WHERE log_index = 3",
        2,  # the leaf is not its event's, and the root is not the one that was signed
    ),
    "checkpoints_consistent": (
        "a checkpoint of another tree",
        "UPDATE log_checkpoint SET root = sha256('another') WHERE id = (SELECT min(id) FROM log_checkpoint)",
        1,
    ),
}
TABLES = [
    *("accounts_balance", "accounts_sessionkey", "holds_hold", "holds_deposit", "log_event", "log_leaf"),
    *("journal_entry", "journal_posting", "journal_promogrant", "journal_refundtotal", "journal_settledrange"),
    "log_checkpoint",
]


@pytest.fixture
def books() -> Iterator[Ledger]:
    """Books with one of everything that is checked, sealed in two steps."""
    with own_database():
        ledger = Ledger()
        ledger.open("alice", funded=1000)
        ledger.open("bob", "shop")
        ledger.run("transfer", from_account="alice", to_account="bob", amount=50)
        sealing.seal()
        ledger.run("place_hold", account="alice", to_account="shop", amount=20, reason="a job")
        ledger.run("promo_mint", account="bob", amount=10)
        key = ledger.answer("issue_session_key", account="alice", max_total=100)["session_key"]["id"]
        paid = ledger.answer("spend", account="alice", to_account="shop", amount=30, session_key=key)["entry"]["id"]
        ledger.run("refund", entry=paid, amount=5)
        ledger.run("record_deposit", account="bob", amount=40, source="base", external_ref=HASH, confirmed=True)
        ledger.run("open_clearing_account", domain="eu")
        ledger.run("spend", account="alice", to_account="clearing:eu", amount=8)
        ledger.run("settle_batch", netting_batch_id="net-1")
        ledger.run("register_webhook", url="https://receiver.example/", types=["*"])
        sealing.seal()
        yield ledger


def reconcile(books: Ledger) -> ReconciliationRun:
    books.run("request_reconciliation", reason="a test")
    assert len(running.run_waiting()) == 1
    return ReconciliationRun.objects.filter(tenant=books.tenant).latest("id")


@pytest.mark.parametrize("check", FAULTS)
def test_a_planted_fault_turns_exactly_its_check_red(books: Ledger, check: str) -> None:
    what, statements, count = FAULTS[check]
    with connections["owner"].cursor() as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner.execute(statements)

    run = reconcile(books)

    assert telling.red(run) == {check: count}, what
    assert {finding.check_name for finding in run.findings.all()} == {check}


def test_every_check_has_its_fault() -> None:
    assert {check.name for check in running.checks()} == FAULTS.keys()


def test_books_without_a_fault_are_green_twenty_times(books: Ledger) -> None:
    """While they are written to, and whether that is sealed or not."""
    for number in range(20):
        books.run("transfer", from_account="alice", to_account="bob", amount=number + 1)
        if number % 3 == 0:
            sealing.seal()

        run = reconcile(books)

        assert (run.status, run.mismatches, telling.red(run)) == ("matched", 0, {})
    assert ReconciliationRun.objects.filter(tenant=books.tenant, mismatches=0).count() == 20
