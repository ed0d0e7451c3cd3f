"""References of others are compared as what they mean. The SQL is frozen, sql/ has the living text."""

from django.db import migrations
from django.db.models import Q, UniqueConstraint

from accounts.folding import AddIdentity, Folded

RULES = {
    "reference_form": r'''
-- Forbids a reference with something invisible in it, with blanks around it, or not composed: where nobody sees how two
-- differ they are one. Announced deposits from before the rule can still be confirmed, so theirs is judged when a row is
-- new. Becomes: a bug (the references' field refuses it).
ALTER TABLE holds_hold DROP CONSTRAINT IF EXISTS withdrawal_reference;
ALTER TABLE holds_hold ADD CONSTRAINT withdrawal_reference
    CHECK (external_ref IS NULL OR fit_identity(external_ref)) NOT VALID;
CREATE OR REPLACE FUNCTION ledger_deposit_reference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a source or a reference that is not of its form'
        USING ERRCODE = '23514', CONSTRAINT = 'deposit_reference', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER deposit_reference BEFORE INSERT ON holds_deposit
    FOR EACH ROW WHEN (NOT (fit_identity(NEW.source) AND fit_identity(NEW.external_ref)))
    EXECUTE FUNCTION ledger_deposit_reference();
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER deposit_reference;
''',
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_identities"), ("holds", "0004_x402_authorizations")]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
        migrations.RemoveConstraint("hold", "duplicate_withdrawal"),
        migrations.RemoveConstraint("deposit", "duplicate_deposit"),
        AddIdentity(
            "hold",
            UniqueConstraint(
                "tenant",
                Folded("external_ref"),
                condition=Q(external_ref__isnull=False),
                name="duplicate_withdrawal",
            ),
        ),
        AddIdentity(
            "deposit",
            UniqueConstraint("tenant", Folded("source"), Folded("external_ref"), name="duplicate_deposit"),
        ),
    ]
