"""What PostgreSQL forbids about the log, and what each role may do. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "append_only": r'''
-- Forbids UPDATE, DELETE and TRUNCATE on the tables it guards, to every role, replication roles included.
-- Speaks: before the statement. Becomes: append_only, a bug of the caller, never a refusal.
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is forbidden: it is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = '23514', CONSTRAINT = 'append_only', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_event
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_event
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE log_event ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_event ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "grants": r'''
-- The app's role adds to the log and can do nothing else to it; which transaction wrote an event is not for it to say.
GRANT SELECT ON log_event TO ledger_app;
GRANT INSERT (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash, recorded_at)
    ON log_event TO ledger_app;
''',
}


class Migration(migrations.Migration):
    replaces = [("log", "0002_rules")]
    dependencies = [
        ("accounts", "0002_v0_1_rules"),
        ("log", "0001_v0_1_tables"),
    ]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
    ]
