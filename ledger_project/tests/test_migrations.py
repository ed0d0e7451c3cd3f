"""Migrations run while the ledger is used: none of them keeps writers out of a big table, and none is edited."""

import hashlib
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from ledger_project.testing.locks import BIG, findings

# What version 0.1 begins with: of these tables none had a row.
BEFORE = {"accounts": 2, "holds": 2, "journal": 2, "log": 3, "reserves": 2, "webhooks": 2}
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
        (("journal", "0002_v0_1_rules"), "an index without CONCURRENTLY"),
        (("log", "0003_v0_1_sealed_log"), "the table's lock is not waited for briefly"),
        (("accounts", "0002_v0_1_rules"), "is no SQL"),
    ],
)
def test_the_rule_would_have_found_older_ones(node: tuple[str, str], wrong: str) -> None:
    assert wrong in "\n".join(found(node))


LANDED = Path(__file__).with_name("landed_migrations.txt")
ROOT = Path(__file__).parents[2]
HOUSES = {ROOT, ROOT / "ledger_project"}


def test_no_migration_that_landed_is_edited() -> None:
    """Databases out there have run it as it was. What is wrong with one, the next one puts right."""
    ours = [Path(app.path).relative_to(ROOT) for app in apps.get_app_configs() if Path(app.path).parent in HOUSES]
    found = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for app in ours
        for path in (ROOT / app).glob("migrations/0*.py")
    }
    landed = dict(reversed(line.split("  ")) for line in LANDED.read_text("utf-8").splitlines())

    edited = sorted(path for path, digest in landed.items() if found.get(path, "") != digest)
    assert not edited, f"landed, then edited or removed: {edited}; restore them, and write a new migration"
    new = [f"{found[path]}  {path}" for path in sorted(found.keys() - landed.keys())]
    assert not new, f"add what a new migration is to {LANDED.name}:\n" + "\n".join(new)


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
