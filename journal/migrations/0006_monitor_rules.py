"""The monitors' rules, frozen as they were when this migration was written; see sql/ for the living text."""

from django.db import migrations

RULES = {
    "monitor_grants": r'''
-- The app's role keeps monitors and what crossed them; a crossing is told of once and stands.
GRANT SELECT, INSERT ON journal_monitor, journal_crossing TO ledger_app;
GRANT UPDATE (triggered_at, deleted_at, slot, running) ON journal_monitor TO ledger_app;
GRANT SELECT, UPDATE (next_index) ON journal_monitorcursor TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("journal", "0005_monitors"), ("log", "0005_sealed_log_rules")]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
        migrations.RunSQL(
            "INSERT INTO journal_monitorcursor (id, next_index) VALUES (1, 0)", "DELETE FROM journal_monitorcursor"
        ),
    ]
