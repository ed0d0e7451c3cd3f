"""Each kind of fault turns its check of a reconciliation red, and books without one are green every time.

The faults are planted by whoever owns the tables, with the triggers off, in a database of their own. What two checks
hold turns both of them red, and those are named; no other is.
"""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db import connections

from journal.errors import ReconciliationUnderWay
from journal.models import ReconciliationRun
from journal.reconciliation import notify, running
from ledger_project.log import sealing
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.tests.everything import everything

pytestmark = pytest.mark.slow

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
    "budgets_equal_log": (
        "a budget of which less was used",
        "UPDATE accounts_budgetwindow SET used = used - 1 WHERE used > 0 AND ends_at IS NULL",
        1,
    ),
    "prices_equal_log": (
        "a price that was published otherwise",
        "UPDATE usage_priceversion SET markup_bps = markup_bps + 1",
        1,
    ),
    "usage_equals_log": (
        "an account that carries less to its next charge",
        "UPDATE usage_meter SET remainder = remainder + 1 WHERE counts::text LIKE '%\"m requests\": 8%'",
        1,
    ),
    "holds_equal_log": (
        "a hold for another reason",
        "UPDATE holds_hold SET reason = 'another' WHERE kind = 'stake'",
        1,
    ),
    "payments_equal_log": (
        "a payment that may be taken for longer",
        "UPDATE holds_paymentauthorization SET expires_at = expires_at + interval '1 day'",
        1,
    ),
    "buckets_equal_open_holds": (
        "a hold on a stripe where its money is not",
        "UPDATE holds_hold SET stripe = 9 WHERE kind = 'stake'",
        2,
        "holds_equal_log",
    ),
    "promo_equals_grants": (
        "a grant of which more was spent",
        "UPDATE journal_promogrant SET spent = spent + 1 WHERE expires_at IS NULL AND NOT automatic",
        1,
        "promo_grants_equal_log",
    ),
    "refunds_counted": (
        "an entry of which more was given back",
        "UPDATE journal_refundtotal SET refunded = refunded + 1 WHERE amount = 30",
        1,
    ),
    "session_keys_count_spends": (
        "a session key that forgot what it paid",
        "UPDATE accounts_sessionkey SET spent_total = spent_total - 1, spent_day = spent_day - 1",
        1,
        "session_keys_equal_log",
    ),
    "settlements_add_up": (
        "a batch that settled more",
        "UPDATE journal_settledrange SET net = net + 1",
        1,
        "clearing_equals_log",
    ),
    "deposits_unique": (
        "a deposit that is there twice",
        "DROP INDEX duplicate_deposit;"
        " CREATE TEMP TABLE twice AS SELECT * FROM holds_deposit WHERE status = 'confirmed' AND topup IS NULL;"
        " UPDATE twice SET id = gen_random_uuid(), external_ref = '0X' || upper(substr(external_ref, 3));"
        " INSERT INTO holds_deposit SELECT * FROM twice",
        1,
        "deposits_equal_log",
    ),
    "currencies_equal_log": (
        "a currency that bears another name",
        "UPDATE accounts_currency SET name = 'Euro' WHERE code = 'EUR'",
        1,
    ),
    "agent_currency_equals_log": (
        "agents who have another currency",
        "UPDATE holds_agentcurrency SET currency = 'EUR'",
        1,
    ),
    "api_keys_equal_log": (
        "a key that is no longer revoked, and one that nobody issued",
        "UPDATE accounts_apikey SET revoked_at = NULL;"
        " INSERT INTO accounts_apikey (id, tenant_id, name, prefix, digest, scopes, created_at, lineage, identity)"
        " SELECT gen_random_uuid(), tenant_id, 'mine', prefix, sha256('mine'), '[\"*\"]', now(), '{}', 'me'"
        " FROM accounts_apikey LIMIT 1",
        2,
    ),
    "session_keys_equal_log": ("a session key with a wider cap", "UPDATE accounts_sessionkey SET max_total = 9000", 1),
    "reversals_equal_log": (
        "an entry that is said to reverse another",
        "UPDATE journal_entry SET reverses_id = (SELECT id FROM journal_entry WHERE kind = 'spend' LIMIT 1)"
        " WHERE reverses_id IS NOT NULL",
        1,
    ),
    "promo_grants_equal_log": (
        "a grant that lasts for ever",
        "UPDATE journal_promogrant SET expires_at = NULL WHERE expires_at IS NOT NULL AND NOT automatic",
        1,
    ),
    "billing_records_equal_log": (
        "a payment of somebody else",
        "UPDATE journal_billingrecord SET party = 'c-2' WHERE kind = 'payment'",
        1,
    ),
    "clearing_equals_log": (
        "a batch of another id",
        "UPDATE journal_settlementbatch SET netting_batch_id = 'net-2'",
        1,
    ),
    "topups_equal_log": (
        "an account that asks for money sooner",
        "UPDATE holds_topup SET below = below + 1 WHERE url IS NOT NULL",
        1,
    ),
    "monitors_equal_log": ("a line drawn elsewhere", "UPDATE journal_monitor SET value = 1 WHERE operator = 'lt'", 1),
    "statements_equal_log": (
        "a statement of more than there was",
        "UPDATE journal_issuedstatement SET total_in = total_in + 1, total_out = total_out + 1 WHERE total_in > 0",
        2,
    ),
    "external_statements_equal_log": (
        "a file that says something else",
        "UPDATE journal_externalstatement SET content = content || ' '",
        1,
    ),
    "external_lines_equal_log": (
        "a line that bears another reference",
        "UPDATE journal_externalline SET reference = 'r-9' WHERE number = 2",
        1,
    ),
    "external_matches_equal_log": (
        "a match that was found by other means, and one for another reason",
        "UPDATE journal_externalmatch SET how = 'amount' WHERE how = 'reference';"
        " UPDATE journal_externalmatch SET reason = 'none' WHERE kind = 'resolved' AND undone_at IS NULL",
        2,
    ),
    "adjustments_equal_log": (
        "an adjustment that somebody else approved",
        "UPDATE journal_externaladjustment SET decided_by = 'carol' WHERE status = 'posted'",
        1,
    ),
    "reconciliations_equal_log": (
        "a reconciliation that somebody else asked for",
        "UPDATE journal_reconciliationrun SET requested_by = 'carol' WHERE finished_at IS NOT NULL",
        1,
    ),
    "deposits_equal_log": (
        "a deposit of more",
        "UPDATE holds_deposit SET amount = amount + 1 WHERE status = 'confirmed' AND topup IS NULL",
        1,
    ),
    "reserves_equal_log": (
        "an asset of which all is counted",
        "UPDATE reserves_reserveasset SET haircut_bps = 0 WHERE name = 'bank'",
        1,
    ),
    "attestations_equal_log": ("an attestation of another day", "UPDATE reserves_attestation SET as_of = now()", 1),
    "attested_leaves_add_up": (
        "leaves that were salted anew",
        "UPDATE reserves_attestationleaf SET salt = sha256('another')",
        1,
    ),
    "webhooks_equal_log": (
        "a webhook that tells somebody else",
        "UPDATE webhooks_endpoint SET url = 'https://elsewhere.example/' WHERE enabled AND deleted_at IS NULL",
        1,
    ),
    "webhooks_not_stuck": (
        "a webhook for which no worker comes",
        "UPDATE webhooks_cursor SET due_at = now() - interval '1 hour', rest_until = NULL, lease_until = NULL",
        1,
    ),
    "content_hashes": (
        "a transfer that is said to have been another",
        "UPDATE log_event SET payload = replace(payload::text, 'bob', 'eve')::json WHERE payload::text LIKE '%books%'",
        1,
    ),
    "log_gapless_and_root_equal": (
        "a leaf that was exchanged",
        "UPDATE log_leaf SET leaf_hash = sha256('another') WHERE log_index = 3",
        3,  # the leaf is not its event's, its subtree not that of its leaves, and the root not the one that was signed
    ),
    "checkpoints_consistent": (
        "a checkpoint of another tree",
        "UPDATE log_checkpoint SET root = sha256('another') WHERE id = (SELECT min(id) FROM log_checkpoint)",
        1,
    ),
}
TABLES = [
    *("accounts_account", "accounts_apikey", "accounts_balance", "accounts_currency", "accounts_sessionkey"),
    *("accounts_budget", "accounts_budgetwindow", "usage_priceversion", "usage_usage", "usage_meter"),
    *("holds_hold", "holds_deposit", "holds_paymentauthorization", "holds_agentcurrency"),
    *("holds_topup", "holds_topuprequest"),
    *("journal_entry", "journal_posting", "journal_promogrant", "journal_refundtotal"),
    *("journal_settledrange", "journal_settlementbatch", "journal_billingrecord", "journal_monitor"),
    *("journal_issuedstatement", "journal_externalstatement", "journal_externalline", "journal_externalmatch"),
    *("journal_externaladjustment", "journal_reconciliationrun", "log_checkpoint", "log_event", "log_leaf"),
    *("reserves_attestation", "reserves_attestationleaf", "reserves_reserveasset", "webhooks_endpoint"),
]


@pytest.fixture(scope="module")
def whole() -> Iterator[tuple[str, Ledger]]:
    """A database with a row in every table, which each fault gets a copy of."""
    with own_database() as name:
        ledger = everything()
        reconcile(ledger)
        connections.close_all()
        yield name, ledger


@pytest.fixture
def books(whole: tuple[str, Ledger]) -> Iterator[Ledger]:
    name, ledger = whole
    with own_database(copy_of=name):
        yield ledger


def reconcile(books: Ledger) -> ReconciliationRun:
    with suppress(ReconciliationUnderWay):
        books.run("request_reconciliation", reason="a test")
    assert len(running.run_waiting()) == 1
    return ReconciliationRun.objects.filter(tenant=books.tenant).latest("id")


@pytest.mark.parametrize("check", FAULTS)
def test_a_planted_fault_turns_its_check_red(books: Ledger, check: str) -> None:
    what, statements, count, *others = FAULTS[check]
    with connections["owner"].cursor() as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner.execute(statements)

    run = reconcile(books)

    red = notify.red(run)
    assert (red.get(check), red.keys()) == (count, {check, *others}), what
    assert {finding.check_name for finding in run.findings.all()} == {check, *others}


def test_every_check_has_its_fault() -> None:
    assert {check.name for check in running.checks()} == FAULTS.keys()


def test_books_without_a_fault_are_green_twenty_times(books: Ledger) -> None:
    """While they are written to, and whether that is sealed or not."""
    for number in range(20):
        books.run("transfer", from_account="alice", to_account="bob", amount=number + 1)
        if number % 3 == 0:
            sealing.seal()

        run = reconcile(books)

        assert (run.status, run.mismatches, notify.red(run)) == ("matched", 0, {})
    assert ReconciliationRun.objects.filter(tenant=books.tenant, mismatches=0).count() == 21
