"""Which request for money a deposit answers."""

from django.db import migrations, models

from ledger_project.log.online import Briefly


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('holds', '0006_hold_rewritten'),
    ]

    operations = [
        Briefly(
            migrations.AddField(
                model_name='deposit',
                name='topup',
                field=models.UUIDField(blank=True, null=True),
            ),
        ),
    ]
