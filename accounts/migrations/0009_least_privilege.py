"""The app's role keeps what the back office needs of Django's tables, and caps stay closed. The SQL is frozen, sql/ has
the living text."""

from django.db import migrations

RULES = {
    "backoffice_grants": r'''
-- What Django's own tables need for the back office: logins, groups, sessions and the admin's log of clicks. People and
-- groups are not deleted, rights come from groups alone, and what rights there are is for migrations to say.
REVOKE ALL ON auth_user, auth_group, auth_permission, auth_user_groups, auth_group_permissions,
    auth_user_user_permissions, django_session, django_admin_log, django_content_type, django_migrations FROM ledger_app;
GRANT SELECT, INSERT, UPDATE ON auth_user, auth_group TO ledger_app;
GRANT SELECT, INSERT, DELETE ON auth_user_groups, auth_group_permissions TO ledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO ledger_app;
GRANT SELECT, INSERT ON django_admin_log TO ledger_app;
GRANT SELECT ON auth_permission, auth_user_user_permissions, django_content_type, django_migrations TO ledger_app;
''',
    "second_factor_grants": r'''
-- The app's role keeps the second factors of the staff: who sets one up, uses it, and has it taken away. A backup code
-- is used once and gone.
REVOKE ALL ON otp_static_statictoken FROM ledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON otp_totp_totpdevice, otp_static_staticdevice TO ledger_app;
GRANT SELECT, INSERT, DELETE ON otp_static_statictoken TO ledger_app;
''',
    "spend_cap_reopened": r'''
-- Forbids that what a session key has spent becomes less, or that its day or its last spend move back or are forgotten,
-- which would open a cap again. A new day begins its own count.
-- Speaks: before each update that would. Becomes: a bug; the executor's time does not run back over a row.
CREATE OR REPLACE FUNCTION ledger_spend_cap_reopened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was spent with session key % stays spent', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'spend_cap_reopened', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER spend_cap_reopened BEFORE UPDATE ON accounts_sessionkey
    FOR EACH ROW WHEN (NEW.spent_total < OLD.spent_total OR NEW.spent_most < OLD.spent_most
        OR (NEW.day = OLD.day AND NEW.spent_day < OLD.spent_day)
        OR (OLD.day IS NOT NULL AND (NEW.day IS NULL OR NEW.day < OLD.day))
        OR (OLD.last_spent_at IS NOT NULL AND (NEW.last_spent_at IS NULL OR NEW.last_spent_at < OLD.last_spent_at)))
    EXECUTE FUNCTION ledger_spend_cap_reopened();
ALTER TABLE accounts_sessionkey ENABLE ALWAYS TRIGGER spend_cap_reopened;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_key_lineage'),
    ]

    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
