"""Events are held to their tenants by statement instead of by row. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
    "event_of_nobody": r'''
-- Forbids an event of a tenant that does not exist. In place of a foreign key, which would ask once for each event of a
-- batch and note every writer on the tenant's row.
-- Speaks: once per statement that inserts events, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_event_of_nobody() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT tenant_id FROM inserted) AS event
                WHERE NOT EXISTS (SELECT FROM accounts_tenant AS tenant WHERE tenant.id = event.tenant_id)) THEN
        RAISE EXCEPTION 'an event belongs to a tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'event_of_nobody', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER event_of_nobody AFTER INSERT ON log_event
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_event_of_nobody();
ALTER TABLE log_event ENABLE ALWAYS TRIGGER event_of_nobody;
-- And no tenant that has events is deleted, or given another number.
CREATE OR REPLACE FUNCTION ledger_tenant_has_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM log_event AS event WHERE event.tenant_id = OLD.id) THEN
        RAISE EXCEPTION 'tenant % has events', OLD.id
            USING ERRCODE = '23514', CONSTRAINT = 'tenant_has_events', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE OR REPLACE TRIGGER tenant_has_events BEFORE DELETE OR UPDATE OF id ON accounts_tenant
    FOR EACH ROW EXECUTE FUNCTION ledger_tenant_has_events();
ALTER TABLE accounts_tenant ENABLE ALWAYS TRIGGER tenant_has_events;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_session_keys'),
        ('log', '0005_sealed_log_rules'),
    ]

    operations = [
        migrations.AlterField(
            model_name='event',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
