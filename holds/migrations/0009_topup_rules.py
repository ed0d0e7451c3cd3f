"""What PostgreSQL forbids about top-ups, and what the app may do. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "topup_grants": r'''
-- The app's role sets top-up rules and moves requests along; what was asked for is not for it to change.
GRANT SELECT, INSERT ON holds_topup, holds_topuprequest TO ledger_app;
GRANT UPDATE (below, "to", amount, at_most_per_month, cooldown, expires_in, url, failures, month, asked, requested_at,
              updated_at, ended_at) ON holds_topup TO ledger_app;
GRANT UPDATE (status, reason, deposit_id, settled_at) ON holds_topuprequest TO ledger_app;
''',
    "topup_not_open": r'''
-- Forbids changing a request for money that has ended, and removing one.
-- Speaks: before each update of one that is not open, delete and truncate. Becomes: TopupNotOpen, or a bug.
CREATE OR REPLACE FUNCTION ledger_topup_not_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'request % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'topup_not_open', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER topup_not_open BEFORE UPDATE ON holds_topuprequest
    FOR EACH ROW WHEN (OLD.status <> 'open') EXECUTE FUNCTION ledger_topup_not_open();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_topuprequest
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_topuprequest
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE holds_topuprequest ENABLE ALWAYS TRIGGER topup_not_open;
ALTER TABLE holds_topuprequest ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_topuprequest ENABLE ALWAYS TRIGGER append_only_truncate;
''',
}


class Migration(migrations.Migration):
    dependencies = [("holds", "0008_topups")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
