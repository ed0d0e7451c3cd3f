"""How often a tenant's rules have changed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_budgets'),
        ('log', '0003_v0_1_sealed_log'),
    ]

    operations = [
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='accounts.tenant')),
                ('revision', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('revision__gt', 0)), name='revision_counts')],
            },
        ),
    ]
