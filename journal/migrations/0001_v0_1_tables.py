"""The tables of version 0.1."""

import accounts.folding
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import ledger_project.log.models
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('journal', '0001_initial'), ('journal', '0003_posting_line'), ('journal', '0004_money_verbs'), ('journal', '0005_monitors'), ('journal', '0006_monitor_rules'), ('journal', '0007_judged_by_index'), ('journal', '0008_verified_points'), ('journal', '0009_reconciliations'), ('journal', '0010_books_at_any_moment'), ('journal', '0011_reconciliation_newest'), ('journal', '0012_issued_statements'), ('journal', '0013_external_statements'), ('journal', '0014_judged_once'), ('journal', '0015_two_people'), ('journal', '0016_identities')]

    initial = True

    dependencies = [
        ('accounts', '0001_v0_1_tables'),
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
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('effective_at', models.DateTimeField()),
                ('kind', models.TextField()),
                ('description', models.TextField(blank=True, default='')),
                ('references', models.JSONField(default=dict)),
                ('metadata', models.JSONField(default=dict)),
                ('reverses', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversals', to='journal.entry')),
            ],
            options={
                'verbose_name_plural': 'entries',
            },
        ),
        migrations.CreateModel(
            name='MonitorCursor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('next_index', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='VerifiedPoint',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='accounts.tenant')),
                ('snapshot', ledger_project.log.models.SnapshotField()),
                ('verified_at', models.DateTimeField()),
            ],
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
        ),
        migrations.CreateModel(
            name='ExternalStatement',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('format', models.TextField()),
                ('sha256', models.TextField()),
                ('content', models.TextField()),
                ('lines', models.IntegerField()),
                ('first_date', models.DateField()),
                ('last_date', models.DateField()),
                ('money_in', models.DecimalField(decimal_places=0, max_digits=38)),
                ('money_out', models.DecimalField(decimal_places=0, max_digits=38)),
                ('opening', models.DecimalField(decimal_places=0, max_digits=38, null=True)),
                ('closing', models.DecimalField(decimal_places=0, max_digits=38, null=True)),
                ('uploaded_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='external_statements', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='ExternalMatch',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('kind', models.TextField(choices=[('matched', 'Matched'), ('resolved', 'Resolved'), ('adjusted', 'Adjusted')])),
                ('how', models.TextField()),
                ('reason', models.TextField()),
                ('difference', models.DecimalField(decimal_places=0, max_digits=38)),
                ('tolerance', models.DecimalField(decimal_places=0, max_digits=38)),
                ('created_at', models.DateTimeField()),
                ('undone_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='journal.externalstatement')),
            ],
            options={
                'verbose_name_plural': 'external matches',
            },
        ),
        migrations.CreateModel(
            name='ExternalLine',
            fields=[
                ('pk', models.CompositePrimaryKey('statement_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('date', models.DateField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('reference', models.TextField()),
                ('description', models.TextField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='statement_lines', to='journal.externalstatement')),
            ],
        ),
        migrations.CreateModel(
            name='ExternalAdjustment',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField(null=True)),
                ('entry', models.UUIDField(null=True)),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('reason', models.TextField()),
                ('status', models.TextField(choices=[('pending', 'Pending'), ('posted', 'Posted'), ('rejected', 'Rejected')])),
                ('proposed_by', models.TextField()),
                ('proposed_at', models.DateTimeField()),
                ('decided_by', models.TextField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decision', models.TextField(blank=True, default='')),
                ('posted', models.UUIDField(null=True)),
                ('counter_account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='adjustments', to='journal.externalstatement')),
                ('decided_identity', models.TextField(null=True)),
                ('proposed_identity', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='IssuedStatement',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('opening', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=0, max_digits=38), size=None)),
                ('closing', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=0, max_digits=38), size=None)),
                ('version', models.BigIntegerField()),
                ('total_in', models.DecimalField(decimal_places=0, max_digits=38)),
                ('total_out', models.DecimalField(decimal_places=0, max_digits=38)),
                ('lines', models.BigIntegerField()),
                ('log_from', models.BigIntegerField()),
                ('log_to', models.BigIntegerField()),
                ('log_root', models.BinaryField(null=True)),
                ('lines_hash', models.BinaryField()),
                ('hash', models.BinaryField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='MatchedEntry',
            fields=[
                ('pk', models.CompositePrimaryKey('match_id', 'entry_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('active', models.BooleanField(default=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='journal.entry')),
                ('match', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='matched_entries', to='journal.externalmatch')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='MatchedLine',
            fields=[
                ('pk', models.CompositePrimaryKey('match_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('active', models.BooleanField(default=True)),
                ('match', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='matched_lines', to='journal.externalmatch')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='journal.externalstatement')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Monitor',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('bucket', models.SmallIntegerField()),
                ('operator', models.TextField()),
                ('value', models.DecimalField(decimal_places=0, max_digits=38)),
                ('running', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('created_at', models.DateTimeField()),
                ('triggered_at', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('slot', models.SmallIntegerField(blank=True, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='monitors', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Crossing',
            fields=[
                ('event', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('entry', models.UUIDField()),
                ('balance_before', models.DecimalField(decimal_places=0, max_digits=38)),
                ('balance', models.DecimalField(decimal_places=0, max_digits=38)),
                ('version', models.BigIntegerField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('monitor', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='crossings', to='journal.monitor')),
            ],
        ),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'stripe', 'version', blank=True, editable=False, primary_key=True, serialize=False)),
                ('seq', models.SmallIntegerField()),
                ('stripe', models.SmallIntegerField()),
                ('bucket', models.SmallIntegerField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('balance_after', models.DecimalField(decimal_places=0, max_digits=38)),
                ('version', models.BigIntegerField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='postings', to='accounts.account')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='postings', to='journal.entry')),
            ],
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
        ),
        migrations.CreateModel(
            name='ReconciliationRun',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('requested_by', models.TextField()),
                ('reason', models.TextField(blank=True, default='')),
                ('requested_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('log_size', models.BigIntegerField(blank=True, null=True)),
                ('mismatches', models.BigIntegerField(blank=True, null=True)),
                ('checks', models.JSONField(default=list)),
                ('reported_at', models.DateTimeField(blank=True, null=True)),
                ('mailed_at', models.DateTimeField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name': 'reconciliation',
            },
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('pk', models.CompositePrimaryKey('run_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('seq', models.IntegerField()),
                ('check_name', models.TextField()),
                ('subject', models.TextField()),
                ('stored', models.TextField()),
                ('replayed', models.TextField()),
                ('account', models.TextField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='journal.reconciliationrun')),
            ],
        ),
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
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['tenant', 'id'], name='entry_page'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('kind', 'transfer'), _negated=True), fields=['tenant', 'kind', 'id'], name='entry_kind_page'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('references', {}), _negated=True), fields=['references'], name='entry_references', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(condition=models.Q(('reverses__isnull', False)), fields=('reverses',), name='already_reversed'),
        ),
        migrations.AddConstraint(
            model_name='clearingaccount',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('domain'), models.F('currency'), name='clearing_account_exists'),
        ),
        migrations.AddIndex(
            model_name='externalstatement',
            index=models.Index(fields=['tenant', 'id'], name='external_statement_page'),
        ),
        migrations.AddConstraint(
            model_name='externalstatement',
            constraint=models.UniqueConstraint(fields=('account', 'sha256'), name='external_statement_exists'),
        ),
        migrations.AddIndex(
            model_name='externalmatch',
            index=models.Index(fields=['statement', 'id'], name='external_match_page'),
        ),
        migrations.AddConstraint(
            model_name='externalmatch',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'resolved'), models.Q(('difference__gte', django.db.models.expressions.CombinedExpression(models.F('tolerance'), '*', models.Value(-1))), ('difference__lte', models.F('tolerance'))), _connector='OR'), name='match_does_not_add_up'),
        ),
        migrations.AddConstraint(
            model_name='externalmatch',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['matched', 'resolved', 'adjusted'])), name='external_match_kind'),
        ),
        migrations.AddConstraint(
            model_name='externalmatch',
            constraint=models.CheckConstraint(condition=models.Q(('how__in', ['reference', 'amount', 'group']), models.Q(('reason', ''), _negated=True), _connector='OR'), name='match_reason'),
        ),
        migrations.AddIndex(
            model_name='externaladjustment',
            index=models.Index(fields=['tenant', 'id'], name='adjustment_page'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.UniqueConstraint(condition=models.Q(('number__isnull', False), ('status', 'pending')), fields=('statement', 'number'), name='adjustment_exists'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.UniqueConstraint(condition=models.Q(('entry__isnull', False), ('status', 'pending')), fields=('statement', 'entry'), name='adjustment_exists_of_entry'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'posted'), _negated=True), models.Q(('decided_identity', models.F('proposed_identity')), _negated=True), _connector='OR'), name='four_eyes'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('entry__isnull', True), ('number__isnull', False)), models.Q(('entry__isnull', False), ('number__isnull', True)), _connector='OR'), name='adjustment_of_one'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_by__isnull', True), ('posted__isnull', True), ('status', 'pending')), models.Q(('decided_by__isnull', False), ('posted__isnull', False), ('status', 'posted')), models.Q(('decided_by__isnull', False), ('posted__isnull', True), ('status', 'rejected')), _connector='OR'), name='adjustment_status'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_by__isnull', True), ('decided_identity__isnull', True)), models.Q(('decided_by__isnull', False), ('decided_identity__isnull', False)), _connector='OR'), name='adjustment_decided'),
        ),
        migrations.AddIndex(
            model_name='issuedstatement',
            index=models.Index(fields=['tenant', '-id'], name='statement_page'),
        ),
        migrations.AddConstraint(
            model_name='issuedstatement',
            constraint=models.UniqueConstraint(fields=('account', 'since'), name='statement_exists'),
        ),
        migrations.AddConstraint(
            model_name='issuedstatement',
            constraint=models.CheckConstraint(condition=models.Q(('since__lt', models.F('until'))), name='statement_period'),
        ),
        migrations.AddConstraint(
            model_name='issuedstatement',
            constraint=models.CheckConstraint(condition=models.Q(('lines__gte', 0), ('log_from__gte', 0), ('log_to__gte', models.F('log_from'))), name='statement_log'),
        ),
        migrations.AddConstraint(
            model_name='matchedentry',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True)), fields=('account', 'entry'), name='already_matched_entry'),
        ),
        migrations.AddConstraint(
            model_name='matchedline',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True)), fields=('statement', 'number'), name='already_matched'),
        ),
        migrations.AddIndex(
            model_name='monitor',
            index=models.Index(fields=['tenant', 'id'], name='monitor_page'),
        ),
        migrations.AddConstraint(
            model_name='monitor',
            constraint=models.UniqueConstraint(fields=('account', 'slot'), name='too_many_monitors'),
        ),
        migrations.AddConstraint(
            model_name='monitor',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deleted_at__isnull', True), ('slot__isnull', False), ('slot__range', (0, 19))), models.Q(('deleted_at__isnull', False), ('slot__isnull', True)), _connector='OR'), name='monitor_slot'),
        ),
        migrations.AddConstraint(
            model_name='monitor',
            constraint=models.CheckConstraint(condition=models.Q(('operator__in', ['lt', 'lte', 'gt', 'gte', 'eq'])), name='monitor_operator'),
        ),
        migrations.AddConstraint(
            model_name='monitor',
            constraint=models.CheckConstraint(condition=models.Q(('bucket__range', (0, 6))), name='monitor_bucket'),
        ),
        migrations.AddConstraint(
            model_name='crossing',
            constraint=models.UniqueConstraint(fields=('monitor', 'entry'), name='already_triggered'),
        ),
        migrations.AddIndex(
            model_name='posting',
            index=models.Index(fields=['entry'], name='posting_entry'),
        ),
        migrations.AddIndex(
            model_name='posting',
            index=models.Index(condition=models.Q(('bucket', 0), _negated=True), fields=['account', 'stripe', 'bucket', 'version'], name='posting_bucket_history'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(('bucket__range', (0, 6))), name='posting_bucket'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='posting_amount'),
        ),
        migrations.AddIndex(
            model_name='promogrant',
            index=models.Index(condition=models.Q(('amount__gt', django.db.models.expressions.CombinedExpression(models.F('spent'), '+', models.F('burned')))), fields=['account', 'expires_at', 'id'], name='promo_open'),
        ),
        migrations.AddIndex(
            model_name='promogrant',
            index=models.Index(condition=models.Q(('amount__gt', django.db.models.expressions.CombinedExpression(models.F('spent'), '+', models.F('burned'))), ('expires_at__isnull', False)), fields=['expires_at'], name='promo_due'),
        ),
        migrations.AddIndex(
            model_name='promogrant',
            index=models.Index(fields=['tenant', 'id'], name='promo_page'),
        ),
        migrations.AddConstraint(
            model_name='promogrant',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', django.db.models.expressions.CombinedExpression(models.F('spent'), '+', models.F('burned'))), ('burned__gte', 0), ('spent__gte', 0)), name='promo_exceeds_grant'),
        ),
        migrations.AddIndex(
            model_name='reconciliationrun',
            index=models.Index(fields=['tenant', '-id'], name='reconciliation_page'),
        ),
        migrations.AddIndex(
            model_name='reconciliationrun',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], name='reconciliation_newest'),
        ),
        migrations.AddIndex(
            model_name='reconciliationrun',
            index=models.Index(condition=models.Q(('mismatches__gt', 0)), fields=['finished_at'], name='reconciliation_mismatched'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('tenant',), name='reconciliation_under_way'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('mismatches__isnull', True), ('reported_at__isnull', True)), models.Q(('finished_at__isnull', False), ('log_size__isnull', False), ('mismatches__gte', 0), ('started_at__isnull', False)), _connector='OR'), name='reconciliation_finished'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationrun',
            constraint=models.CheckConstraint(condition=models.Q(('reported_at__isnull', True), ('mismatches__gt', 0), _connector='OR'), name='reconciliation_matched'),
        ),
        migrations.AddIndex(
            model_name='settlementbatch',
            index=models.Index(fields=['tenant', 'id'], name='settlement_page'),
        ),
        migrations.AddConstraint(
            model_name='settlementbatch',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('netting_batch_id'), name='settlement_exists'),
        ),
        migrations.AddConstraint(
            model_name='settledrange',
            constraint=models.UniqueConstraint(fields=('account', 'stripe', 'version_from'), name='settled_twice'),
        ),
        migrations.AddConstraint(
            model_name='settledrange',
            constraint=models.CheckConstraint(condition=models.Q(('version_to__gt', models.F('version_from'))), name='settled_range'),
        ),
        migrations.AddConstraint(
            model_name='billingrecord',
            constraint=models.UniqueConstraint(models.F('tenant'), models.F('kind'), accounts.folding.Folded('external_id'), name='duplicate_record'),
        ),
        migrations.AddConstraint(
            model_name='refundtotal',
            constraint=models.CheckConstraint(condition=models.Q(('refunded__gte', 0), ('refunded__lte', models.F('amount'))), name='refund_exceeds_original'),
        ),
        migrations.AddConstraint(
            model_name='refundtotal',
            constraint=models.CheckConstraint(condition=models.Q(('reversed', False), ('refunded', 0), _connector='OR'), name='already_refunded'),
        ),
    ]
