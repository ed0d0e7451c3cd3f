"""What PostgreSQL forbids about usage, and what the app may do. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "append_only": r'''
-- Forbids changing and deleting what was published and what was recorded, to whoever it is.
-- Speaks: before each update, delete and truncate. Becomes: a bug.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON usage_priceversion
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON usage_priceversion
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON usage_usage
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON usage_usage
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE usage_priceversion ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE usage_priceversion ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE usage_usage ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE usage_usage ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "grants": r'''
-- The app's role publishes prices and records usage, and changes neither; what an account carries on it counts.
GRANT SELECT, INSERT ON usage_priceversion, usage_usage, usage_meter TO ledger_app;
GRANT UPDATE (remainder, counts) ON usage_meter TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("log", "0005_revision_rules"), ("usage", "0001_tables")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
