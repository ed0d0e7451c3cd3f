"""What PostgreSQL forbids about accounts, and what each role may do. The SQL is frozen, sql/ has the living text."""

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
-- What Django's own tables need for the back office: logins, groups, sessions and the admin's log of clicks. People and
-- groups are not deleted, rights come from groups alone, and what rights there are is for migrations to say.
REVOKE ALL ON auth_user, auth_group, auth_permission, auth_user_groups, auth_group_permissions,
    auth_user_user_permissions, django_session, django_admin_log, django_content_type, django_migrations FROM ledger_app;
GRANT SELECT, INSERT, UPDATE ON auth_user, auth_group TO ledger_app;
GRANT SELECT, INSERT, DELETE ON auth_user_groups, auth_group_permissions TO ledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session TO ledger_app;
GRANT SELECT, INSERT ON django_admin_log TO ledger_app;
GRANT SELECT ON auth_permission, auth_user_user_permissions, django_content_type, django_migrations TO ledger_app;
''',
    "balance_total": r'''
-- One row per account with what it has: the sums over its stripes. For lists and the back office; nothing writes here.
-- The sums are taken row by row, so a page of fifty accounts reads the balances of fifty.
CREATE OR REPLACE VIEW accounts_balance_total WITH (security_invoker = true) AS
SELECT account.id AS account_id, account.tenant_id, account.name, account.type, account.currency, account.scale,
       account.unbounded, account.stripes, account.metadata, account.created_at, total.*,
       statement_timestamp() AS as_of
  FROM accounts_account AS account
 CROSS JOIN LATERAL (
       SELECT min(status) AS status, sum(available) AS available, sum(held) AS held, sum(escrowed) AS escrowed,
              sum(bonded) AS bonded, sum(fee_pool) AS fee_pool, sum(promo) AS promo, sum(credit_used) AS credit_used,
              max(credit_limit) AS credit_limit, sum(total_in) AS total_in, sum(total_out) AS total_out,
              sum(version)::bigint AS version, max(updated_at) AS updated_at
         FROM accounts_balance AS balance WHERE balance.account_id = account.id
       ) AS total;
GRANT SELECT ON accounts_balance_total TO ledger_app;
''',
    "session_key_revoked": r'''
-- Forbids spending with a revoked session key, and giving one its life back.
-- Speaks: before each update of a revoked key. Becomes: SessionKeyRevoked.
CREATE OR REPLACE FUNCTION ledger_session_key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'session key % is revoked', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'session_key_revoked', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER session_key_revoked BEFORE UPDATE ON accounts_sessionkey
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL)
    EXECUTE FUNCTION ledger_session_key_revoked();
ALTER TABLE accounts_sessionkey ENABLE ALWAYS TRIGGER session_key_revoked;
''',
    "session_key_grants": r'''
-- The app's role issues session keys and counts what is spent with them; their caps are settled when they are issued.
GRANT SELECT, INSERT ON accounts_sessionkey TO ledger_app;
GRANT UPDATE (revoked_at, spent_total, spent_day, spent_most, day, last_spent_at) ON accounts_sessionkey TO ledger_app;
''',
    "second_factor_grants": r'''
-- The app's role keeps the second factors of the staff: who sets one up, uses it, and has it taken away. A backup code
-- is used once and gone.
REVOKE ALL ON otp_static_statictoken FROM ledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON otp_totp_totpdevice, otp_static_staticdevice TO ledger_app;
GRANT SELECT, INSERT, DELETE ON otp_static_statictoken TO ledger_app;
''',
    "reserved_name": r'''
-- Forbids a name of the platform's own to an account of another type, floor or currency (accounts/reserved.py). The name
-- is judged by what it means: folded, not as it is written.
-- Accounts from before the rule stay. Becomes: ReservedName.
ALTER TABLE accounts_account DROP CONSTRAINT IF EXISTS reserved_name;
ALTER TABLE accounts_account ADD CONSTRAINT reserved_name CHECK (
    NOT starts_with(folded(name), 'platform:')
    OR (unbounded
    AND folded(name) IN ('platform:' || split_part(name, ':', 2), 'platform:' || split_part(name, ':', 2) || ':' || currency)
    AND type = CASE split_part(name, ':', 2)
        WHEN 'issuance' THEN 'equity'
        WHEN 'fees' THEN 'revenue'
        WHEN 'revenue' THEN 'revenue'
        WHEN 'settlement' THEN 'liability'
        WHEN 'custody' THEN 'asset'
        WHEN 'cash' THEN 'asset'
        WHEN 'disputes_held' THEN 'asset'
        ELSE ''
    END)
) NOT VALID;
''',
    "key_outranks_issuer": r'''
-- Forbids an API key that could do more than the key that issued it: another tenant, a wider scope, another account,
-- a later end, a lineage or an identity of its own making.
-- Speaks: before each new key that does not follow from its parent. Becomes: Forbidden.
CREATE OR REPLACE FUNCTION ledger_key_outranks_issuer() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    issuer accounts_apikey;
BEGIN
    SELECT * INTO issuer FROM accounts_apikey WHERE id = NEW.parent_id AND tenant_id = NEW.tenant_id;
    IF (NEW.parent_id IS NULL AND NEW.lineage <> '{}')
       OR (NEW.parent_id IS NOT NULL AND (
           issuer.id IS NULL
           OR NEW.lineage IS DISTINCT FROM issuer.lineage || issuer.id
           OR NEW.identity IS DISTINCT FROM issuer.identity
           OR (issuer.account_id IS NOT NULL AND NEW.account_id IS DISTINCT FROM issuer.account_id)
           OR (issuer.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > issuer.expires_at))
           OR EXISTS (SELECT FROM jsonb_array_elements_text(NEW.scopes) AS scope
                       WHERE NOT issuer.scopes ?| ARRAY[scope, '*', split_part(scope, '.', 1) || '.*'])))
    THEN
        RAISE EXCEPTION 'key % could do more than the key that issued it', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'key_outranks_issuer', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER key_outranks_issuer BEFORE INSERT ON accounts_apikey
    FOR EACH ROW EXECUTE FUNCTION ledger_key_outranks_issuer();
ALTER TABLE accounts_apikey ENABLE ALWAYS TRIGGER key_outranks_issuer;
''',
    "username_is_final": r'''
-- Forbids another name for a member of the staff: the log names people by it.
-- Speaks: before each update of a user that changes the name.
CREATE OR REPLACE FUNCTION ledger_username_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'user % keeps the name that the log has', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'username_is_final', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER username_is_final BEFORE UPDATE ON auth_user
    FOR EACH ROW WHEN (OLD.username IS DISTINCT FROM NEW.username)
    EXECUTE FUNCTION ledger_username_is_final();
ALTER TABLE auth_user ENABLE ALWAYS TRIGGER username_is_final;
''',
    "spend_cap_reopened": r'''
-- Forbids that what a session key has spent becomes less, or that its day or its last spend move back or are forgotten,
-- which would open a cap again. A new day begins its own count.
-- Speaks: before each update that would. Becomes: a bug; the executor's time does not run back over a row.
CREATE OR REPLACE FUNCTION ledger_spend_cap_reopened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was spent with session key % stays spent', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'spend_cap_reopened', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER spend_cap_reopened BEFORE UPDATE ON accounts_sessionkey
    FOR EACH ROW WHEN (NEW.spent_total < OLD.spent_total OR NEW.spent_most < OLD.spent_most
        OR (NEW.day = OLD.day AND NEW.spent_day < OLD.spent_day)
        OR (OLD.day IS NOT NULL AND (NEW.day IS NULL OR NEW.day < OLD.day))
        OR (OLD.last_spent_at IS NOT NULL AND (NEW.last_spent_at IS NULL OR NEW.last_spent_at < OLD.last_spent_at)))
    EXECUTE FUNCTION ledger_spend_cap_reopened();
ALTER TABLE accounts_sessionkey ENABLE ALWAYS TRIGGER spend_cap_reopened;
''',
    "account_name": r'''
-- Forbids an account's name with something invisible in it, with blanks around it, or not composed.
-- Accounts from before the rule stay. Becomes: a bug (the name's field refuses it).
ALTER TABLE accounts_account DROP CONSTRAINT IF EXISTS account_name;
ALTER TABLE accounts_account ADD CONSTRAINT account_name CHECK (fit_identity(name)) NOT VALID;
''',
    "currency_code": r'''
-- Forbids a currency's code other than 2 to 12 capitals and digits: `eur` is no second `EUR`.
-- Currencies from before the rule stay. Becomes: a bug (the code's field refuses it).
ALTER TABLE accounts_currency DROP CONSTRAINT IF EXISTS currency_code;
ALTER TABLE accounts_currency ADD CONSTRAINT currency_code CHECK (code ~ '^[A-Z0-9]{2,12}$') NOT VALID;
''',
}

GROUPS = ("ledger_viewer", "ledger_operator", "ledger_approver", "ledger_auditor", "ledger_admin")


def make_groups(apps, schema_editor):
    """The staff's groups. Their permissions follow when Django has made them (web/backoffice/staff.py)."""
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for name in GROUPS:
        groups.get_or_create(name=name)


class Migration(migrations.Migration):
    replaces = [("accounts", "0002_rules")]
    dependencies = [
        ("accounts", "0001_v0_1_tables"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("otp_static", "0003_add_timestamps"),
        ("otp_totp", "0003_add_timestamps"),
        ("sessions", "0001_initial"),
    ]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
