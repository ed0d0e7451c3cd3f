"""Refunds, promotional grants, billing records, clearing. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

RULES = {
    "settled_twice": r'''
-- Forbids a settled range that does not begin where the last one of its stripe ended: no posting is settled twice, and
-- none is stepped over. Together with the unique constraint of the same name, which two ranges of one beginning meet.
-- Speaks: before each range that is inserted. Becomes: SettledTwice.
CREATE OR REPLACE FUNCTION ledger_settled_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version_from <> coalesce((SELECT last.version_to FROM journal_settledrange AS last
                                      WHERE last.account_id = NEW.account_id AND last.stripe = NEW.stripe
                                      ORDER BY last.version_from DESC LIMIT 1), 0) THEN
        RAISE EXCEPTION 'a settled range begins where the one before it ended'
            USING ERRCODE = '23514', CONSTRAINT = 'settled_twice', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER settled_twice BEFORE INSERT ON journal_settledrange
    FOR EACH ROW EXECUTE FUNCTION ledger_settled_twice();
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER settled_twice;
''',
    "money_verbs_append_only": r'''
-- Forbids changing or removing what was recorded and settled. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_billingrecord
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_billingrecord
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_billingrecord ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_billingrecord ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_settlementbatch
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_settlementbatch
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_settlementbatch ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_settlementbatch ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_settledrange
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_settledrange
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "money_verbs_grants": r'''
-- The app's role counts refunds, uses up promotional grants, and records the rest once.
GRANT SELECT, INSERT ON journal_refundtotal, journal_promogrant, journal_billingrecord, journal_clearingaccount,
    journal_settlementbatch, journal_settledrange TO ledger_app;
GRANT UPDATE (refunded, reversed) ON journal_refundtotal TO ledger_app;
GRANT UPDATE (spent, burned) ON journal_promogrant TO ledger_app;
GRANT UPDATE (settled_at) ON journal_clearingaccount TO ledger_app;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_session_keys'),
        ('journal', '0003_posting_line'),
    ]

    operations = [
        migrations.CreateModel(
            name='SettlementBatch',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('netting_batch_id', models.TextField()),
                ('since', models.DateTimeField(blank=True, null=True)),
                ('until', models.DateTimeField(blank=True, null=True)),
                ('moved', models.BooleanField()),
                ('recorded_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name_plural': 'settlement batches',
            },
        ),
        migrations.CreateModel(
            name='SettledRange',
            fields=[
                ('pk', models.CompositePrimaryKey('batch_id', 'account_id', 'stripe', blank=True, editable=False, primary_key=True, serialize=False)),
                ('stripe', models.SmallIntegerField()),
                ('version_from', models.BigIntegerField()),
                ('version_to', models.BigIntegerField()),
                ('net', models.DecimalField(decimal_places=0, max_digits=38)),
                ('postings', models.IntegerField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('batch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='ranges', to='journal.settlementbatch')),
            ],
        ),
        migrations.CreateModel(
            name='BillingRecord',
            fields=[
                ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='billing_record', serialize=False, to='journal.entry')),
                ('kind', models.TextField()),
                ('external_id', models.TextField()),
                ('party', models.TextField()),
                ('currency', models.TextField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'kind', 'external_id'), name='duplicate_record')],
            },
        ),
        migrations.CreateModel(
            name='ClearingAccount',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='clearing', serialize=False, to='accounts.account')),
                ('domain', models.TextField()),
                ('currency', models.TextField()),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'domain', 'currency'), name='clearing_account_exists')],
            },
        ),
        migrations.CreateModel(
            name='PromoGrant',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('spent', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('burned', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='promo_grants', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('amount__gt', django.db.models.expressions.CombinedExpression(models.F('spent'), '+', models.F('burned')))), fields=['account', 'expires_at', 'id'], name='promo_open'), models.Index(condition=models.Q(('amount__gt', django.db.models.expressions.CombinedExpression(models.F('spent'), '+', models.F('burned'))), ('expires_at__isnull', False)), fields=['expires_at'], name='promo_due'), models.Index(fields=['tenant', 'id'], name='promo_page')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gte', django.db.models.expressions.CombinedExpression(models.F('spent'), '+', models.F('burned'))), ('burned__gte', 0), ('spent__gte', 0)), name='promo_exceeds_grant')],
            },
        ),
        migrations.CreateModel(
            name='RefundTotal',
            fields=[
                ('entry', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='refund_total', serialize=False, to='journal.entry')),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('refunded', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('reversed', models.BooleanField(default=False)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('refunded__gte', 0), ('refunded__lte', models.F('amount'))), name='refund_exceeds_original'), models.CheckConstraint(condition=models.Q(('reversed', False), ('refunded', 0), _connector='OR'), name='already_refunded')],
            },
        ),
        migrations.AddIndex(
            model_name='settlementbatch',
            index=models.Index(fields=['tenant', 'id'], name='settlement_page'),
        ),
        migrations.AddConstraint(
            model_name='settlementbatch',
            constraint=models.UniqueConstraint(fields=('tenant', 'netting_batch_id'), name='settlement_exists'),
        ),
        migrations.AddConstraint(
            model_name='settledrange',
            constraint=models.UniqueConstraint(fields=('account', 'stripe', 'version_from'), name='settled_twice'),
        ),
        migrations.AddConstraint(
            model_name='settledrange',
            constraint=models.CheckConstraint(condition=models.Q(('version_to__gt', models.F('version_from'))), name='settled_range'),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
