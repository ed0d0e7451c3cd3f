"""The tables of version 0.1."""

import accounts.folding
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models


RULES = {
    "folded": r'''
-- The form by which names and references are compared (ledger_project/kernel/identity.py has the same, for Python):
-- composed, without the blanks around it, hex addresses and hashes in small letters and with their 0x.
CREATE OR REPLACE FUNCTION folded(spelling text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    plain text := btrim(normalize(spelling, NFC),
        U&' \00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\202F\205F\3000');
BEGIN
    IF length(plain) < 42 OR plain !~ '(^|:)(0[xX][0-9a-fA-F]{40}|(0[xX])?[0-9a-fA-F]{64})(:|$)' THEN
        RETURN plain;
    END IF;
    RETURN (SELECT string_agg(CASE
                       WHEN part ~ '^0[xX]([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$' THEN lower(part COLLATE "C")
                       WHEN part ~ '^[0-9a-fA-F]{64}$' THEN '0x' || lower(part COLLATE "C")
                       ELSE part END, ':' ORDER BY place)
              FROM unnest(string_to_array(plain, ':')) WITH ORDINALITY AS parts (part, place));
END $$;
-- Whether a text can be an identity: composed, no blanks around it, nothing in it that nobody sees.
CREATE OR REPLACE FUNCTION fit_identity(spelling text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN spelling = btrim(normalize(spelling, NFC),
            U&' \00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\202F\205F\3000')
        AND spelling !~ '[\u0001-\u001f\u007f-\u009f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]';
END $$;
''',
}


class Migration(migrations.Migration):

    replaces = [('accounts', '0001_initial'), ('accounts', '0003_balance_total'), ('accounts', '0004_staff_groups'), ('accounts', '0005_session_keys'), ('accounts', '0006_second_factor'), ('accounts', '0007_reserved_name'), ('accounts', '0008_key_lineage'), ('accounts', '0009_least_privilege'), ('accounts', '0010_identities')]

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.RunSQL(RULES["folded"], migrations.RunSQL.noop),
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('name', models.TextField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField(db_collation='C')),
                ('type', models.TextField(choices=[('asset', 'Asset'), ('liability', 'Liability'), ('equity', 'Equity'), ('revenue', 'Revenue'), ('expense', 'Expense')])),
                ('currency', models.TextField()),
                ('scale', models.SmallIntegerField()),
                ('unbounded', models.BooleanField()),
                ('stripes', models.SmallIntegerField()),
                ('metadata', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='accounts.tenant')),
            ],
        ),
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
        migrations.CreateModel(
            name='Currency',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.TextField()),
                ('scale', models.SmallIntegerField()),
                ('name', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='currencies', to='accounts.tenant')),
            ],
            options={
                'verbose_name_plural': 'currencies',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'code'), name='currency_exists'), models.UniqueConstraint(fields=('tenant', 'code', 'scale'), name='currency_scale'), models.CheckConstraint(condition=models.Q(('scale__range', (0, 36))), name='currency_scale_range')],
            },
        ),
        migrations.CreateModel(
            name='Balance',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'stripe', blank=True, editable=False, primary_key=True, serialize=False)),
                ('stripe', models.SmallIntegerField(default=0)),
                ('status', models.TextField(default='open')),
                ('unbounded', models.BooleanField(default=False)),
                ('available', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('held', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('escrowed', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('bonded', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('fee_pool', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('promo', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('credit_used', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('credit_limit', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('total_in', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('total_out', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('version', models.BigIntegerField(default=0)),
                ('updated_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='balances', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('available__gte', 0), ('unbounded', True), _connector='OR'), ('held__gte', 0), ('escrowed__gte', 0), ('bonded__gte', 0), ('fee_pool__gte', 0), ('promo__gte', 0)), name='insufficient_funds'), models.CheckConstraint(condition=models.Q(('credit_used__gte', 0), ('credit_limit__gte', 0)), name='credit_not_negative'), models.CheckConstraint(condition=models.Q(('status__in', ['open', 'frozen', 'closed'])), name='account_status'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'closed'), _negated=True), models.Q(('available', 0), ('bonded', 0), ('credit_used', 0), ('escrowed', 0), ('fee_pool', 0), ('held', 0), ('promo', 0)), ('unbounded', True), _connector='OR'), name='account_not_empty'), models.CheckConstraint(condition=models.Q(('total_in', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('total_out'), '+', models.F('available')), '+', models.F('held')), '+', models.F('escrowed')), '+', models.F('bonded')), '+', models.F('fee_pool')), '+', models.F('promo')), '-', models.F('credit_used')))), name='totals_match_buckets')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('prefix', models.TextField()),
                ('digest', models.BinaryField(unique=True)),
                ('scopes', models.JSONField()),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='accounts.tenant')),
                ('identity', models.TextField()),
                ('lineage', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='accounts.apikey')),
            ],
            options={
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['lineage'], name='api_key_lineage')],
            },
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['tenant', 'id'], name='account_page'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(fields=['tenant', 'name'], name='account_by_name'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('name'), name='account_exists'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('type__in', ['asset', 'liability', 'equity', 'revenue', 'expense'])), name='account_type'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('stripes__range', (1, 64))), name='account_stripes'),
        ),
    ]
