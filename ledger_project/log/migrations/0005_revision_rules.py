"""A revision only grows. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "revision_grants": r'''
-- The app's role counts the changes of a tenant's rules.
GRANT SELECT, INSERT ON log_revision TO ledger_app;
GRANT UPDATE (revision) ON log_revision TO ledger_app;
''',
    "revision_runs_back": r'''
-- Forbids that the revision of a tenant's rules becomes less, or stays: a process would go on by rules of before.
-- Speaks: before each update that would. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_revision_runs_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a revision only grows'
        USING ERRCODE = '23514', CONSTRAINT = 'revision_runs_back', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER revision_runs_back BEFORE UPDATE ON log_revision
    FOR EACH ROW WHEN (NEW.revision <= OLD.revision)
    EXECUTE FUNCTION ledger_revision_runs_back();
ALTER TABLE log_revision ENABLE ALWAYS TRIGGER revision_runs_back;
''',
}


class Migration(migrations.Migration):
    dependencies = [("log", "0004_revision")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
