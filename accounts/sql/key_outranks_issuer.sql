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
