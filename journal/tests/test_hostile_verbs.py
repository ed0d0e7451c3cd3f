"""What PostgreSQL forbids of refunds, grants, session keys, billing records and settlements, whoever asks."""

import uuid

import pytest
from django.db import DatabaseError, ProgrammingError, connections

from journal.replay import replay
from ledger_project.kernel.errors import Refusal
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    """One row of everything: a refund, a grant, a used and a revoked key, a payment, a settled batch."""
    ledger.open("alice", funded=100)
    ledger.open("shop")
    key = ledger.answer(
        "issue_session_key", account="alice", max_per_spend=10, max_per_day=20, max_total=30, expires_in=3600
    )["session_key"]["id"]
    spent = ledger.answer("spend", account="alice", to_account="shop", amount=10, session_key=key)
    ledger.run("refund", entry=spent["entry"]["id"], amount=4)
    gone = ledger.answer("issue_session_key", account="shop")["session_key"]["id"]
    ledger.run("revoke_session_key", session_key=gone)
    ledger.run("promo_mint", account="alice", amount=10)
    ledger.run("record_payment", payment_intent_id="pi_1", customer_id="cus_1", amount=10, currency="CRD")
    ledger.run("open_clearing_account", domain="eu")
    ledger.run("transfer", from_account="alice", to_account="clearing:eu", amount=5)
    ledger.run("settle_batch", netting_batch_id="net-1")
    return ledger


ALICES = "account_id = (SELECT id FROM accounts_account WHERE tenant_id = {tenant} AND name = 'alice')"
SHOPS = ALICES.replace("alice", "shop")
UPDATES = [
    ("refund_exceeds_original", "journal_refundtotal SET refunded = 11"),
    ("refund_exceeds_original", "journal_refundtotal SET refunded = -1"),
    ("already_refunded", "journal_refundtotal SET reversed = true"),
    ("promo_exceeds_grant", "journal_promogrant SET spent = 11"),
    ("promo_exceeds_grant", "journal_promogrant SET spent = 6, burned = 5"),
    ("promo_exceeds_grant", "journal_promogrant SET burned = -1"),
    ("spend_cap_exceeded", f"accounts_sessionkey SET spent_most = 11 WHERE {ALICES} AND"),
    ("spend_cap_exceeded", f"accounts_sessionkey SET spent_total = 31 WHERE {ALICES} AND"),
    ("spend_cap_exceeded", f"accounts_sessionkey SET spent_total = 30, spent_day = 21 WHERE {ALICES} AND"),
    ("session_key_spent", f"accounts_sessionkey SET spent_day = 15 WHERE {ALICES} AND"),
    ("spend_cap_reopened", f"accounts_sessionkey SET spent_total = 9 WHERE {ALICES} AND"),
    ("session_key_expired", f"accounts_sessionkey SET last_spent_at = expires_at WHERE {ALICES} AND"),
    ("session_key_revoked", f"accounts_sessionkey SET revoked_at = NULL WHERE {SHOPS} AND"),
    ("session_key_revoked", f"accounts_sessionkey SET spent_total = 1 WHERE {SHOPS} AND"),
]


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize(("name", "change"), UPDATES)
def test_no_count_goes_beyond_what_it_counts(books: Ledger, alias: str, name: str, change: str) -> None:
    where = "" if change.endswith("AND") else " WHERE"
    sql = f"UPDATE {change}{where} tenant_id = {{tenant}}".format(tenant=books.tenant)

    assert constraint(attempt(alias, sql)) == name
    assert replay(books.tenant) == []


def test_most_of_these_are_refusals_by_the_same_name() -> None:
    named = {name for name, _ in UPDATES} | {
        "duplicate_record",
        "clearing_account_exists",
        "settlement_exists",
        "settled_twice",
    }

    internal = {
        "promo_exceeds_grant",
        "session_key_spent",
        "spend_cap_reopened",
    }  # only a bug meets them: the buckets refuse before
    assert {name: Refusal.by_constraint[name].code for name in named - internal} == {
        name: name for name in named - internal
    }


CLEARING = "(SELECT account_id FROM journal_clearingaccount WHERE tenant_id = {tenant})"
RANGE = (
    "journal_settledrange (batch_id, tenant_id, account_id, stripe, version_from, version_to, net, postings)"
    f" SELECT '{{id}}', {{tenant}}, {CLEARING}, stripe, {{bounds}}, 5, 1 FROM journal_settledrange"
    " WHERE tenant_id = {tenant}"
)
INSERTS = [
    (
        "duplicate_record",
        "journal_billingrecord (entry_id, tenant_id, kind, external_id, party, currency, amount)"
        " VALUES ('{id}', {tenant}, 'payment', 'pi_1', 'cus_2', 'CRD', 5)",
    ),
    (
        "clearing_account_exists",
        "journal_clearingaccount (account_id, tenant_id, domain, currency)"
        " SELECT id, {tenant}, 'eu', 'CRD' FROM accounts_account WHERE tenant_id = {tenant} AND name = 'alice'",
    ),
    (
        "settlement_exists",
        "journal_settlementbatch (id, tenant_id, netting_batch_id, moved, recorded_at)"
        " VALUES ('{id}', {tenant}, 'net-1', false, now())",
    ),
    ("settled_twice", RANGE.replace("{bounds}", "0, 1")),
    ("settled_twice", RANGE.replace("{bounds}", "0, 5")),
    ("settled_twice", RANGE.replace("{bounds}", "3, 5")),
    ("settled_range", RANGE.replace("{bounds}", "1, 1")),
]


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize(("name", "what"), INSERTS)
def test_what_happens_once_does_not_happen_twice(books: Ledger, alias: str, name: str, what: str) -> None:
    sql = f"INSERT INTO {what}".format(tenant=books.tenant, id=uuid.uuid4())

    assert constraint(attempt(alias, sql)) == name


APPEND_ONLY = ["journal_billingrecord", "journal_settlementbatch", "journal_settledrange"]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {table} SET tenant_id = tenant_id", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"],
    ids=["update", "delete", "truncate"],
)
def test_what_was_recorded_and_settled_stays(books: Ledger, table: str, statement: str) -> None:
    sql = statement.format(table=table)

    assert isinstance(attempt(APP, sql), ProgrammingError), "the app's role has the right"
    assert constraint(attempt(OWNER, sql)) == "append_only"
    assert constraint(attempt(OWNER, "SET LOCAL session_replication_role = replica", sql)) == "append_only"


SETTLED_AT_BIRTH = [
    "UPDATE accounts_sessionkey SET max_total = 10000",
    "UPDATE accounts_sessionkey SET allowed_receivers = NULL",
    "UPDATE accounts_sessionkey SET expires_at = NULL",
    "UPDATE accounts_sessionkey SET account_id = account_id",
    "UPDATE journal_promogrant SET amount = 1000",
    "UPDATE journal_promogrant SET expires_at = NULL",
    "UPDATE journal_refundtotal SET amount = 1000",
    "UPDATE journal_clearingaccount SET domain = 'x'",
    "DELETE FROM accounts_sessionkey",
    "DELETE FROM journal_promogrant",
    "DELETE FROM journal_refundtotal",
    "DELETE FROM journal_clearingaccount",
]


@pytest.mark.parametrize("sql", SETTLED_AT_BIRTH)
def test_the_app_may_not_change_what_was_settled_at_birth(books: Ledger, sql: str) -> None:
    error: DatabaseError = attempt(APP, sql)

    assert isinstance(error, ProgrammingError)
    assert "permission denied" in str(error)


PLANTED = [
    (
        "promo_equals_grants promo_grants_equal_log",
        "UPDATE journal_promogrant SET spent = 1 WHERE tenant_id = {tenant}",
    ),
    ("refunds_counted", "UPDATE journal_refundtotal SET refunded = 5 WHERE tenant_id = {tenant}"),
    (
        "session_keys_count_spends session_keys_equal_log",
        "UPDATE accounts_sessionkey SET spent_total = 12 WHERE tenant_id = {tenant} AND max_total = 30",
    ),
    (
        "clearing_equals_log settlements_add_up",
        "ALTER TABLE journal_settledrange DISABLE TRIGGER append_only;"
        " UPDATE journal_settledrange SET net = 6 WHERE tenant_id = {tenant};"
        " ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER append_only",
    ),
]


@pytest.mark.parametrize(("checks", "sql"), PLANTED)
def test_a_wrong_count_is_found_by_its_own_checks(books: Ledger, checks: str, sql: str) -> None:
    assert replay(books.tenant) == []
    with connections[OWNER].cursor() as cursor:
        cursor.execute(sql.format(tenant=books.tenant))

    assert sorted(difference.check for difference in replay(books.tenant)) == checks.split()
