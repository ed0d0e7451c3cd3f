"""The view of postings with their names; rare kinds by index. The SQL is frozen, sql/ has the living text."""

from django.db import migrations, models

RULES = {
    "posting_line": r'''
-- Postings with the names that people know them by, for the back office, under one text id (`<entry>-<seq>`).
CREATE OR REPLACE VIEW journal_posting_line WITH (security_invoker = true) AS
SELECT posting.entry_id || '-' || posting.seq AS id, posting.entry_id, posting.seq, entry.tenant_id, entry.kind,
       entry.effective_at, posting.account_id, account.name, account.currency, account.scale, posting.stripe,
       (ARRAY['available', 'held', 'escrowed', 'bonded', 'fee_pool', 'promo', 'credit_used'])[posting.bucket + 1] AS bucket,
       posting.amount, CASE WHEN NOT account.unbounded THEN posting.balance_after END AS balance_after, posting.version
  FROM journal_posting AS posting
  JOIN journal_entry AS entry ON entry.id = posting.entry_id
  JOIN accounts_account AS account ON account.id = posting.account_id;
GRANT SELECT ON journal_posting_line TO ledger_app;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_balance_total'),
        ('journal', '0002_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='PostingLine',
            fields=[
                ('id', models.TextField(primary_key=True, serialize=False)),
                ('seq', models.SmallIntegerField()),
                ('kind', models.TextField()),
                ('effective_at', models.DateTimeField()),
                ('name', models.TextField()),
                ('currency', models.TextField()),
                ('scale', models.SmallIntegerField()),
                ('stripe', models.SmallIntegerField()),
                ('bucket', models.TextField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('balance_after', models.DecimalField(decimal_places=0, max_digits=38, null=True)),
                ('version', models.BigIntegerField()),
            ],
            options={
                'db_table': 'journal_posting_line',
                'managed': False,
            },
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('kind', 'transfer'), _negated=True), fields=['tenant', 'kind', 'id'], name='entry_kind_page'),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
