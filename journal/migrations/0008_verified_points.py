"""Points from which replay goes on. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
import ledger_project.log.models
from django.db import migrations, models

RULES = {
    "verified_grants": r'''
-- The app's role notes what it verified, and moves the note on.
GRANT SELECT, INSERT, UPDATE ON journal_verifiedpoint, journal_verifiedbalance TO ledger_app;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_reserved_name'),
        ('journal', '0007_judged_by_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='VerifiedPoint',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='accounts.tenant')),
                ('snapshot', ledger_project.log.models.SnapshotField()),
                ('verified_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='VerifiedBalance',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'stripe', blank=True, editable=False, primary_key=True, serialize=False)),
                ('stripe', models.SmallIntegerField()),
                ('version', models.BigIntegerField()),
                ('available', models.DecimalField(decimal_places=0, max_digits=38)),
                ('held', models.DecimalField(decimal_places=0, max_digits=38)),
                ('escrowed', models.DecimalField(decimal_places=0, max_digits=38)),
                ('bonded', models.DecimalField(decimal_places=0, max_digits=38)),
                ('fee_pool', models.DecimalField(decimal_places=0, max_digits=38)),
                ('promo', models.DecimalField(decimal_places=0, max_digits=38)),
                ('credit_used', models.DecimalField(decimal_places=0, max_digits=38)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
