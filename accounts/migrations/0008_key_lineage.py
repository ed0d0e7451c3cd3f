"""Keys know who issued them and who answers for them; names of the staff are final. The SQL is frozen, sql/ has the
living text."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

RULES = {
    "key_outranks_issuer": r'''
-- Forbids an API key that could do more than the key that issued it: another tenant, a wider scope, another account,
-- a later end, a lineage or an identity of its own making.
-- Speaks: before each new key that does not follow from its parent. Becomes: Forbidden.
CREATE OR REPLACE FUNCTION ledger_key_outranks_issuer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    issuer accounts_apikey;
BEGIN
    SELECT * INTO issuer FROM accounts_apikey WHERE id = NEW.parent_id AND tenant_id = NEW.tenant_id;
    IF (NEW.parent_id IS NULL AND NEW.lineage <> '{}')
       OR (NEW.parent_id IS NOT NULL AND (
           issuer.id IS NULL
           OR NEW.lineage IS DISTINCT FROM issuer.lineage || issuer.id
           OR NEW.identity IS DISTINCT FROM issuer.identity
           OR (issuer.account_id IS NOT NULL AND NEW.account_id IS DISTINCT FROM issuer.account_id)
           OR (issuer.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > issuer.expires_at))
           OR EXISTS (SELECT FROM jsonb_array_elements_text(NEW.scopes) AS scope
                       WHERE NOT issuer.scopes ?| ARRAY[scope, '*', split_part(scope, '.', 1) || '.*'])))
    THEN
        RAISE EXCEPTION 'key % could do more than the key that issued it', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'key_outranks_issuer', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER key_outranks_issuer BEFORE INSERT ON accounts_apikey
    FOR EACH ROW EXECUTE FUNCTION ledger_key_outranks_issuer();
ALTER TABLE accounts_apikey ENABLE ALWAYS TRIGGER key_outranks_issuer;
''',
    "username_is_final": r'''
-- Forbids another name for a member of the staff: the log names people by it.
-- Speaks: before each update of a user that changes the name.
CREATE OR REPLACE FUNCTION ledger_username_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'user % keeps the name that the log has', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'username_is_final', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER username_is_final BEFORE UPDATE ON auth_user
    FOR EACH ROW WHEN (OLD.username IS DISTINCT FROM NEW.username)
    EXECUTE FUNCTION ledger_username_is_final();
ALTER TABLE auth_user ENABLE ALWAYS TRIGGER username_is_final;
''',
}

# A key from before has no known issuer, so it answers for itself.
ANSWERS_FOR_ITSELF = """
ALTER TABLE accounts_apikey ALTER COLUMN identity TYPE text USING 'key_' || replace(id::text, '-', '')
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_reserved_name"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.AddField("apikey", "identity", models.TextField(default=""), preserve_default=False),
        migrations.RunSQL(ANSWERS_FOR_ITSELF, migrations.RunSQL.noop),
        migrations.AddField(
            "apikey",
            "lineage",
            django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None),
        ),
        migrations.AddField(
            "apikey",
            "parent",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="children",
                to="accounts.apikey",
            ),
        ),
        migrations.AddIndex(
            "apikey", django.contrib.postgres.indexes.GinIndex(fields=["lineage"], name="api_key_lineage")
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
