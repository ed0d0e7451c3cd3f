"""The tables of version 0.1."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('reserves', '0001_initial'), ('reserves', '0003_custody_sources_prices'), ('reserves', '0004_first_attestation')]

    initial = True

    dependencies = [
        ('accounts', '0001_v0_1_tables'),
        ('log', '0001_v0_1_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Attestation',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('currency', models.TextField()),
                ('sequence', models.IntegerField()),
                ('as_of', models.DateTimeField()),
                ('document', models.TextField()),
                ('document_hash', models.BinaryField()),
                ('jws', models.TextField()),
                ('event', models.UUIDField()),
                ('checkpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='log.checkpoint')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='AttestationLeaf',
            fields=[
                ('pk', models.CompositePrimaryKey('attestation', 'account', blank=True, editable=False, primary_key=True, serialize=False)),
                ('owed', models.DecimalField(decimal_places=0, max_digits=40)),
                ('salt', models.BinaryField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('attestation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='leaves', to='reserves.attestation')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name_plural': 'attestation leaves',
            },
        ),
        migrations.CreateModel(
            name='ReserveAsset',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('currency', models.TextField()),
                ('asset_type', models.TextField()),
                ('provider', models.TextField()),
                ('unit', models.TextField()),
                ('haircut_bps', models.IntegerField()),
                ('max_age_seconds', models.IntegerField()),
                ('is_eligible', models.BooleanField()),
                ('metadata', models.JSONField()),
                ('version', models.IntegerField()),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('custody', models.TextField(default='')),
                ('source', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='ReserveSnapshot',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('price_num', models.DecimalField(decimal_places=0, max_digits=38, null=True)),
                ('price_den', models.DecimalField(decimal_places=0, max_digits=38, null=True)),
                ('taken_at', models.DateTimeField()),
                ('provenance', models.TextField()),
                ('evidence_hash', models.TextField(null=True)),
                ('recorded_at', models.DateTimeField()),
                ('asset', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='snapshots', to='reserves.reserveasset')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('price_evidence_hash', models.TextField(null=True)),
                ('price_provenance', models.TextField(null=True)),
                ('price_taken_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name='attestation',
            index=models.Index(fields=['tenant', 'id'], name='attestation_page'),
        ),
        migrations.AddIndex(
            model_name='attestation',
            index=models.Index(condition=models.Q(('sequence', 1)), fields=['event'], name='attestation_first'),
        ),
        migrations.AddConstraint(
            model_name='attestation',
            constraint=models.UniqueConstraint(fields=('tenant', 'currency', 'sequence'), name='attestation_outdated'),
        ),
        migrations.AddConstraint(
            model_name='reserveasset',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='reserve_asset_exists'),
        ),
        migrations.AddConstraint(
            model_name='reserveasset',
            constraint=models.CheckConstraint(condition=models.Q(('haircut_bps__range', (0, 10000))), name='reserve_haircut_range'),
        ),
        migrations.AddConstraint(
            model_name='reserveasset',
            constraint=models.CheckConstraint(condition=models.Q(('max_age_seconds__gte', 1)), name='reserve_max_age_positive'),
        ),
        migrations.AddIndex(
            model_name='reservesnapshot',
            index=models.Index(fields=['asset', '-taken_at', '-id'], name='reserve_snapshot_newest'),
        ),
        migrations.AddIndex(
            model_name='reservesnapshot',
            index=models.Index(fields=['tenant', 'id'], name='reserve_snapshot_page'),
        ),
        migrations.AddConstraint(
            model_name='reservesnapshot',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='reserve_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='reservesnapshot',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('price_den__isnull', True), ('price_num__isnull', True)), models.Q(('price_den__gt', 0), ('price_num__gte', 0), ('price_den__isnull', False), ('price_num__isnull', False)), _connector='OR'), name='reserve_price_fraction'),
        ),
        migrations.AddConstraint(
            model_name='reservesnapshot',
            constraint=models.CheckConstraint(condition=models.Q(('taken_at__lte', models.F('recorded_at')), models.Q(('price_taken_at__isnull', True), ('price_taken_at__lte', models.F('recorded_at')), _connector='OR')), name='taken_in_future'),
        ),
        migrations.AddConstraint(
            model_name='reservesnapshot',
            constraint=models.CheckConstraint(condition=models.Q(('price_num__isnull', False), models.Q(('price_evidence_hash__isnull', True), ('price_provenance__isnull', True), ('price_taken_at__isnull', True)), _connector='OR'), name='reserve_price_source'),
        ),
    ]
