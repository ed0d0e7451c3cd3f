"""What the books at any moment are found by, frozen as it was when this migration was written; see sql/ for the living text."""

from django.db import migrations, models

RULES = {
    "dated_entries": r"""
-- Entries that say of themselves that they were effective at another time than they were recorded, to the microsecond that
-- their id begins with. There are few as a rule; the books at a moment are those of the log, put right by these.
CREATE INDEX entry_dated ON journal_entry (tenant_id, effective_at, id)
 WHERE extract(epoch FROM effective_at - '1970-01-01 00:00:00+00'::timestamptz) * 1000000
    <> ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint * 1000
     + (('x' || substr(replace(id::text, '-', ''), 14, 3))::bit(12)::int * 1000 + 4095) / 4096;
""",
}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_reserved_name"),
        ("journal", "0009_reconciliations"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("bucket", 0), _negated=True),
                fields=["account", "stripe", "bucket", "version"],
                name="posting_bucket_history",
            ),
        ),
        migrations.RunSQL(RULES["dated_entries"], "DROP INDEX entry_dated"),
    ]
