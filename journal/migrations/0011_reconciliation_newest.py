"""An index for the run that ended last, and its name for people."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_reserved_name'),
        ('journal', '0010_books_at_any_moment'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='reconciliationrun',
            options={'verbose_name': 'reconciliation'},
        ),
        migrations.AddIndex(
            model_name='reconciliationrun',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], name='reconciliation_newest'),
        ),
    ]
