"""What PostgreSQL forbids about promised money by itself: in raw SQL, as the app's role and as the owner."""

import uuid

import pytest
from django.db import DatabaseError, ProgrammingError, connections, transaction

from holds.tests.story import Story
from ledger_project.kernel.errors import Refusal
from ledger_project.log.models import Event

APP, OWNER = "default", "owner"
BOTH = pytest.mark.parametrize("alias", [APP, OWNER])


def attempt(alias: str, *statements: str) -> DatabaseError:
    """Run the statements in one transaction; the error that stops them."""
    with (
        pytest.raises(DatabaseError) as stopped,
        transaction.atomic(using=alias),
        connections[alias].cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)
    return stopped.value


def constraint(error: DatabaseError) -> str | None:
    return error.__cause__.diag.constraint_name  # type: ignore[union-attr]


def change(hold: str, assignments: str) -> str:
    return f"UPDATE holds_hold SET {assignments} WHERE id = '{uuid.UUID(hex=hold[4:])}'"


RULES = [
    ("capture_exceeds_hold", "captured = 61"),
    ("capture_exceeds_hold", "captured = 30, released = 31"),
    ("hold_status_matches_amounts", "captured = 60"),
    ("hold_status_matches_amounts", "status = 'captured'"),
    ("hold_status_matches_amounts", "status = 'expired', released = 59"),
    ("hold_overcapture", "captured = 60, status = 'captured', overcaptured = 1"),
    ("hold_overcapture", "overcaptured = 1"),
    ("hold_kind", "captured = 60, status = 'slashed'"),
    ("hold_kind", "status = 'disputed'"),
]


@BOTH
@pytest.mark.parametrize(("name", "assignments"), RULES)
def test_a_hold_accounts_for_its_money(books: Story, alias: str, name: str, assignments: str) -> None:
    hold = books.hold(60)

    assert constraint(attempt(alias, change(hold, assignments))) == name


@BOTH
def test_more_than_the_hold_is_refused_under_one_name(books: Story, alias: str) -> None:
    assert Refusal.by_constraint["capture_exceeds_hold"].code == "capture_exceeds_hold"
    hold = books.hold(60, allow_overcapture=True)

    assert constraint(attempt(alias, change(hold, "captured = 61, status = 'captured'"))) == "capture_exceeds_hold"


@BOTH
@pytest.mark.parametrize("assignments", ["status = 'pending', captured = 10", "reason = 'x'", "updated_at = now()"])
def test_a_resolved_hold_never_changes_again(books: Story, alias: str, assignments: str) -> None:
    hold = books.hold(60)
    books.run("release_hold", hold=hold)

    assert constraint(attempt(alias, change(hold, assignments))) == "hold_not_pending"
    assert Refusal.by_constraint["hold_not_pending"].code == "hold_not_pending"


PROMISES = [
    "amount = 1000",
    "allow_overcapture = true",
    "account_id = counterparty_id",
    "counterparty_id = account_id",
    "tenant_id = 0",
    "kind = 'stake'",
    "stripe = 1",
    "on_timeout = 'release'",
    '"references" = \'{"a": "b"}\'',
    "created_at = now() - interval '1 day'",
    "destination = 'mine'",
]


@pytest.mark.parametrize("assignments", PROMISES)
def test_what_was_promised_stands(books: Story, assignments: str) -> None:
    hold = books.hold(60, to_account="shop")

    assert constraint(attempt(OWNER, change(hold, assignments))) == "hold_rewritten"
    assert isinstance(attempt(APP, change(hold, assignments)), ProgrammingError), "the app's role has the right"


@BOTH
@pytest.mark.parametrize("assignments", ["captured = 19", "released = 9"])
def test_what_was_paid_and_given_back_stands(books: Story, alias: str, assignments: str) -> None:
    hold = books.hold(60, to_account="shop")
    books.run("capture_hold", hold=hold, amount=20, final=False)
    books.run("release_hold", hold=hold, amount=10)

    assert constraint(attempt(alias, change(hold, assignments))) == "hold_rewritten"


@pytest.mark.parametrize("table", ["holds_hold", "holds_deposit"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_promised_or_deposited_disappears(books: Story, table: str, statement: str) -> None:
    books.hold(10), books.deposit(10)
    sql = statement.format(table)

    assert isinstance(attempt(APP, sql), ProgrammingError)
    assert constraint(attempt(OWNER, sql)) == "append_only"
    assert constraint(attempt(OWNER, "SET LOCAL session_replication_role = replica", sql)) == "append_only"


def account(tenant: int, name: str) -> str:
    return f"(SELECT id FROM accounts_account WHERE tenant_id = {tenant} AND name = '{name}')"


def insert_hold(books: Story, hold: uuid.UUID, *, holder: str, payee: str = "NULL", kind: str = "hold") -> str:
    return (
        "INSERT INTO holds_hold (id, tenant_id, kind, account_id, stripe, counterparty_id, amount, captured, released,"
        ' overcaptured, allow_overcapture, status, on_timeout, reason, "references", created_at, updated_at)'
        f" VALUES ('{hold}', {books.tenant}, '{kind}', {holder}, 0, {payee}, 10, 0, 0, 0, false, 'pending', 'refund',"
        " '', '{}', now(), now())"
    )


def insert_event(books: Story, event: uuid.UUID) -> str:
    return (
        "INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash)"
        f" VALUES ('{event}', {books.tenant}, 'x', 'x', '{event}', 'x', '{{}}', '{{}}', '')"
    )


@BOTH
def test_a_hold_is_placed_by_an_event(books: Story, alias: str) -> None:
    alice = account(books.tenant, "alice")
    done_with = Event.objects.filter(tenant=books.tenant).latest("id").pk

    for event in (uuid.uuid4(), done_with):
        assert constraint(attempt(alias, insert_hold(books, event, holder=alice))) == "hold_out_of_place"


@BOTH
def test_a_hold_stays_within_its_tenant(books: Story, alias: str) -> None:
    other = Story()
    other.open("mallory", funded=10)
    alice, mallory = account(books.tenant, "alice"), account(other.tenant, "mallory")
    event = uuid.uuid4()

    for holder, payee in ((mallory, "NULL"), (alice, mallory)):
        error = attempt(alias, insert_event(books, event), insert_hold(books, event, holder=holder, payee=payee))
        assert constraint(error) == "hold_out_of_place"


@BOTH
@pytest.mark.parametrize("kind", ["escrow", "withdrawal", "gift"])
def test_a_hold_has_what_its_kind_needs(books: Story, alias: str, kind: str) -> None:
    event = uuid.uuid4()
    hold = insert_hold(books, event, holder=account(books.tenant, "alice"), kind=kind)

    assert constraint(attempt(alias, insert_event(books, event), hold)) == "hold_kind"


def insert_deposit(books: Story, event: uuid.UUID, *, holder: str, reference: str, amount: int = 1) -> str:
    return (
        "INSERT INTO holds_deposit"
        " (id, tenant_id, account_id, amount, source, external_ref, status, reason, created_at, updated_at)"
        f" VALUES ('{event}', {books.tenant}, {holder}, {amount}, 'base', '{reference}', 'announced', '', now(), now())"
    )


@BOTH
def test_a_deposit_is_recorded_once_by_an_event_of_its_tenant(books: Story, alias: str) -> None:
    other = Story()
    other.open("mallory", funded=10)
    alice, mallory = account(books.tenant, "alice"), account(other.tenant, "mallory")
    books.deposit(external_ref="0xfeed")
    event = uuid.uuid4()

    def refused(*statements: str) -> str | None:
        return constraint(attempt(alias, *statements))

    twin = insert_deposit(books, event, holder=alice, reference="0xfeed")
    assert refused(insert_event(books, event), twin) == "duplicate_deposit"
    assert Refusal.by_constraint["duplicate_deposit"].code == "duplicate_deposit"
    assert refused(insert_deposit(books, event, holder=alice, reference="2")) == "deposit_out_of_place"
    stolen = insert_deposit(books, event, holder=mallory, reference="2")
    assert refused(insert_event(books, event), stolen) == "deposit_out_of_place"
    nothing = insert_deposit(books, event, holder=alice, reference="2", amount=0)
    assert refused(insert_event(books, event), nothing) == "deposit_amount"


@BOTH
def test_a_confirmed_deposit_never_changes_again(books: Story, alias: str) -> None:
    deposit = uuid.UUID(hex=books.deposit()[4:])

    error = attempt(alias, f"UPDATE holds_deposit SET status = 'announced' WHERE id = '{deposit}'")

    assert constraint(error) == "deposit_not_pending"
    assert Refusal.by_constraint["deposit_not_pending"].code == "deposit_not_pending"


def test_what_was_announced_stands(books: Story) -> None:
    deposit = uuid.UUID(hex=books.deposit(confirmed=False)[4:])
    sql = f"UPDATE holds_deposit SET amount = 1000 WHERE id = '{deposit}'"

    assert constraint(attempt(OWNER, sql)) == "deposit_not_pending"
    assert isinstance(attempt(APP, sql), ProgrammingError)


@BOTH
def test_a_reference_is_paid_once(books: Story, alias: str) -> None:
    first, second = books.withdrawal(10), books.withdrawal(10)
    books.run("confirm_withdrawal", withdrawal=first, external_ref="0xbeef")

    assert constraint(attempt(alias, change(second, "external_ref = '0xbeef'"))) == "duplicate_withdrawal"


def test_the_rules_hold_in_replication_too(books: Story) -> None:
    hold = books.hold(60)
    books.run("release_hold", hold=hold)

    error = attempt(OWNER, "SET LOCAL session_replication_role = replica", change(hold, "reason = 'x'"))

    assert constraint(error) == "hold_not_pending"


REQUEST = """
INSERT INTO holds_topuprequest (id, tenant_id, account_id, amount, status, reason, requested_at, expires_at)
SELECT gen_random_uuid(), tenant_id, account_id, amount, 'open', '', requested_at, expires_at FROM holds_topuprequest
 WHERE tenant_id = {tenant}
"""
RULE = "INSERT INTO holds_topup SELECT * FROM holds_topup WHERE tenant_id = {tenant}"


@BOTH
@pytest.mark.parametrize(("name", "statement"), [("topup_in_flight", REQUEST), ("holds_topup_pkey", RULE)])
def test_an_account_has_one_rule_and_one_request_in_flight(books: Story, alias: str, name: str, statement: str) -> None:
    books.run("set_topup", account="alice", below=500, amount=5)
    books.run("request_topup", account="alice")

    assert constraint(attempt(alias, statement.format(tenant=books.tenant))) == name


@BOTH
@pytest.mark.parametrize("assignments", ["status = 'open', settled_at = NULL", "reason = 'x'", "settled_at = now()"])
def test_a_request_for_money_that_has_ended_never_changes(books: Story, alias: str, assignments: str) -> None:
    books.run("set_topup", account="alice", below=500, amount=5)
    request = books.run("request_topup", account="alice").document["result"]["topup_request"]["id"]
    books.run("fail_topup", topup=request, reason="declined")

    statement = f"UPDATE holds_topuprequest SET {assignments} WHERE id = '{uuid.UUID(hex=request[4:])}'"
    assert constraint(attempt(alias, statement)) == "topup_not_open"
    assert Refusal.by_constraint["topup_not_open"].code == "topup_not_open"


def test_a_request_for_money_is_not_removed(books: Story) -> None:
    books.run("set_topup", account="alice", below=500, amount=5)
    books.run("request_topup", account="alice")

    assert constraint(attempt(OWNER, f"DELETE FROM holds_topuprequest WHERE tenant_id = {books.tenant}")) == (
        "append_only"
    )
