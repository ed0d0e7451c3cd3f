"""What tells a copy is kept, and what contradicts the log stays open. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "contradiction_stays_open": r'''
-- Forbids that what an anchor has shown to be wrong with the log is closed by anything but an operator's decision, which is
-- a row of log_instance made in the same transaction.
-- Speaks: before the row is updated. Becomes: contradiction_stays_open, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_contradiction_stays_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM log_instance WHERE made_at >= transaction_timestamp()) THEN
        RAISE EXCEPTION 'the finding % is closed by manage.py unfence alone', OLD.kind
            USING ERRCODE = '23514', CONSTRAINT = 'contradiction_stays_open', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER contradiction_stays_open BEFORE UPDATE ON log_sealingfinding
    FOR EACH ROW WHEN (OLD.kind IN ('cut_back', 'forked') AND OLD.resolved_at IS NULL AND NEW.resolved_at IS NOT NULL)
    EXECUTE FUNCTION ledger_contradiction_stays_open();
ALTER TABLE log_sealingfinding ENABLE ALWAYS TRIGGER contradiction_stays_open;
''',
    "instance_append_only": r'''
-- Forbids UPDATE, DELETE and TRUNCATE on which copy this database is: who let it go on, and why, is kept.
-- Speaks: before the statement. Becomes: append_only, a bug of the caller, never a refusal.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_instance
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_instance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE log_instance ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_instance ENABLE ALWAYS TRIGGER append_only_truncate;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('log', '0011_instance'),
    ]

    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
