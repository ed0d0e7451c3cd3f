"""What the app may change of a grant. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "money_verbs_grants": r'''
-- The app's role counts refunds, uses up promotional grants, and records the rest once.
GRANT SELECT, INSERT ON journal_refundtotal, journal_promogrant, journal_billingrecord, journal_clearingaccount,
    journal_settlementbatch, journal_settledrange TO ledger_app;
GRANT UPDATE (refunded, reversed) ON journal_refundtotal TO ledger_app;
GRANT UPDATE (spent, held, burned, voided_at) ON journal_promogrant TO ledger_app;
GRANT UPDATE (settled_at) ON journal_clearingaccount TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("journal", "0004_grants_open")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
