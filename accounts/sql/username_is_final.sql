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
