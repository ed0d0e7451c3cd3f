"""A webhook can be one account's. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
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
    dependencies = [("accounts", "0008_key_lineage"), ("webhooks", "0003_delivery_page")]

    operations = [
        migrations.AddField(
            "endpoint",
            "account",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.account",
            ),
        ),
        migrations.AddIndex(
            "endpoint",
            models.Index(
                condition=models.Q(("account__isnull", False)), fields=["account", "id"], name="webhook_of_account"
            ),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
