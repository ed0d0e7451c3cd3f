"""Migrations from here on run while the ledger is used: none of them keeps writers out of a big table."""

import pytest
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from ledger_project.testing.locks import BIG, findings

# The last one of each app that was written before the rule. An app that is not here has been under it from its first.
BEFORE = {"accounts": 10, "holds": 5, "journal": 16, "log": 10, "reserves": 4, "webhooks": 4}
OURS = {"accounts", "holds", "journal", "log", "reserves", "webhooks"}


def newer() -> list[tuple[str, str]]:
    ours = (node for node in MigrationLoader(None).disk_migrations if node[0] in OURS)
    return sorted((app, name) for app, name in ours if int(name[:4]) > BEFORE.get(app, 0))


def found(node: tuple[str, str]) -> list[str]:
    loader = MigrationLoader(connections["owner"])
    return findings(loader.collect_sql([(loader.graph.nodes[node], False)]))


@pytest.mark.parametrize("node", newer(), ids="/".join)
def test_no_migration_keeps_writers_out(node: tuple[str, str]) -> None:
    assert found(node) == []


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        (("webhooks", "0003_delivery_page"), "an index without CONCURRENTLY"),
        (("log", "0010_time_runs_back"), "the table's lock is not waited for briefly"),
        (("accounts", "0004_staff_groups"), "is no SQL"),
    ],
)
def test_the_rule_would_have_found_older_ones(node: tuple[str, str], wrong: str) -> None:
    assert wrong in "\n".join(found(node))


def test_big_tables_are_tables() -> None:
    assert set(connections["owner"].introspection.table_names()) >= BIG


BRIEF = "SET LOCAL lock_timeout = 500; "
GOOD = [
    "CREATE INDEX CONCURRENTLY i ON log_event (actor)",
    'CREATE INDEX "i" ON "webhooks_endpoint" ("url")',
    'ALTER TABLE "log_event" VALIDATE CONSTRAINT "c"',
    "DROP INDEX CONCURRENTLY i",
    "CREATE TABLE new (id bigint PRIMARY KEY, day date UNIQUE)",
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE log_event SET actor = ''; END $$",
    "-- UPDATE log_event",
    "GRANT SELECT ON log_event TO ledger_app",
    BRIEF + 'ALTER TABLE "log_event" ADD COLUMN "note" text NULL',
    BRIEF + "ALTER TABLE log_event ADD COLUMN at timestamptz DEFAULT now()",
    BRIEF + "ALTER TABLE log_event ADD COLUMN kept boolean DEFAULT true NOT NULL",
    BRIEF + 'ALTER TABLE "log_event" ADD CONSTRAINT "c" CHECK ("actor" <> \'\') NOT VALID',
    BRIEF + "ALTER TABLE log_event ADD CONSTRAINT c UNIQUE USING INDEX i",
    BRIEF + "CREATE TRIGGER t BEFORE UPDATE ON accounts_balance FOR EACH ROW EXECUTE FUNCTION f()",
]
BAD = [
    'CREATE INDEX "i" ON "log_event" ("actor")',
    "CREATE UNIQUE INDEX i ON public.journal_posting USING btree (entry_id)",
    "SELECT 1; CREATE INDEX i ON ONLY holds_hold (id)",
    'ALTER TABLE "accounts_balance" ADD COLUMN "note" text NULL',
    BRIEF + 'ALTER TABLE "log_event" ADD CONSTRAINT "c" CHECK ("actor" <> \'\')',
    BRIEF + "ALTER TABLE journal_entry ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES journal_finding (id)",
    BRIEF + "ALTER TABLE log_leaf ADD CONSTRAINT c UNIQUE (event_id)",
    BRIEF + 'ALTER TABLE "log_event" ALTER COLUMN "actor" TYPE varchar(9) USING "actor"::varchar(9)',
    BRIEF + "ALTER TABLE log_event ALTER actor SET NOT NULL",
    BRIEF + "ALTER TABLE log_event ADD COLUMN u uuid DEFAULT gen_random_uuid() NOT NULL",
    BRIEF + "ALTER TABLE log_event ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY",
    BRIEF + "ALTER TABLE log_event ADD COLUMN n bigint NULL CONSTRAINT f REFERENCES journal_finding (id)",
    BRIEF + "COMMIT; ALTER TABLE log_event ADD COLUMN note text NULL",
    "ALTER TABLE journal_finding ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES log_event (id)",
    "CREATE TRIGGER t BEFORE UPDATE ON accounts_balance FOR EACH ROW EXECUTE FUNCTION f()",
    "DROP TRIGGER t ON accounts_balance",
    "DROP INDEX i",
    "UPDATE log_event SET actor = ''",
    "DELETE FROM webhooks_delivery",
    "DO $$ BEGIN UPDATE log_event SET actor = ''; END $$",
    "TRUNCATE TABLE webhooks_delivery",
    "LOCK TABLE log_event IN SHARE MODE",
    "REINDEX TABLE log_event",
]


@pytest.mark.parametrize("statement", GOOD)
def test_what_lets_writers_through(statement: str) -> None:
    assert findings([statement]) == []


@pytest.mark.parametrize("statement", BAD)
def test_what_does_not(statement: str) -> None:
    assert len(findings([statement])) == 1
