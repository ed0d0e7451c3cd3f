"""Rare types of event by index."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_balance_total'),
        ('log', '0002_rules'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('type', 'transfer.posted'), _negated=True), fields=['tenant', 'type', 'id'], name='event_type_page'),
        ),
    ]
