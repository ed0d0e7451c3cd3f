"""The tables of version 0.1."""

import django.db.models.deletion
import django.db.models.functions.datetime
import ledger_project.log.models
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('log', '0001_initial'), ('log', '0003_event_type_page'), ('log', '0004_sealed_log')]

    initial = True

    dependencies = [
        ('accounts', '0001_v0_1_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('size', models.BigIntegerField()),
                ('root', models.BinaryField()),
                ('note', models.TextField()),
                ('snapshot', ledger_project.log.models.SnapshotField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Instance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('instance', models.TextField()),
                ('reason', models.TextField()),
                ('made_by', models.TextField()),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name='Node',
            fields=[
                ('pk', models.CompositePrimaryKey('level', 'index', blank=True, editable=False, primary_key=True, serialize=False)),
                ('level', models.SmallIntegerField()),
                ('index', models.BigIntegerField()),
                ('hash', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('insert_xid', ledger_project.log.models.Xid8Field(db_default=ledger_project.log.models.CurrentXid())),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('type', models.TextField()),
                ('command', models.TextField()),
                ('idempotency_key', models.TextField()),
                ('actor', models.TextField()),
                ('payload', ledger_project.log.models.JSONTextField()),
                ('result', ledger_project.log.models.JSONTextField()),
                ('content_hash', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='Leaf',
            fields=[
                ('log_index', models.BigIntegerField(primary_key=True, serialize=False)),
                ('leaf_hash', models.BinaryField()),
                ('event', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='leaf', to='log.event')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name_plural': 'leaves',
            },
        ),
        migrations.CreateModel(
            name='SealingFinding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.TextField()),
                ('detail', models.TextField(blank=True, default='')),
                ('found_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('resolved_at', models.DateTimeField(null=True)),
                ('event', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='log.event')),
                ('origin', models.TextField(blank=True, db_default='', default='')),
            ],
        ),
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('kid', models.TextField(primary_key=True, serialize=False)),
                ('public_key', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('retired_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.Value(1), condition=models.Q(('retired_at__isnull', True)), name='signing_key_in_use')],
            },
        ),
        migrations.CreateModel(
            name='AnchorDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sink', models.TextField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('attempts', models.IntegerField(db_default=0)),
                ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('delivered_at', models.DateTimeField(null=True)),
                ('last_error', models.TextField(blank=True, db_default='')),
                ('checkpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='log.checkpoint')),
            ],
            options={
                'verbose_name_plural': 'anchor deliveries',
                'indexes': [models.Index(fields=['sink', '-checkpoint'], name='anchor_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('delivered_at__isnull', True)), fields=('sink',), name='anchor_delivery_pending')],
            },
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('type', 'transfer.posted'), _negated=True), fields=['tenant', 'id'], name='event_page'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('type', 'transfer.posted'), _negated=True), fields=['tenant', 'type', 'id'], name='event_type_page'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['insert_xid'], name='event_transaction'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.UniqueConstraint(fields=('idempotency_key', 'tenant'), name='idempotency_key_reused'),
        ),
        migrations.AddIndex(
            model_name='leaf',
            index=models.Index(fields=['tenant', 'log_index'], name='leaf_feed'),
        ),
        migrations.AddConstraint(
            model_name='sealingfinding',
            constraint=models.UniqueConstraint(condition=models.Q(('resolved_at__isnull', True)), fields=('kind', 'event', 'origin'), name='sealing_finding_open', nulls_distinct=False),
        ),
    ]
