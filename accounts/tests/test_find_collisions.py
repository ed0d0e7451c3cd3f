"""manage.py find_collisions: books from before the rules are looked through."""

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.collisions import identities, problems
from accounts.models import Tenant
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

HASH = "ab" * 31 + "c1"
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def test_every_rule_about_identities_is_looked_at() -> None:
    assert {(each.rule, *(name for name, folded in each.columns if folded)) for each in identities()} == {
        ("account_exists", "name"),
        ("budget_name", "name"),
        ("price_version", "book"),
        ("usage_recorded", "source", "request_id"),
        ("duplicate_withdrawal", "external_ref"),
        ("duplicate_deposit", "source", "external_ref"),
        ("duplicate_record", "external_id"),
        ("clearing_account_exists", "domain"),
        ("settlement_exists", "netting_batch_id"),
    }


def test_books_that_fit_have_none(ledger: Ledger) -> None:
    ledger.open(ADDRESS, "alice", "caf\u00e9")
    ledger.run("record_deposit", account=ADDRESS, amount=5, source="base", external_ref=HASH)
    ledger.run("record_payment", payment_intent_id="pi_1", customer_id=ADDRESS, amount=5, currency="CRD")

    with own_database():
        Ledger().open("alice")
        told = StringIO()
        call_command("find_collisions", stdout=told)
        assert told.getvalue() == "None found.\n"


def test_books_from_before_the_rules_are_told_what_collides() -> None:
    with own_database(as_owner=True):
        _from_before()

        found = [str(problem) for problem in problems()]
        with pytest.raises(CommandError, match=r"^8 found$"):
            call_command("find_collisions", stdout=StringIO())

        assert [line.rsplit(": ", 1)[0] for line in sorted(found)] == [
            "accounts_account (account_exists): has an invisible or a control character",
            "accounts_account (account_exists): these mean the same",
            "accounts_currency (currency_code): not 2 to 12 capitals and digits",
            "holds_deposit (duplicate_deposit): has an invisible or a control character",
            "holds_deposit (duplicate_deposit): is not as it would be stored",
            "holds_deposit (duplicate_deposit): these mean the same",
            "journal_billingrecord (duplicate_record): is not as it would be stored",
            "journal_billingrecord (duplicate_record): these mean the same",
        ]
        [deposits] = [line for line in found if line.startswith("holds_deposit") if "mean the same" in line]
        assert deposits.count(HASH) + deposits.count(HASH.upper()) == 4, "each spelling is named, and what it is"
        [accounts] = [line for line in found if line.startswith("accounts_account") if "mean the same" in line]
        assert accounts.count(ADDRESS) == accounts.count(ADDRESS.lower()) == 1


def _from_before() -> None:
    tenant = Tenant.objects.create(slug="old", name="Old").pk
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX account_exists, duplicate_deposit, duplicate_record")
        cursor.execute("ALTER TABLE accounts_account DROP CONSTRAINT account_name, DROP CONSTRAINT reserved_name")
        cursor.execute("ALTER TABLE accounts_currency DROP CONSTRAINT currency_code")
        cursor.execute("ALTER TABLE journal_billingrecord DROP CONSTRAINT record_reference")
        for table in ("accounts_account", "holds_deposit", "journal_billingrecord"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        cursor.execute(
            "INSERT INTO accounts_currency (tenant_id, code, scale, name, created_at)"
            " VALUES (%s, 'EUR', 2, '', now()), (%s, 'eur', 2, '', now())",
            [tenant, tenant],
        )
        for name in (ADDRESS, ADDRESS.lower(), "plat\u00adform:cash"):
            cursor.execute(
                "INSERT INTO accounts_account"
                " (id, tenant_id, name, type, currency, scale, unbounded, stripes, metadata, created_at)"
                " VALUES (%s, %s, %s, 'liability', 'EUR', 2, false, 1, '{}', now())",
                [uuid.uuid4(), tenant, name],
            )
        for reference in (f"0x{HASH}", HASH, f"0X{HASH.upper()}", f" 0x{HASH.upper()}", f"0x{HASH}\u200b"):
            cursor.execute(
                "INSERT INTO holds_deposit"
                " (id, tenant_id, account_id, amount, source, external_ref, status, reason, created_at, updated_at)"
                " VALUES (%s, %s, %s, 5, 'base', %s, 'confirmed', '', now(), now())",
                [uuid.uuid4(), tenant, uuid.uuid4(), reference],
            )
        for reference in ("re\u0301", "r\u00e9"):
            cursor.execute(
                "INSERT INTO journal_billingrecord (entry_id, tenant_id, kind, external_id, party, currency, amount)"
                " VALUES (%s, %s, 'payment', %s, 'c', 'EUR', 5)",
                [uuid.uuid4(), tenant, reference],
            )
