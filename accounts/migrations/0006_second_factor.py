"""Rights on the tables of the staff's second factors. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "second_factor_grants": r'''
-- The app's role keeps the second factors of the staff: who sets one up, uses it, and has it taken away.
GRANT SELECT, INSERT, UPDATE, DELETE ON otp_totp_totpdevice, otp_static_staticdevice, otp_static_statictoken TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_session_keys"),
        ("otp_totp", "0003_add_timestamps"),
        ("otp_static", "0003_add_timestamps"),
    ]
    operations = [migrations.RunSQL(RULES["second_factor_grants"], migrations.RunSQL.noop)]
