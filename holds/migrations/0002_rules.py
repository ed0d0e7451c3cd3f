"""The database's own rules, frozen as they were when this migration was written; see sql/ for the living text."""

from django.db import migrations

RULES = {
    "hold_not_pending": r'''
-- Forbids any change of a hold that was resolved: it ends once, and what it paid and gave back stands.
-- Speaks: before each update of a resolved hold. Becomes: HoldNotPending.
CREATE OR REPLACE FUNCTION ledger_hold_not_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'hold % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'hold_not_pending', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER hold_not_pending BEFORE UPDATE ON holds_hold
    FOR EACH ROW WHEN (OLD.status NOT IN ('pending', 'disputed'))
    EXECUTE FUNCTION ledger_hold_not_pending();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER hold_not_pending;
''',
    "hold_rewritten": r'''
-- Forbids changing what was promised when a hold was placed, and taking back what it has paid or given back.
-- Speaks: before each update of a hold that does. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_hold_rewritten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what hold % promised, paid and gave back stands', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'hold_rewritten', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER hold_rewritten BEFORE UPDATE ON holds_hold
    FOR EACH ROW WHEN (
        (OLD.id, OLD.tenant_id, OLD.kind, OLD.account_id, OLD.stripe, OLD.amount, OLD.allow_overcapture, OLD.on_timeout,
         OLD."references", OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.tenant_id, NEW.kind, NEW.account_id, NEW.stripe, NEW.amount, NEW.allow_overcapture, NEW.on_timeout,
         NEW."references", NEW.created_at)
        OR OLD.counterparty_id IS DISTINCT FROM NEW.counterparty_id
        OR OLD.destination IS DISTINCT FROM NEW.destination
        OR NEW.captured < OLD.captured OR NEW.released < OLD.released OR NEW.overcaptured < OLD.overcaptured)
    EXECUTE FUNCTION ledger_hold_rewritten();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER hold_rewritten;
''',
    "hold_out_of_place": r'''
-- Forbids a hold that is not written in the transaction of its event, which has its id, or that names an account of
-- another tenant.
-- Speaks: once per statement that inserts holds, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_hold_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS hold
          LEFT JOIN log_event AS event
                 ON event.id = hold.id AND event.tenant_id = hold.tenant_id AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_balance AS holder
                 ON holder.account_id = hold.account_id AND holder.stripe = hold.stripe
                AND holder.tenant_id = hold.tenant_id
          LEFT JOIN accounts_account AS counterparty
                 ON counterparty.id = hold.counterparty_id AND counterparty.tenant_id = hold.tenant_id
         WHERE event.id IS NULL OR holder.account_id IS NULL
            OR (hold.counterparty_id IS NOT NULL AND counterparty.id IS NULL)
    ) THEN
        RAISE EXCEPTION 'a hold is written in the transaction of its event, for accounts of the same tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'hold_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER hold_out_of_place AFTER INSERT ON holds_hold
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_hold_out_of_place();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER hold_out_of_place;
''',
    "deposit_not_pending": r'''
-- Forbids any change of a confirmed deposit, and of what was announced of one that is not: who gets how much from where.
-- Speaks: before each update that does. Becomes: DepositNotPending.
CREATE OR REPLACE FUNCTION ledger_deposit_not_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deposit % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'deposit_not_pending', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER deposit_not_pending BEFORE UPDATE ON holds_deposit
    FOR EACH ROW WHEN (
        OLD.status = 'confirmed'
        OR (OLD.id, OLD.tenant_id, OLD.account_id, OLD.amount, OLD.source, OLD.external_ref, OLD.created_at)
           IS DISTINCT FROM
           (NEW.id, NEW.tenant_id, NEW.account_id, NEW.amount, NEW.source, NEW.external_ref, NEW.created_at))
    EXECUTE FUNCTION ledger_deposit_not_pending();
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER deposit_not_pending;
''',
    "deposit_out_of_place": r'''
-- Forbids a deposit that is not written in the transaction of its event, which has its id, or whose account is another
-- tenant's.
-- Speaks: once per statement that inserts deposits, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_deposit_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS deposit
          LEFT JOIN log_event AS event
                 ON event.id = deposit.id AND event.tenant_id = deposit.tenant_id
                AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_account AS account
                 ON account.id = deposit.account_id AND account.tenant_id = deposit.tenant_id
         WHERE event.id IS NULL OR account.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a deposit is written in the transaction of its event, for an account of the same tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'deposit_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER deposit_out_of_place AFTER INSERT ON holds_deposit
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_deposit_out_of_place();
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER deposit_out_of_place;
''',
    "append_only": r'''
-- Forbids removing what was promised or deposited. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_hold
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_deposit
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_deposit
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "grants": r'''
-- The app's role places holds and moves them along; what was promised is not for it to change.
GRANT SELECT, INSERT ON holds_hold, holds_deposit, holds_payout TO ledger_app;
GRANT UPDATE (captured, released, overcaptured, status, expires_at, reason, order_id, captured_entry, external_ref,
              updated_at) ON holds_hold TO ledger_app;
GRANT UPDATE (status, reason, updated_at) ON holds_deposit TO ledger_app;
GRANT UPDATE (attempts, leased_until, next_try_at, answer, external_ref, last_error) ON holds_payout TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("holds", "0001_initial"), ("journal", "0002_rules"), ("accounts", "0002_rules")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
