-- Forbids a statement that does not go on where the account's last one ended, in time and in every bucket; the first one
-- begins with nothing, when the account was opened or before.
-- Speaks: before each row. Becomes: StatementExists, StatementOutOfChain.
CREATE OR REPLACE FUNCTION ledger_statement_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT until, closing, version INTO last FROM journal_issuedstatement
     WHERE account_id = NEW.account_id ORDER BY since DESC LIMIT 1;
    IF last.until > NEW.since THEN
        RAISE EXCEPTION 'a statement of account % covers this time', NEW.account_id
            USING ERRCODE = '23505', CONSTRAINT = 'statement_exists', TABLE = TG_TABLE_NAME;
    ELSIF last.until < NEW.since
       OR last.until IS NULL AND NEW.since > (SELECT created_at FROM accounts_account WHERE id = NEW.account_id)
       OR NEW.opening <> coalesce(last.closing, array_fill(0::numeric, ARRAY[7]))
       OR NEW.lines <> NEW.version - coalesce(last.version, 0) THEN
        RAISE EXCEPTION 'a statement of account % goes on where its last one ended', NEW.account_id
            USING ERRCODE = '23514', CONSTRAINT = 'statement_out_of_chain', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER statement_chain BEFORE INSERT ON journal_issuedstatement
    FOR EACH ROW EXECUTE FUNCTION ledger_statement_chain();
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER statement_chain;
