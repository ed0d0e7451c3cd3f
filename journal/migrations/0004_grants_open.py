"""The order of grants as indexes, and the rules of the columns before, held to by the rows that were there."""

from django.contrib.postgres.operations import RemoveIndexConcurrently, ValidateConstraint
from django.db import migrations, models
from django.db.models import F, Q

from ledger_project.log.online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('journal', '0003_grants'),
    ]

    operations = [
        ValidateConstraint(model_name='promogrant', name='promo_exceeds_grant'),
        ValidateConstraint(model_name='promogrant', name='grant_kind'),
        AddIndexOnline(
            model_name='promogrant',
            index=models.Index(
                fields=['account', 'priority', 'expires_at', 'id'],
                condition=Q(amount__gt=F('spent') + F('held') + F('burned')),
                name='grant_open',
            ),
        ),
        AddIndexOnline(
            model_name='promogrant',
            index=models.Index(
                fields=['expires_at'],
                condition=Q(amount__gt=F('spent') + F('held') + F('burned'), expires_at__isnull=False),
                name='grant_due',
            ),
        ),
        RemoveIndexConcurrently(model_name='promogrant', name='promo_open'),
        RemoveIndexConcurrently(model_name='promogrant', name='promo_due'),
    ]
