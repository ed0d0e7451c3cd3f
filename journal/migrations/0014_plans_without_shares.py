"""Plan lists without each tenant's share of the rows. The why is in the log's migration of this name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("journal", "0013_external_statements"), ("log", "0007_plans_without_shares")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE journal_entry ALTER COLUMN tenant_id SET STATISTICS 0",
            "ALTER TABLE journal_entry ALTER COLUMN tenant_id SET STATISTICS -1",
        )
    ]
