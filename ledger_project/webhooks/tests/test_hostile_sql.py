"""What PostgreSQL forbids about webhooks by itself, in the words of the refusals."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connections, transaction

from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks.errors import TooManyWebhooks

URL = "https://hooks.example.com/"


@pytest.fixture
def books(ledger: Ledger) -> Iterator[Ledger]:
    for _ in range(2):
        ledger.run("register_webhook", url=URL, types=["*"])
    yield ledger
    for row in _ids(ledger):
        ledger.run("delete_webhook", webhook=f"wbh_{row.hex}")


def _ids(ledger: Ledger) -> list[UUID]:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM webhooks_endpoint WHERE tenant_id = %s AND deleted_at IS NULL ORDER BY id", [ledger.tenant]
        )
        return [row for (row,) in cursor.fetchall()]


def forbidden(alias: str, sql: str, *parameters: object) -> DatabaseError:
    with (
        pytest.raises(DatabaseError) as refused,
        transaction.atomic(using=alias),
        connections[alias].cursor() as cursor,
    ):
        cursor.execute(sql, parameters)
    return refused.value


def constraint(error: DatabaseError) -> str | None:
    assert isinstance(error.__cause__, psycopg.Error)
    return error.__cause__.diag.constraint_name


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_slot_is_taken_once_and_there_are_fifty(books: Ledger, alias: str) -> None:
    first, _ = _ids(books)
    take = "UPDATE webhooks_endpoint SET slot = %s WHERE id = %s"

    assert constraint(forbidden(alias, take, 1, first)) == TooManyWebhooks.constraint
    assert constraint(forbidden(alias, take, 50, first)) == "webhook_slot"
    assert constraint(forbidden(alias, take, None, first)) == "webhook_slot"


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM webhooks_endpoint WHERE id = %s",
        "UPDATE webhooks_endpoint SET tenant_id = 1 WHERE id = %s",
        "UPDATE webhooks_endpoint SET created_at = now() WHERE id = %s",
        "UPDATE webhooks_secret SET sealed = 'mine' WHERE endpoint_id = %s",
        "DELETE FROM webhooks_cursor WHERE endpoint_id = %s",
        "UPDATE webhooks_delivery SET event = id WHERE endpoint_id = %s",
        "UPDATE webhooks_attempt SET url = 'x' WHERE delivery_id = %s",
    ],
)
def test_the_app_may_not(books: Ledger, sql: str) -> None:
    error = forbidden("default", sql, _ids(books)[0])

    assert isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_a_delivery_is_one_of_its_states_and_made_once(books: Ledger, alias: str) -> None:
    endpoint, _ = _ids(books)
    insert = (
        "INSERT INTO webhooks_delivery (id, tenant_id, endpoint_id, event, log_index, type, state, attempts, due_at,"
        " created_at, settled_at) SELECT gen_random_uuid(), tenant_id, id, id, 7, 'x', %s, 0, {due}, now(), {settled}"
        " FROM webhooks_endpoint WHERE id = %s"
    )
    pending, settled = insert.format(due="now()", settled="NULL"), insert.format(due="NULL", settled="now()")

    for sql, state in ((pending, "delivered"), (settled, "pending"), (settled, "lost")):
        assert constraint(forbidden(alias, sql, state, endpoint)) == "webhook_delivery_state"
    twice = f"WITH first AS ({pending}) {pending}"
    assert constraint(forbidden(alias, twice, "pending", endpoint, "pending", endpoint)) == "webhook_delivery"


@pytest.fixture
def alices(books: Ledger) -> UUID:
    """A webhook of Alice's, beside the tenant's own."""
    books.open("alice", "bob")
    made = Api(books, account="alice").post("/v1/webhooks", {"url": URL, "types": ["*"]}).json()["webhook"]
    return UUID(hex=made["id"][4:])


def test_a_webhook_stays_with_its_account(books: Ledger, alices: UUID) -> None:
    bob = "(SELECT id FROM accounts_account WHERE name = %s AND tenant_id = %s)"
    move = f"UPDATE webhooks_endpoint SET account_id = {bob}"
    for webhook in (alices, _ids(books)[0]):
        theirs = forbidden("owner", f"{move} WHERE id = %s", "bob", books.tenant, webhook)
        assert constraint(theirs) == "webhook_of_another"
        assert "permission denied" in str(forbidden("default", f"{move} WHERE id = %s", "bob", books.tenant, webhook))
    gone = forbidden("owner", "UPDATE webhooks_endpoint SET account_id = NULL WHERE id = %s", alices)
    assert constraint(gone) == "webhook_of_another"


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_no_webhook_is_of_another_tenants_account(alices: UUID, alias: str) -> None:
    stranger = Ledger()
    rest = "url, types, description, enabled, disabled_reason, generation, created_at, slot"
    copy = f"INSERT INTO webhooks_endpoint (id, tenant_id, account_id, {rest})"
    copy += f" SELECT gen_random_uuid(), %s, account_id, {rest}"

    error = forbidden(alias, f"{copy} FROM webhooks_endpoint WHERE id = %s", stranger.tenant, alices)

    assert constraint(error) == "webhook_of_another"
