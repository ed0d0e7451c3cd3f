"""What PostgreSQL forbids about webhooks, and what each role may do. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "grants": r'''
-- The app's role keeps webhooks and what became of their deliveries. A webhook's row is never removed: the log speaks of
-- it. Its secrets and the log of its deliveries are.
GRANT SELECT ON webhooks_endpoint, webhooks_secret, webhooks_cursor, webhooks_delivery, webhooks_attempt, webhooks_outlet
    TO ledger_app;
GRANT INSERT ON webhooks_endpoint, webhooks_secret, webhooks_cursor, webhooks_delivery, webhooks_attempt TO ledger_app;
GRANT UPDATE (url, types, description, enabled, disabled_reason, disabled_at, generation, rotated_at, deleted_at, slot,
              ordered)
    ON webhooks_endpoint TO ledger_app;
GRANT UPDATE (next_index, due_at, rest_until, failures, failing_since, last_success_at, lease, lease_until,
              milliseconds)
    ON webhooks_cursor TO ledger_app;
GRANT UPDATE (state, attempts, due_at, settled_at) ON webhooks_delivery TO ledger_app;
GRANT UPDATE (ended_at, status, error, detail, milliseconds) ON webhooks_attempt TO ledger_app;
GRANT UPDATE (next_index) ON webhooks_outlet TO ledger_app;
GRANT DELETE ON webhooks_secret, webhooks_delivery, webhooks_attempt TO ledger_app;
''',
    "webhook_of_another": r'''
-- Forbids a webhook of another tenant's account, and any change of the account that it was registered for: a webhook is
-- told of what concerns its account.
-- Speaks: before each new webhook with an account, and before each update of the column.
CREATE OR REPLACE FUNCTION ledger_webhook_of_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       OR NOT EXISTS (SELECT FROM accounts_account WHERE id = NEW.account_id AND tenant_id = NEW.tenant_id)
    THEN
        RAISE EXCEPTION 'webhook % is not of account %', NEW.id, NEW.account_id
            USING ERRCODE = '23514', CONSTRAINT = 'webhook_of_another', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER webhook_of_another BEFORE INSERT ON webhooks_endpoint
    FOR EACH ROW WHEN (NEW.account_id IS NOT NULL) EXECUTE FUNCTION ledger_webhook_of_another();
ALTER TABLE webhooks_endpoint ENABLE ALWAYS TRIGGER webhook_of_another;
CREATE OR REPLACE TRIGGER webhook_of_another_update BEFORE UPDATE ON webhooks_endpoint
    FOR EACH ROW WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id)
    EXECUTE FUNCTION ledger_webhook_of_another();
ALTER TABLE webhooks_endpoint ENABLE ALWAYS TRIGGER webhook_of_another_update;
''',
}


class Migration(migrations.Migration):
    replaces = [("webhooks", "0002_rules")]
    dependencies = [
        ("log", "0003_v0_1_sealed_log"),
        ("webhooks", "0001_v0_1_tables"),
    ]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
        migrations.RunSQL(
            "INSERT INTO webhooks_outlet (name, next_index) VALUES ('redis', 0)", "DELETE FROM webhooks_outlet"
        ),
    ]
