"""What permitted a hold: a session key, and budgets."""

from django.db import migrations, models

from ledger_project.log.online import Briefly


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('holds', '0002_v0_1_rules'),
    ]

    operations = [
        Briefly(
            migrations.AddField(
                model_name='hold',
                name='budgets',
                field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
            ),
            migrations.AddField(
                model_name='hold',
                name='session_key',
                field=models.UUIDField(blank=True, null=True),
            ),
        ),
    ]
