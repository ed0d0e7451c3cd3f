"""The tables of version 0.1."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('webhooks', '0001_initial'), ('webhooks', '0003_delivery_page'), ('webhooks', '0004_account'), ('webhooks', '0005_any_order')]

    initial = True

    dependencies = [
        ('accounts', '0001_v0_1_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('url', models.TextField()),
                ('types', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('description', models.TextField(blank=True)),
                ('enabled', models.BooleanField()),
                ('disabled_reason', models.TextField(blank=True)),
                ('disabled_at', models.DateTimeField(blank=True, null=True)),
                ('generation', models.IntegerField()),
                ('rotated_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('slot', models.SmallIntegerField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('account', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('ordered', models.BooleanField(db_default=True)),
            ],
            options={
                'verbose_name': 'webhook',
            },
        ),
        migrations.CreateModel(
            name='Outlet',
            fields=[
                ('name', models.TextField(primary_key=True, serialize=False)),
                ('next_index', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('event', models.UUIDField()),
                ('log_index', models.BigIntegerField()),
                ('type', models.TextField()),
                ('state', models.TextField(choices=[('pending', 'Pending'), ('delivered', 'Delivered'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending')),
                ('attempts', models.IntegerField(default=0)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='webhooks.endpoint')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('url', models.TextField()),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('status', models.SmallIntegerField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('detail', models.TextField(blank=True)),
                ('milliseconds', models.IntegerField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('delivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tries', to='webhooks.delivery')),
            ],
        ),
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('pk', models.CompositePrimaryKey('endpoint_id', 'generation', blank=True, editable=False, primary_key=True, serialize=False)),
                ('generation', models.IntegerField()),
                ('sealed', models.TextField()),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='secrets', to='webhooks.endpoint')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Cursor',
            fields=[
                ('endpoint', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='cursor', serialize=False, to='webhooks.endpoint')),
                ('next_index', models.BigIntegerField(blank=True, null=True)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('rest_until', models.DateTimeField(blank=True, null=True)),
                ('failures', models.IntegerField(default=0)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('last_success_at', models.DateTimeField(blank=True, null=True)),
                ('lease', models.UUIDField(blank=True, null=True)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('milliseconds', models.IntegerField(blank=True, null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(fields=['tenant', 'id'], name='webhook_page'),
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(condition=models.Q(('account__isnull', False)), fields=['account', 'id'], name='webhook_of_account'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.UniqueConstraint(fields=('tenant', 'slot'), name='too_many_webhooks'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deleted_at__isnull', True), ('slot__isnull', False), ('slot__range', (0, 49))), models.Q(('deleted_at__isnull', False), ('slot__isnull', True)), _connector='OR'), name='webhook_slot'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['endpoint', 'log_index'], name='webhook_pending'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['-log_index', '-id'], name='webhook_delivery_page'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('settled_at__isnull', False)), fields=['settled_at'], name='webhook_settled'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('endpoint', 'log_index'), name='webhook_delivery'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('settled_at__isnull', True), ('state', 'pending')), models.Q(('due_at__isnull', True), ('settled_at__isnull', False), ('state__in', ['delivered', 'failed', 'cancelled'])), _connector='OR'), name='webhook_delivery_state'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['delivery', '-started_at'], name='webhook_attempts'),
        ),
        migrations.AddIndex(
            model_name='cursor',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='webhook_due'),
        ),
    ]
