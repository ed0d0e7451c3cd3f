"""Plan lists without each tenant's share of the rows. The why is in the log's migration of this name."""

from django.db import migrations

TABLES = ("journal_entry",)


class Migration(migrations.Migration):
    dependencies = [("journal", "0013_external_statements"), ("log", "0007_plans_without_shares")]
    operations = [
        migrations.RunSQL(
            [f"ALTER TABLE {table} ALTER COLUMN tenant_id SET STATISTICS 0" for table in TABLES],
            [f"ALTER TABLE {table} ALTER COLUMN tenant_id SET STATISTICS -1" for table in TABLES],
        )
    ]
