"""When accounts ask for money, and what became of it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_breakage'),
        ('holds', '0007_deposit_topup'),
    ]

    operations = [
        migrations.CreateModel(
            name='TopUp',
            fields=[
                ('account', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='topup', serialize=False, to='accounts.account')),
                ('below', models.DecimalField(decimal_places=0, max_digits=38)),
                ('to', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('amount', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('at_most_per_month', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('cooldown', models.IntegerField()),
                ('expires_in', models.IntegerField()),
                ('url', models.TextField(blank=True, null=True)),
                ('failures', models.SmallIntegerField(default=0)),
                ('month', models.DateField(blank=True, null=True)),
                ('asked', models.DecimalField(decimal_places=0, default=0, max_digits=38)),
                ('requested_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name': 'top-up',
                'indexes': [models.Index(fields=['tenant', 'account'], name='topup_page')],
                'constraints': [models.CheckConstraint(condition=models.Q(('asked__gte', 0), ('below__gt', 0), ('cooldown__gte', 0), ('expires_in__gt', 0), ('failures__gte', 0), models.Q(models.Q(('amount__isnull', True), ('to__gt', models.F('below'))), models.Q(('amount__gt', 0), ('to__isnull', True)), _connector='OR')), name='topup_form'), models.CheckConstraint(condition=models.Q(('at_most_per_month__isnull', True), ('at_most_per_month__gt', 0), _connector='OR'), name='topup_month')],
            },
        ),
        migrations.CreateModel(
            name='TopUpRequest',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('url', models.TextField(blank=True, null=True)),
                ('status', models.TextField(choices=[('open', 'Open'), ('completed', 'Completed'), ('failed', 'Failed')], default='open')),
                ('reason', models.TextField(blank=True, default='')),
                ('requested_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('deposit', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='holds.deposit')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name': 'top-up request',
                'indexes': [models.Index(fields=['tenant', 'id'], name='topup_request_page'), models.Index(fields=['account', 'id'], name='topup_request_of_account')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('account',), name='topup_in_flight'), models.CheckConstraint(condition=models.Q(('amount__gt', 0), models.Q(models.Q(('deposit__isnull', True), ('settled_at__isnull', True), ('status', 'open')), models.Q(('deposit__isnull', False), ('settled_at__isnull', False), ('status', 'completed')), models.Q(('deposit__isnull', True), ('settled_at__isnull', False), ('status', 'failed')), _connector='OR')), name='topup_request_form')],
            },
        ),
    ]
