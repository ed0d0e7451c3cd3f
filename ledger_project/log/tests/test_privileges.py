"""Least privilege: what a role of the database does not need, it cannot do, whoever speaks through it."""

import pytest
from django.db import DatabaseError, connections, transaction
from psycopg.errors import InsufficientPrivilege

from ledger_project.log import sealing
from ledger_project.log.models import Event, Leaf
from ledger_project.log.sealer import SEALER
from ledger_project.testing.databases import own_database
from ledger_project.testing.hostile import APP, attempt
from ledger_project.testing.ledger import Ledger

SEALING = [
    "INSERT INTO log_leaf (log_index, tenant_id, event_id, leaf_hash) VALUES (0, 1, gen_random_uuid(), '')",
    "INSERT INTO log_node (level, index, hash) VALUES (8, 0, '')",
    "INSERT INTO log_checkpoint (size, root, note, snapshot) VALUES (0, '', '', '1:1:')",
    "INSERT INTO log_signingkey (kid, public_key) VALUES ('mine', '')",
    "UPDATE log_signingkey SET retired_at = now()",
    "INSERT INTO log_sealingfinding (kind) VALUES ('log_altered')",
    "UPDATE log_sealingfinding SET resolved_at = now()",
    "INSERT INTO log_anchordelivery (sink, checkpoint_id) VALUES ('file', 1)",
    "UPDATE log_anchordelivery SET delivered_at = now()",
]
STAFF = [
    "INSERT INTO auth_permission (name, content_type_id, codename) VALUES ('all', 1, 'all')",
    "DELETE FROM auth_permission",
    "DELETE FROM auth_user",
    "DELETE FROM auth_group",
    "INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (1, 1)",
    "UPDATE auth_group_permissions SET group_id = group_id",
    "UPDATE otp_static_statictoken SET token = 'mine'",
]
SERVER = [
    "CREATE TEMPORARY TABLE heap (row bytea)",
    "CREATE TABLE heap (row bytea)",
    "CREATE TABLE public.heap (row bytea)",
    "CREATE SCHEMA heap",
    "CREATE FUNCTION public.heap() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'heap')",
    "SELECT lo_put(1, 0, 'heap')",
    "SELECT lo_get(1)",
    "SELECT lo_open(1, 131072)",
    "SELECT lo_unlink(1)",
    "SELECT lowrite(1, 'heap')",
    "COPY log_event TO PROGRAM 'cat'",
    "SET ROLE ledger",
]
MONEY = [
    "INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash)"
    " VALUES (gen_random_uuid(), 1, 'x', 'x', 'x', 'x', '{}', '{}', '')",
    "UPDATE log_event SET actor = 'x'",
    "INSERT INTO journal_entry SELECT * FROM journal_entry LIMIT 0",
    "INSERT INTO journal_posting SELECT * FROM journal_posting LIMIT 0",
    "UPDATE accounts_balance SET available = 1",
    "SELECT available FROM accounts_balance",
    "SELECT digest FROM accounts_apikey",
    "INSERT INTO accounts_apikey SELECT * FROM accounts_apikey LIMIT 0",
    "SELECT password FROM auth_user",
    "UPDATE holds_hold SET reason = ''",
    "UPDATE log_leaf SET leaf_hash = ''",
    "DELETE FROM log_checkpoint",
    "DELETE FROM log_signingkey",
]


def is_forbidden(error: DatabaseError) -> bool:
    return isinstance(error.__cause__, InsufficientPrivilege)


@pytest.mark.parametrize("statement", SEALING + STAFF + SERVER)
def test_the_app_cannot_do_what_no_request_needs(statement: str) -> None:
    assert is_forbidden(attempt(APP, statement))


@pytest.mark.parametrize("statement", MONEY + STAFF + SERVER)
def test_the_sealer_seals_and_does_nothing_else(statement: str) -> None:
    assert is_forbidden(attempt(SEALER, statement))


def test_the_sealer_is_a_role_of_its_own_and_no_mighty_one() -> None:
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("ledger_sealer", False)
        cursor.execute("SELECT pg_has_role('ledger_sealer', 'ledger_app', 'MEMBER')")
        assert cursor.fetchone() == (False,)
    with connections[APP].cursor() as cursor:
        cursor.execute("SELECT pg_has_role('ledger_app', 'ledger_sealer', 'MEMBER')")
        assert cursor.fetchone() == (False,)


def test_what_the_app_posts_only_the_sealer_seals() -> None:
    """And a foreign leaf, which stopped sealing for everybody once, never gets in."""
    with own_database():
        ledger = Ledger()
        ledger.open("alice", funded=100)
        event = Event.objects.order_by("-id")[0]

        forged = attempt(
            APP,
            "INSERT INTO log_leaf (log_index, tenant_id, event_id, leaf_hash)"
            f" VALUES (0, {ledger.tenant}, '{event.pk}', sha256('forged'))",
        )

        assert is_forbidden(forged)
        assert sealing.seal().sealed == 3
        assert Leaf.objects.count() == 3


def test_the_sealer_works_within_a_transaction_of_its_own() -> None:
    """A caller's open transaction on the app's connection is no part of what is sealed."""
    with own_database():
        ledger = Ledger()
        with transaction.atomic():
            ledger.open("alice")
            assert sealing.seal().sealed == 1
        assert sealing.seal().sealed == 1
