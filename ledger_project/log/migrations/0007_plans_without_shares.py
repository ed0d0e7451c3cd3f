"""Plan lists of events without each tenant's share of the rows.

PostgreSQL, told that most rows are one tenant's, reads that tenant's newest page off the primary key and steps over
everybody else"s rows: over all of them, if the tenant has been silent for long. Without the statistic a tenant counts
as a two-hundredth of the table, and the index that begins with the tenant is taken always.
"""

from django.db import migrations

TABLES = ("log_event", "log_leaf")


class Migration(migrations.Migration):
    dependencies = [("log", "0006_event_of_nobody")]
    operations = [
        migrations.RunSQL(
            [f"ALTER TABLE {table} ALTER COLUMN tenant_id SET STATISTICS 0" for table in TABLES],
            [f"ALTER TABLE {table} ALTER COLUMN tenant_id SET STATISTICS -1" for table in TABLES],
        )
    ]
