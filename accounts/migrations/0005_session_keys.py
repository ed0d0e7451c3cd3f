"""Session keys. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
    "session_key_revoked": r'''
-- Forbids spending with a revoked session key, and giving one its life back.
-- Speaks: before each update of a revoked key. Becomes: SessionKeyRevoked.
CREATE OR REPLACE FUNCTION ledger_session_key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'session key % is revoked', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'session_key_revoked', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER session_key_revoked BEFORE UPDATE ON accounts_sessionkey
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL)
    EXECUTE FUNCTION ledger_session_key_revoked();
ALTER TABLE accounts_sessionkey ENABLE ALWAYS TRIGGER session_key_revoked;
''',
    "session_key_grants": r'''
-- The app's role issues session keys and counts what is spent with them; their caps are settled when they are issued.
GRANT SELECT, INSERT ON accounts_sessionkey TO ledger_app;
GRANT UPDATE (revoked_at, spent_total, spent_day, spent_most, day, last_spent_at) ON accounts_sessionkey TO ledger_app;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_staff_groups'),
    ]

    operations = [
        migrations.CreateModel(
            name='SessionKey',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('max_per_spend', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('max_per_day', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('max_total', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('allowed_receivers', models.JSONField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('spent_total', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('spent_day', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('spent_most', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('day', models.DateField(blank=True, null=True)),
                ('last_spent_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='session_keys', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'id'], name='session_key_page')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('max_per_spend__isnull', True), ('spent_most__lte', models.F('max_per_spend')), _connector='OR'), models.Q(('max_per_day__isnull', True), ('spent_day__lte', models.F('max_per_day')), _connector='OR'), models.Q(('max_total__isnull', True), ('spent_total__lte', models.F('max_total')), _connector='OR')), name='spend_cap_exceeded'), models.CheckConstraint(condition=models.Q(('spent_most__gte', 0), ('spent_day__gte', 0), ('spent_total__gte', models.F('spent_day'))), name='session_key_spent'), models.CheckConstraint(condition=models.Q(('expires_at__isnull', True), ('last_spent_at__isnull', True), ('last_spent_at__lt', models.F('expires_at')), _connector='OR'), name='session_key_expired')],
            },
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
