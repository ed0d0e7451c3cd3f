-- Forbids spending and promising with a revoked session key, and giving one its life back; what it promised is paid.
-- Speaks: before each update of a revoked key that would. Becomes: SessionKeyRevoked.
CREATE OR REPLACE FUNCTION ledger_session_key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'session key % is revoked', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'session_key_revoked', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER session_key_revoked BEFORE UPDATE ON accounts_sessionkey
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL AND (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
        OR NEW.spent_total + NEW.reserved_total > OLD.spent_total + OLD.reserved_total))
    EXECUTE FUNCTION ledger_session_key_revoked();
ALTER TABLE accounts_sessionkey ENABLE ALWAYS TRIGGER session_key_revoked;
