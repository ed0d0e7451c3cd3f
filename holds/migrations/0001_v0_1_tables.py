"""The tables of version 0.1."""

import accounts.folding
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('holds', '0001_initial'), ('holds', '0003_agent_currency'), ('holds', '0004_x402_authorizations'), ('holds', '0005_identities')]

    initial = True

    dependencies = [
        ('accounts', '0001_v0_1_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='AgentCurrency',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='agent_currency', serialize=False, to='accounts.tenant')),
                ('currency', models.TextField()),
                ('set_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'agent currencies',
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('kind', models.TextField(choices=[('hold', 'Hold'), ('escrow', 'Escrow'), ('stake', 'Stake'), ('withdrawal', 'Withdrawal')])),
                ('stripe', models.SmallIntegerField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('captured', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('released', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('overcaptured', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('allow_overcapture', models.BooleanField(default=False)),
                ('status', models.TextField(choices=[('pending', 'Pending'), ('disputed', 'Disputed'), ('captured', 'Captured'), ('released', 'Released'), ('refunded', 'Refunded'), ('resolved', 'Resolved'), ('slashed', 'Slashed'), ('expired', 'Expired'), ('confirmed', 'Confirmed'), ('failed', 'Failed')], default='pending')),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('on_timeout', models.TextField(default='refund')),
                ('reason', models.TextField(blank=True, default='')),
                ('references', models.JSONField(default=dict)),
                ('order_id', models.TextField(blank=True, null=True)),
                ('captured_entry', models.UUIDField(blank=True, null=True)),
                ('destination', models.TextField(blank=True, null=True)),
                ('external_ref', models.TextField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='accounts.account')),
                ('counterparty', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='PaymentAuthorization',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('scheme', models.TextField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('nonce', models.TextField()),
                ('api_key', models.UUIDField(blank=True, null=True)),
                ('session_key', models.UUIDField(blank=True, null=True)),
                ('resource', models.TextField(blank=True, default='')),
                ('status', models.TextField(choices=[('open', 'Open'), ('claimed', 'Claimed'), ('settled', 'Settled'), ('cancelled', 'Cancelled')], default='open')),
                ('claim', models.TextField(blank=True, null=True)),
                ('settled', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('expires_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('counterparty', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Deposit',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('source', models.TextField()),
                ('external_ref', models.TextField()),
                ('status', models.TextField(choices=[('announced', 'Announced'), ('failed', 'Failed'), ('confirmed', 'Confirmed')])),
                ('reason', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deposits', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'id'], name='deposit_page'), models.Index(fields=['account', 'id'], name='deposit_of_account'), models.Index(condition=models.Q(('status', 'announced')), fields=['account'], name='deposit_announced')],
                'constraints': [models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('source'), accounts.folding.Folded('external_ref'), name='duplicate_deposit'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='deposit_amount'), models.CheckConstraint(condition=models.Q(('status__in', ['announced', 'failed', 'confirmed'])), name='deposit_status')],
            },
        ),
        migrations.CreateModel(
            name='Payout',
            fields=[
                ('withdrawal', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='payout', serialize=False, to='holds.hold')),
                ('attempts', models.IntegerField(default=0)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('next_try_at', models.DateTimeField()),
                ('answer', models.TextField(blank=True, choices=[('paid', 'Paid'), ('failed', 'Failed')], default='')),
                ('external_ref', models.TextField(blank=True, default='')),
                ('last_error', models.TextField(blank=True, default='')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(fields=['tenant', 'kind', 'id'], name='hold_page'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(fields=['account', 'id'], name='hold_of_account'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('status', 'pending')), fields=['tenant', 'expires_at', 'id'], name='hold_due'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('kind', 'withdrawal'), ('status', 'pending')), fields=['id'], name='withdrawal_pending'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('references', {}), _negated=True), fields=['references'], name='hold_references', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('external_ref'), condition=models.Q(('external_ref__isnull', False)), name='duplicate_withdrawal'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='hold_amount'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('captured__gte', 0), ('released__gte', 0), ('amount__gte', django.db.models.expressions.CombinedExpression(models.F('captured'), '+', models.F('released')))), name='capture_exceeds_hold'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('overcaptured', 0), models.Q(('allow_overcapture', True), ('amount', django.db.models.expressions.CombinedExpression(models.F('captured'), '+', models.F('released'))), ('overcaptured__gt', 0)), _connector='OR'), name='hold_overcapture'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', django.db.models.expressions.CombinedExpression(models.F('captured'), '+', models.F('released'))), ('status__in', ['pending', 'disputed'])), models.Q(models.Q(('status__in', ['pending', 'disputed']), _negated=True), ('amount', django.db.models.expressions.CombinedExpression(models.F('captured'), '+', models.F('released')))), _connector='OR'), name='hold_status_matches_amounts'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'hold'), ('status__in', ['pending', 'captured', 'released', 'expired'])), models.Q(('counterparty__isnull', False), ('kind', 'escrow'), ('status__in', ['pending', 'disputed', 'released', 'refunded', 'resolved', 'expired'])), models.Q(('expires_at__isnull', True), ('kind', 'stake'), ('status__in', ['pending', 'released', 'slashed'])), models.Q(('destination__isnull', False), ('expires_at__isnull', True), ('kind', 'withdrawal'), ('status__in', ['pending', 'confirmed', 'failed'])), _connector='OR'), name='hold_kind'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('on_timeout__in', ['refund', 'release'])), name='hold_on_timeout'),
        ),
        migrations.AddIndex(
            model_name='paymentauthorization',
            index=models.Index(fields=['tenant', 'id'], name='authorization_page'),
        ),
        migrations.AddIndex(
            model_name='paymentauthorization',
            index=models.Index(fields=['account', 'id'], name='authorization_of_account'),
        ),
        migrations.AddConstraint(
            model_name='paymentauthorization',
            constraint=models.UniqueConstraint(fields=('tenant', 'account', 'nonce'), name='payment_identifier_reused'),
        ),
        migrations.AddConstraint(
            model_name='paymentauthorization',
            constraint=models.CheckConstraint(condition=models.Q(('scheme__in', ['upto', 'exact'])), name='authorization_scheme'),
        ),
        migrations.AddConstraint(
            model_name='paymentauthorization',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='authorization_amount'),
        ),
        migrations.AddConstraint(
            model_name='paymentauthorization',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('claim__isnull', True), ('settled__isnull', True), ('status__in', ['open', 'cancelled'])), models.Q(('claim__isnull', False), ('settled__isnull', True), ('status', 'claimed')), models.Q(('settled__gte', 0), ('settled__lte', models.F('amount')), ('status', 'settled')), _connector='OR'), name='authorization_status'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('answer__in', ['', 'paid', 'failed'])), name='payout_answer'),
        ),
    ]
