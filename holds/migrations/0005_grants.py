"""Which grants a hold was placed with."""

from django.db import migrations, models

from ledger_project.log.online import Briefly


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('holds', '0004_hold_rewritten'),
    ]

    operations = [
        Briefly(
            migrations.AddField(
                model_name='hold',
                name='grants',
                field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
            ),
        ),
    ]
