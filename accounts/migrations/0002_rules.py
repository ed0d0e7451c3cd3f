"""The database's own rules, frozen as they were when this migration was written; see sql/ for the living text."""

from django.db import migrations

RULES = {
    "app_role": r'''
-- The role whose rights the app's sessions have. Its logins are members of it and the owner of the tables is not.
DO $$
BEGIN
    CREATE ROLE ledger_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
''',
    "account_currency": r'''
-- Forbids an account in a currency that its tenant has not registered, or with another scale. Becomes: CurrencyNotFound.
ALTER TABLE accounts_account DROP CONSTRAINT IF EXISTS account_currency;
ALTER TABLE accounts_account ADD CONSTRAINT account_currency
    FOREIGN KEY (tenant_id, currency, scale) REFERENCES accounts_currency (tenant_id, code, scale);
''',
    "account_without_balance": r'''
-- Forbids an account without its balance rows, so that locking "the balance" never locks nothing.
-- Speaks: once per statement that inserts accounts; the executor inserts both in one. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_account_without_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS account
         WHERE account.stripes <> (SELECT count(*) FROM accounts_balance AS balance
                                    WHERE balance.account_id = account.id AND balance.tenant_id = account.tenant_id
                                      AND balance.unbounded = account.unbounded)
    ) THEN
        RAISE EXCEPTION 'an account is inserted with all its balance rows'
            USING ERRCODE = '23514', CONSTRAINT = 'account_without_balance', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER account_without_balance AFTER INSERT ON accounts_account
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_account_without_balance();
ALTER TABLE accounts_account ENABLE ALWAYS TRIGGER account_without_balance;
''',
    "credit_limit_exceeded": r'''
-- Forbids drawing more credit than the limit. Use above a limit that was lowered later stands, and may only shrink.
-- Speaks: before each balance row whose drawn credit grows beyond its limit. Becomes: CreditLimitExceeded.
CREATE OR REPLACE FUNCTION ledger_credit_limit_exceeded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credit drawn % exceeds the limit %', NEW.credit_used, NEW.credit_limit
        USING ERRCODE = '23514', CONSTRAINT = 'credit_limit_exceeded', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER credit_limit_exceeded_insert BEFORE INSERT ON accounts_balance
    FOR EACH ROW WHEN (NEW.credit_used > NEW.credit_limit)
    EXECUTE FUNCTION ledger_credit_limit_exceeded();
CREATE OR REPLACE TRIGGER credit_limit_exceeded BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (NEW.credit_used > OLD.credit_used AND NEW.credit_used > NEW.credit_limit)
    EXECUTE FUNCTION ledger_credit_limit_exceeded();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER credit_limit_exceeded_insert;
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER credit_limit_exceeded;
''',
    "account_closed": r'''
-- Forbids any change of a closed account's balance row: closing is for good.
-- Speaks: before each update of a closed row. Becomes: AccountClosed.
CREATE OR REPLACE FUNCTION ledger_account_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account % is closed', OLD.account_id
        USING ERRCODE = '23514', CONSTRAINT = 'account_closed', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER account_closed BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (OLD.status = 'closed')
    EXECUTE FUNCTION ledger_account_closed();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER account_closed;
''',
    "account_frozen": r'''
-- Forbids that a frozen account's own money shrinks; money may come in.
-- Speaks: before each update of a frozen row that adds to its lifetime outflow. Becomes: AccountFrozen.
CREATE OR REPLACE FUNCTION ledger_account_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account % is frozen', OLD.account_id
        USING ERRCODE = '23514', CONSTRAINT = 'account_frozen', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER account_frozen BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (OLD.status = 'frozen' AND NEW.status = 'frozen' AND NEW.total_out > OLD.total_out)
    EXECUTE FUNCTION ledger_account_frozen();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER account_frozen;
''',
    "grants": r'''
-- The app's role: reads everything, writes what its verbs write, owns nothing.
GRANT USAGE ON SCHEMA public TO ledger_app;
GRANT SELECT, INSERT ON accounts_tenant, accounts_currency, accounts_account, accounts_balance, accounts_apikey TO ledger_app;
GRANT UPDATE (status, credit_limit, available, held, escrowed, bonded, fee_pool, promo, credit_used, total_in, total_out,
              version, updated_at) ON accounts_balance TO ledger_app;
GRANT UPDATE (revoked_at) ON accounts_apikey TO ledger_app;
''',
    "backoffice_grants": r'''
-- What Django's own tables need for the back office: logins, sessions and the admin's log of clicks.
GRANT SELECT, INSERT, UPDATE, DELETE ON auth_user, auth_group, auth_permission, auth_user_groups, auth_group_permissions,
    auth_user_user_permissions, django_session TO ledger_app;
GRANT SELECT, INSERT ON django_admin_log TO ledger_app;
GRANT SELECT ON django_content_type, django_migrations TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("admin", "0003_logentry_add_action_flag_choices"), ("sessions", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
