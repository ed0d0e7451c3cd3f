"""The app's role keeps what the back office needs of Django's tables. The SQL is frozen, sql/ has the living text."""

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
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_reserved_name'),
    ]

    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
