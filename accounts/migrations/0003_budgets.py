"""Budgets, and the windows in which they are counted."""

import accounts.folding
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_v0_1_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField(db_collation='C')),
                ('currency', models.TextField()),
                ('account_prefix', models.TextField(null=True)),
                ('window', models.TextField(choices=[('hour', 'hour'), ('day', 'day'), ('week', 'week'), ('month', 'month'), ('total', 'total')])),
                ('time_zone', models.TextField()),
                ('limit', models.DecimalField(decimal_places=0, max_digits=38)),
                ('mode', models.TextField(choices=[('hard', 'hard'), ('soft', 'soft')])),
                ('alerts', models.JSONField()),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('models', models.JSONField(null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('session_key', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='budgets', to='accounts.sessionkey')),
                ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='accounts.budget')),
                ('account', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='budgets', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='BudgetWindow',
            fields=[
                ('pk', models.CompositePrimaryKey('budget_id', 'starts_at', blank=True, editable=False, primary_key=True, serialize=False)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='windows', to='accounts.budget')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(null=True)),
                ('used', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('reserved', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('over', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('alert', models.SmallIntegerField(default=0)),
                ('told', models.SmallIntegerField(default=0)),
            ],
        ),
        migrations.AddIndex(
            model_name='budget',
            index=models.Index(fields=['tenant', 'id'], name='budget_page'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('name'), condition=models.Q(('ended_at__isnull', True)), name='budget_name'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(('limit__gte', 0), ('mode__in', ['hard', 'soft'])), name='budget_form'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('account__isnull', True), ('account_prefix__isnull', True)), models.Q(('account__isnull', True), ('session_key__isnull', True)), models.Q(('account_prefix__isnull', True), ('session_key__isnull', True)), _connector='OR'), name='budget_is_for_one'),
        ),
        migrations.AddIndex(
            model_name='budgetwindow',
            index=models.Index(condition=models.Q(('told__lt', models.F('alert'))), fields=['tenant', 'budget'], name='budget_alert_due'),
        ),
        migrations.AddConstraint(
            model_name='budgetwindow',
            constraint=models.CheckConstraint(condition=models.Q(('over__gte', 0), ('reserved__gte', 0), ('used__gte', 0), ('told__gte', 0), ('told__lte', models.F('alert'))), name='budget_window_form'),
        ),
    ]
