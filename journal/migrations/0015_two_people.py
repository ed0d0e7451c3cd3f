"""Four eyes are two people: adjustments keep who answers for them. The SQL is frozen, sql/ has the living text."""

from django.db import migrations, models

RULES = {
    "external_grants": r'''
-- The app's role takes in statements, which stay as they came, notes matches and takes them back, and decides adjustments.
GRANT SELECT, INSERT ON journal_externalstatement, journal_externalline, journal_externalmatch, journal_matchedline,
    journal_matchedentry, journal_externaladjustment TO ledger_app;
GRANT UPDATE (undone_at) ON journal_externalmatch TO ledger_app;
GRANT UPDATE (active) ON journal_matchedline, journal_matchedentry TO ledger_app;
GRANT UPDATE (status, decided_by, decided_identity, decided_at, decision, posted) ON journal_externaladjustment TO ledger_app;
''',
}

# What was decided before is compared as it was then, by name.
BY_NAME = """
ALTER TABLE journal_externaladjustment
    ALTER COLUMN proposed_identity TYPE text USING proposed_by,
    ALTER COLUMN decided_identity TYPE text USING decided_by
"""
IDENTITIES = {"decided_identity": models.F("proposed_identity")}
BOTH = models.Q(decided_by__isnull=False, decided_identity__isnull=False)
NEITHER = models.Q(decided_by__isnull=True, decided_identity__isnull=True)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_key_lineage"), ("journal", "0014_judged_once")]

    operations = [
        migrations.RemoveConstraint("externaladjustment", "four_eyes"),
        migrations.AddField("externaladjustment", "decided_identity", models.TextField(null=True)),
        migrations.AddField(
            "externaladjustment", "proposed_identity", models.TextField(default=""), preserve_default=False
        ),
        migrations.RunSQL(BY_NAME, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "externaladjustment",
            models.CheckConstraint(
                condition=~models.Q(status="posted") | ~models.Q(**IDENTITIES),
                name="four_eyes",
            ),
        ),
        migrations.AddConstraint(
            "externaladjustment", models.CheckConstraint(condition=NEITHER | BOTH, name="adjustment_decided")
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
