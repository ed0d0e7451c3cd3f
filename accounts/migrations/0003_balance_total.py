"""The view of balances by account; names sorted by code point. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
    "balance_total": r'''
-- One row per account with what it has: the sums over its stripes. For lists and the back office; nothing writes here.
-- The sums are taken row by row, so a page of fifty accounts reads the balances of fifty.
CREATE OR REPLACE VIEW accounts_balance_total WITH (security_invoker = true) AS
SELECT account.id AS account_id, account.tenant_id, account.name, account.type, account.currency, account.scale,
       account.unbounded, account.stripes, account.metadata, account.created_at, total.*,
       statement_timestamp() AS as_of
  FROM accounts_account AS account
 CROSS JOIN LATERAL (
       SELECT min(status) AS status, sum(available) AS available, sum(held) AS held, sum(escrowed) AS escrowed,
              sum(bonded) AS bonded, sum(fee_pool) AS fee_pool, sum(promo) AS promo, sum(credit_used) AS credit_used,
              max(credit_limit) AS credit_limit, sum(total_in) AS total_in, sum(total_out) AS total_out,
              sum(version)::bigint AS version, max(updated_at) AS updated_at
         FROM accounts_balance AS balance WHERE balance.account_id = account.id
       ) AS total;
GRANT SELECT ON accounts_balance_total TO ledger_app;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='BalanceTotal',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='total', serialize=False, to='accounts.account')),
                ('name', models.TextField(db_collation='C')),
                ('type', models.TextField(choices=[('asset', 'Asset'), ('liability', 'Liability'), ('equity', 'Equity'), ('revenue', 'Revenue'), ('expense', 'Expense')])),
                ('currency', models.TextField()),
                ('scale', models.SmallIntegerField()),
                ('unbounded', models.BooleanField()),
                ('stripes', models.SmallIntegerField()),
                ('metadata', models.JSONField()),
                ('created_at', models.DateTimeField()),
                ('status', models.TextField()),
                ('available', models.DecimalField(decimal_places=0, max_digits=38)),
                ('held', models.DecimalField(decimal_places=0, max_digits=38)),
                ('escrowed', models.DecimalField(decimal_places=0, max_digits=38)),
                ('bonded', models.DecimalField(decimal_places=0, max_digits=38)),
                ('fee_pool', models.DecimalField(decimal_places=0, max_digits=38)),
                ('promo', models.DecimalField(decimal_places=0, max_digits=38)),
                ('credit_used', models.DecimalField(decimal_places=0, max_digits=38)),
                ('credit_limit', models.DecimalField(decimal_places=0, max_digits=38)),
                ('total_in', models.DecimalField(decimal_places=0, max_digits=38)),
                ('total_out', models.DecimalField(decimal_places=0, max_digits=38)),
                ('version', models.BigIntegerField()),
                ('updated_at', models.DateTimeField()),
                ('as_of', models.DateTimeField()),
            ],
            options={
                'db_table': 'accounts_balance_total',
                'managed': False,
            },
        ),
        migrations.AlterField(
            model_name='account',
            name='name',
            field=models.TextField(db_collation='C'),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
