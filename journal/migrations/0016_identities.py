"""References of others are compared as what they mean. The SQL is frozen, sql/ has the living text."""

from django.db import migrations
from django.db.models import UniqueConstraint

from accounts.folding import AddIdentity, Folded

RULES = {
    "reference_form": r'''
-- Forbids an id or a domain with something invisible in it, with blanks around it, or not composed: where nobody sees how
-- two differ they are one. Rows from before the rule stay. Becomes: a bug (the fields of such ids refuse it).
ALTER TABLE journal_billingrecord DROP CONSTRAINT IF EXISTS record_reference;
ALTER TABLE journal_billingrecord ADD CONSTRAINT record_reference CHECK (fit_identity(external_id)) NOT VALID;
ALTER TABLE journal_settlementbatch DROP CONSTRAINT IF EXISTS settlement_reference;
ALTER TABLE journal_settlementbatch ADD CONSTRAINT settlement_reference CHECK (fit_identity(netting_batch_id)) NOT VALID;
''',
}

RECORD = UniqueConstraint("tenant", "kind", Folded("external_id"), name="duplicate_record")
CLEARING = UniqueConstraint("tenant", Folded("domain"), "currency", name="clearing_account_exists")
SETTLEMENT = UniqueConstraint("tenant", Folded("netting_batch_id"), name="settlement_exists")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_identities"), ("journal", "0015_two_people")]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
        migrations.RemoveConstraint("billingrecord", "duplicate_record"),
        migrations.RemoveConstraint("clearingaccount", "clearing_account_exists"),
        migrations.RemoveConstraint("settlementbatch", "settlement_exists"),
        AddIdentity("billingrecord", RECORD),
        AddIdentity("clearingaccount", CLEARING),
        AddIdentity("settlementbatch", SETTLEMENT),
    ]
