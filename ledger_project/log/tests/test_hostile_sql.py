"""What PostgreSQL forbids by itself: each rule, spoken to in raw SQL, as the app's role and as the owner."""

import uuid

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connections, transaction

from accounts.models import Account
from journal.models import Entry
from ledger_project.kernel.errors import Refusal
from ledger_project.log.models import Event
from ledger_project.testing.ledger import Ledger

APP, OWNER = "default", "owner"
APPEND_ONLY = ["log_event", "journal_entry", "journal_posting"]


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("bob")
    ledger.run("transfer", from_account="alice", to_account="bob", amount=10)
    return ledger


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


def test_the_app_does_not_run_as_the_owner_of_its_tables() -> None:
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT current_user, (SELECT tableowner FROM pg_tables WHERE tablename = 'log_event')")
        user, owner = cursor.fetchone()
        cursor.execute("SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        (mighty,) = cursor.fetchone()

    assert user == "ledger_app"
    assert user != owner
    assert not mighty


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {table} SET tenant_id = tenant_id", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"],
    ids=["update", "delete", "truncate"],
)
def test_history_cannot_be_rewritten(books: Ledger, table: str, statement: str) -> None:
    sql = statement.format(table=table)
    if table == "journal_posting":
        sql = sql.replace("tenant_id = tenant_id", "amount = amount + 1")

    assert isinstance(attempt(APP, sql), ProgrammingError), "the app's role has the right"
    assert constraint(attempt(OWNER, sql)) == "append_only"
    assert constraint(attempt(OWNER, "SET LOCAL session_replication_role = replica", sql)) == "append_only"


ACCOUNT = "(SELECT id FROM accounts_account WHERE tenant_id = {tenant} AND name = '{name}')"


def event_sql(books: Ledger, event_id: uuid.UUID) -> str:
    return (
        "INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash)"
        f" VALUES ('{event_id}', {books.tenant}, 'x', 'x', '{event_id}', 'x', '{{}}', '{{}}', '')"
    )


def entry_sql(books: Ledger, event_id: uuid.UUID, *legs: tuple[str, int]) -> str:
    """An entry and its postings in one statement, as the executor writes them."""
    rows = ", ".join(
        f"('{event_id}', {seq}, {ACCOUNT.format(tenant=books.tenant, name=name)}, 0, 0, {amount}, 0, {1000 + seq})"
        for seq, (name, amount) in enumerate(legs)
    )
    postings = (
        "INSERT INTO journal_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)"
        f" VALUES {rows}"
    )
    return (
        "WITH entry AS (INSERT INTO journal_entry"
        ' (id, tenant_id, kind, effective_at, description, "references", metadata)'
        f" VALUES ('{event_id}', {books.tenant}, 'x', now(), '', '{{}}', '{{}}'))"
        + (f", postings AS ({postings})" if legs else "")
        + " SELECT 1"
    )


HOSTILE_ENTRIES = [
    ("unbalanced_entry", [("alice", 5), ("bob", -4)]),
    ("too_few_postings", [("alice", 5)]),
    ("too_few_postings", []),
]


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize(("name", "legs"), HOSTILE_ENTRIES)
def test_an_entry_balances(books: Ledger, alias: str, name: str, legs: list[tuple[str, int]]) -> None:
    event_id = uuid.uuid4()
    before = books.size()

    error = attempt(alias, event_sql(books, event_id), entry_sql(books, event_id, *legs))

    assert constraint(error) == name
    assert Refusal.by_constraint[name].code == name
    assert books.size() == before


def test_currencies_do_not_make_up_for_each_other(books: Ledger) -> None:
    books.run("register_currency", code="EUR")
    books.run("open_account", name="euro", currency="EUR")
    event_id = uuid.uuid4()

    error = attempt(APP, event_sql(books, event_id), entry_sql(books, event_id, ("alice", 5), ("euro", -5)))

    assert constraint(error) == "unbalanced_entry"


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize("legs", [[5], [5, -4], [5, -5, 1]])
def test_what_is_added_to_an_entry_balances_by_itself(books: Ledger, alias: str, legs: list[int]) -> None:
    event_id = uuid.uuid4()
    account = ACCOUNT.format(tenant=books.tenant, name="alice")
    rows = ", ".join(
        f"('{event_id}', {seq}, {account}, 0, 0, {amount}, 0, {seq})" for seq, amount in enumerate(legs, 900)
    )
    more = (
        "INSERT INTO journal_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)"
        f" VALUES {rows}"
    )

    error = attempt(alias, event_sql(books, event_id), entry_sql(books, event_id, ("alice", 5), ("bob", -5)), more)

    assert constraint(error) == "unbalanced_entry"


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_a_posting_is_written_with_its_entry_only(books: Ledger, alias: str) -> None:
    old = Entry.objects.filter(tenant=books.tenant).latest("id")
    legs = ", ".join(
        f"('{old.id}', {seq}, {ACCOUNT.format(tenant=books.tenant, name='alice')}, 0, 0, {amount}, 0, {900 + seq})"
        for seq, amount in ((10, 5), (11, -5))
    )
    sql = (
        "INSERT INTO journal_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)"
        f" VALUES {legs}"
    )

    assert constraint(attempt(alias, sql)) == "posting_out_of_place"


def test_a_posting_stays_within_its_tenant(books: Ledger) -> None:
    other = Ledger()
    other.open("mallory")
    event_id = uuid.uuid4()
    stolen = f"(SELECT id FROM accounts_account WHERE tenant_id = {other.tenant} AND name = 'mallory')"
    sql = entry_sql(books, event_id, ("alice", 5), ("bob", -5)).replace(
        ACCOUNT.format(tenant=books.tenant, name="bob"), stolen
    )

    assert constraint(attempt(APP, event_sql(books, event_id), sql)) == "posting_out_of_place"


def test_a_posting_has_an_account(books: Ledger) -> None:
    event_id = uuid.uuid4()
    sql = entry_sql(books, event_id, ("alice", 5), ("bob", -5)).replace(
        ACCOUNT.format(tenant=books.tenant, name="bob"), f"'{uuid.uuid4()}'"
    )

    assert constraint(attempt(APP, event_sql(books, event_id), sql)) == "posting_out_of_place"


def test_the_app_cannot_say_which_transaction_wrote_an_event(books: Ledger) -> None:
    event_id = uuid.uuid4()
    sql = event_sql(books, event_id).replace("content_hash)", "content_hash, insert_xid)").replace("'')", "'', '1')")

    assert isinstance(attempt(APP, sql), ProgrammingError)


BALANCE = "UPDATE accounts_balance SET {change} WHERE account_id = " + ACCOUNT
HOSTILE_BALANCES: list[tuple[str, str]] = [
    ("insufficient_funds", "available = -1, total_in = total_out - 1"),
    *(
        ("insufficient_funds", f"{b} = -1, available = available + 1")
        for b in ("held", "escrowed", "bonded", "fee_pool", "promo")
    ),
    ("credit_limit_exceeded", "credit_used = 1, available = available + 1"),
    ("credit_not_negative", "credit_used = -1, available = available - 1"),
    ("totals_match_buckets", "available = available + 1"),
    ("account_status", "status = 'gone'"),
    ("account_not_empty", "status = 'closed'"),
]


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize(("name", "change"), HOSTILE_BALANCES)
def test_no_bucket_goes_below_its_floor(books: Ledger, alias: str, name: str, change: str) -> None:
    error = attempt(alias, BALANCE.format(change=change, tenant=books.tenant, name="alice"))

    assert constraint(error) == name
    assert books.balance("alice") == {"available": 90}


STATUS_RULES: list[tuple[str, str, str]] = [
    ("account_frozen", "freeze_account", "available = available - 1, total_out = total_out + 1"),
    ("account_closed", "close_account", "status = 'open'"),
]


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize(("name", "command", "change"), STATUS_RULES)
def test_a_frozen_or_closed_account_keeps_still(
    books: Ledger, alias: str, name: str, command: str, change: str
) -> None:
    books.run("transfer", from_account="bob", to_account="alice", amount=10)
    books.run(command, account="bob" if command == "close_account" else "alice")
    victim = "bob" if command == "close_account" else "alice"

    assert constraint(attempt(alias, BALANCE.format(change=change, tenant=books.tenant, name=victim))) == name


def test_a_closed_account_is_not_reopened_by_deleting_it(books: Ledger) -> None:
    for table in ("accounts_account", "accounts_balance"):
        assert isinstance(attempt(APP, f"DELETE FROM {table} WHERE tenant_id = {books.tenant}"), ProgrammingError)


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_an_event_belongs_to_a_tenant(books: Ledger, alias: str) -> None:
    error = attempt(
        alias,
        f"""INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash)
            VALUES ('{uuid.uuid4()}', -1, 'x', 'x', 'k', 'a', '{{}}', '{{}}', 'h')""",
    )

    assert constraint(error) == "event_of_nobody"


@pytest.mark.parametrize("statement", ["DELETE FROM accounts_tenant", "UPDATE accounts_tenant SET id = id + 1000000"])
def test_a_tenant_with_events_stays(books: Ledger, statement: str) -> None:
    error = attempt(OWNER, f"{statement} WHERE id = {books.tenant}")

    assert constraint(error) == "tenant_has_events"


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_a_key_is_spent_once(books: Ledger, alias: str) -> None:
    spent = Event.objects.filter(tenant=books.tenant).latest("id").idempotency_key
    event_id = uuid.uuid4()
    sql = event_sql(books, event_id).replace(f"'x', '{event_id}', 'x'", f"'x', '{spent}', 'x'")

    error = attempt(alias, sql)

    assert isinstance(error, IntegrityError)
    assert constraint(error) == "idempotency_key_reused"


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_a_name_a_currency_and_a_scale_are_settled(books: Ledger, alias: str) -> None:
    currency = (
        "INSERT INTO accounts_currency (tenant_id, code, scale, name, created_at)"
        f" VALUES ({books.tenant}, 'CRD', 3, '', now())"
    )
    account = (
        "INSERT INTO accounts_account"
        " (id, tenant_id, name, type, currency, scale, unbounded, stripes, metadata, created_at)"
        f" VALUES ('{uuid.uuid4()}', {books.tenant}, '{{name}}', 'liability', '{{currency}}', 0, false, 1, '{{}}',"
        " now())"
    )

    assert constraint(attempt(alias, currency)) == "currency_exists"
    assert (
        constraint(attempt(alias, account.replace("{name}", "alice").replace("{currency}", "CRD"))) == "account_exists"
    )
    assert constraint(attempt(alias, account.replace("{name}", "new").replace("{currency}", "CRD"))) == (
        "account_without_balance"
    )


def test_an_account_needs_a_registered_currency(books: Ledger) -> None:
    account_id = uuid.uuid4()
    sql = (
        "WITH account AS (INSERT INTO accounts_account"
        " (id, tenant_id, name, type, currency, scale, unbounded, stripes, metadata, created_at)"
        f" VALUES ('{account_id}', {books.tenant}, 'new', 'liability', 'XXX', 0, false, 1, '{{}}', now())),"
        " balance AS (INSERT INTO accounts_balance (account_id, stripe, tenant_id, status, unbounded, available, held,"
        " escrowed, bonded, fee_pool, promo, credit_used, credit_limit, total_in, total_out, version, updated_at)"
        f" VALUES ('{account_id}', 0, {books.tenant}, 'open', false, 0,0,0,0,0,0,0,0,0,0,0, now())) SELECT 1"
    )

    assert constraint(attempt(APP, sql)) == "account_currency"
    assert not Account.objects.filter(id=account_id).exists()


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_an_entry_is_reversed_once(books: Ledger, alias: str) -> None:
    paid = Entry.objects.get(tenant=books.tenant, kind="transfer")
    books.run("reverse_entry", entry=f"ent_{paid.id.hex}")
    event_id = uuid.uuid4()
    sql = entry_sql(books, event_id, ("alice", 5), ("bob", -5))
    sql = sql.replace("metadata)", "metadata, reverses_id)").replace("'{}', '{}'))", f"'{{}}', '{{}}', '{paid.id}'))")

    assert constraint(attempt(alias, event_sql(books, event_id), sql)) == "already_reversed"


def test_every_constraint_of_a_refusal_exists_in_the_database() -> None:
    with connections[APP].cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint UNION SELECT relname FROM pg_class WHERE relkind = 'i'"
            # Or the trigger gives its function the name.
            " UNION SELECT split_part(encode(tgargs, 'escape'), $$\\000$$, 1) FROM pg_trigger JOIN pg_proc"
            " ON pg_proc.oid = tgfoid WHERE prosrc LIKE '%CONSTRAINT = TG_ARGV[0]%'"
            " UNION SELECT substring(prosrc FROM $$CONSTRAINT = '(\\w+)'$$) FROM pg_proc WHERE proname LIKE 'ledger_%'"
            " UNION SELECT (regexp_matches(prosrc, $$CONSTRAINT = '(\\w+)'$$, 'g'))[1] FROM pg_proc"
            " WHERE proname LIKE 'ledger_%'"
        )
        there = {name for (name,) in cursor.fetchall()}

    assert set(Refusal.by_constraint) - there == set()
