"""Transfers leave the index of a tenant's events: their entries have one in the same order.

The index of keys begins with the key, so that it is not taken for theirs.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('log', '0007_plans_without_shares'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='event',
            name='idempotency_key_reused',
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.UniqueConstraint(fields=('idempotency_key', 'tenant'), name='idempotency_key_reused'),
        ),
        migrations.RemoveIndex(
            model_name='event',
            name='event_page',
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('type', 'transfer.posted'), _negated=True), fields=['tenant', 'id'], name='event_page'),
        ),
    ]
