"""Price books, meters and usage."""

import accounts.folding
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0007_session_key_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='PriceVersion',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('book', models.TextField(db_collation='C')),
                ('number', models.IntegerField()),
                ('currency', models.TextField()),
                ('time_zone', models.TextField()),
                ('effective_at', models.DateTimeField()),
                ('published_at', models.DateTimeField()),
                ('rates', models.JSONField()),
                ('markup_bps', models.IntegerField()),
                ('minimum', models.TextField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('source', models.TextField(db_collation='C')),
                ('request_id', models.TextField(db_collation='C')),
                ('model', models.TextField()),
                ('metrics', models.JSONField()),
                ('at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField()),
                ('lines', models.JSONField()),
                ('cost', models.DecimalField(decimal_places=0, max_digits=50)),
                ('charged', models.DecimalField(decimal_places=0, max_digits=38)),
                ('remainder', models.DecimalField(decimal_places=0, max_digits=12)),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='usage.priceversion')),
            ],
        ),
        migrations.CreateModel(
            name='Meter',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'book', blank=True, editable=False, primary_key=True, serialize=False)),
                ('book', models.TextField(db_collation='C')),
                ('remainder', models.DecimalField(decimal_places=0, max_digits=12)),
                ('counts', models.JSONField()),
                ('account', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('remainder__gte', 0)), name='meter_remainder')],
            },
        ),
        migrations.AddIndex(
            model_name='priceversion',
            index=models.Index(fields=['tenant', 'id'], name='price_version_page'),
        ),
        migrations.AddConstraint(
            model_name='priceversion',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('book'), models.F('number'), name='price_version'),
        ),
        migrations.AddConstraint(
            model_name='priceversion',
            constraint=models.CheckConstraint(condition=models.Q(('markup_bps__gte', 0), ('number__gte', 1)), name='price_version_form'),
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(fields=['tenant', 'id'], name='usage_page'),
        ),
        migrations.AddIndex(
            model_name='usage',
            index=models.Index(fields=['account', 'at'], name='usage_of_account'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.UniqueConstraint(models.F('tenant'), accounts.folding.Folded('source'), accounts.folding.Folded('request_id'), name='usage_recorded'),
        ),
        migrations.AddConstraint(
            model_name='usage',
            constraint=models.CheckConstraint(condition=models.Q(('charged__gte', 0), ('cost__gte', 0), ('remainder__gte', 0)), name='usage_form'),
        ),
    ]
