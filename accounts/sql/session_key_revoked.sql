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
