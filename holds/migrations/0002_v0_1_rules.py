"""What PostgreSQL forbids about holds, and what each role may do. The SQL is frozen, sql/ has the living text."""

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
    "agent_currency": r'''
-- Forbids a currency of agents that their tenant has not registered.
ALTER TABLE holds_agentcurrency DROP CONSTRAINT IF EXISTS agent_currency;
ALTER TABLE holds_agentcurrency ADD CONSTRAINT agent_currency
    FOREIGN KEY (tenant_id, currency) REFERENCES accounts_currency (tenant_id, code);
''',
    "agent_currency_grants": r'''
-- The app's role says which currency agents have, and says it anew.
GRANT SELECT, INSERT ON holds_agentcurrency TO ledger_app;
GRANT UPDATE (currency, set_at) ON holds_agentcurrency TO ledger_app;
''',
    "payment_not_open": r'''
-- Forbids any change of a payment that was settled or cancelled, another claim of a claimed one, and a change of what
-- was authorised.
-- Speaks: before each update of an authorization that does. Becomes: PaymentNotOpen.
CREATE OR REPLACE FUNCTION ledger_payment_not_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'payment_not_open', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER payment_not_open BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (
        OLD.status IN ('settled', 'cancelled')
        OR (OLD.claim IS NOT NULL AND OLD.claim IS DISTINCT FROM NEW.claim)
        OR (OLD.id, OLD.tenant_id, OLD.scheme, OLD.account_id, OLD.counterparty_id, OLD.amount, OLD.nonce, OLD.api_key,
            OLD.session_key, OLD.resource, OLD.expires_at, OLD.created_at)
           IS DISTINCT FROM
           (NEW.id, NEW.tenant_id, NEW.scheme, NEW.account_id, NEW.counterparty_id, NEW.amount, NEW.nonce, NEW.api_key,
            NEW.session_key, NEW.resource, NEW.expires_at, NEW.created_at))
    EXECUTE FUNCTION ledger_payment_not_open();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_not_open;
''',
    "payment_claimed": r'''
-- Forbids ending a claimed payment otherwise than by settling it: its cancellation, and taking or giving back the money
-- that is set aside for it before its time is over.
-- Speaks: before an authorization's update, and at the end of the statement that changes a hold. Becomes: PaymentClaimed.
CREATE OR REPLACE FUNCTION ledger_payment_claimed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'holds_paymentauthorization'
       OR EXISTS (SELECT FROM holds_paymentauthorization
                   WHERE id = NEW.id AND status = 'claimed' AND expires_at > NEW.updated_at)
    THEN
        RAISE EXCEPTION 'payment % is claimed', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'payment_claimed', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER payment_claimed BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (OLD.status = 'claimed' AND NEW.status IN ('open', 'cancelled'))
    EXECUTE FUNCTION ledger_payment_claimed();
CREATE OR REPLACE TRIGGER payment_claimed AFTER UPDATE ON holds_hold
    FOR EACH ROW WHEN (
        NEW.kind = 'hold' AND (NEW.captured, NEW.released) IS DISTINCT FROM (OLD.captured, OLD.released))
    EXECUTE FUNCTION ledger_payment_claimed();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_claimed;
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER payment_claimed;
''',
    "payment_key_revoked": r'''
-- Forbids claiming, or settling unclaimed, a payment whose key was revoked, or a key above it.
-- Speaks: before each update that takes an authorization from open to claimed or settled. Becomes: PaymentKeyRevoked.
CREATE OR REPLACE FUNCTION ledger_payment_key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM accounts_apikey AS own
          JOIN accounts_apikey AS key ON key.id = own.id OR key.id = ANY(own.lineage)
         WHERE own.id = NEW.api_key AND key.revoked_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the key of payment % is revoked', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'payment_key_revoked', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER payment_key_revoked BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (OLD.status = 'open' AND NEW.status IN ('claimed', 'settled'))
    EXECUTE FUNCTION ledger_payment_key_revoked();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_key_revoked;
''',
    "authorization_out_of_place": r'''
-- Forbids an authorization that is not written in the transaction of its event, which has its id, or that names an
-- account or a key of another tenant, or one of the scheme upto without the hold that it stands on.
-- Speaks: once per statement that inserts authorizations, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_authorization_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS made
          LEFT JOIN log_event AS event
                 ON event.id = made.id AND event.tenant_id = made.tenant_id AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_account AS payer ON payer.id = made.account_id AND payer.tenant_id = made.tenant_id
          LEFT JOIN accounts_account AS receiver
                 ON receiver.id = made.counterparty_id AND receiver.tenant_id = made.tenant_id
          LEFT JOIN accounts_apikey AS key ON key.id = made.api_key AND key.tenant_id = made.tenant_id
          LEFT JOIN holds_hold AS hold ON hold.id = made.id AND hold.account_id = made.account_id
         WHERE event.id IS NULL OR payer.id IS NULL OR receiver.id IS NULL
            OR (made.api_key IS NOT NULL AND key.id IS NULL)
            OR (made.scheme = 'upto') <> (hold.id IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'a payment is authorised in the transaction of its event, within one tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'authorization_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER authorization_out_of_place AFTER INSERT ON holds_paymentauthorization
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_authorization_out_of_place();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER authorization_out_of_place;
''',
    "payment_append_only": r'''
-- Forbids removing what was authorised. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_paymentauthorization
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_paymentauthorization
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "payment_grants": r'''
-- The app's role authorises payments and moves them along; what was authorised is not for it to change.
GRANT SELECT, INSERT ON holds_paymentauthorization TO ledger_app;
GRANT UPDATE (status, claim, settled, updated_at) ON holds_paymentauthorization TO ledger_app;
''',
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
    replaces = [("holds", "0002_rules")]
    dependencies = [
        ("holds", "0001_v0_1_tables"),
        ("journal", "0002_v0_1_rules"),
    ]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
    ]
