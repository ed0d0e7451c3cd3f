-- Forbids a posting whose entry was written by another transaction, or is another tenant's, or whose account is: a
-- posting is added only with its entry, and both belong to the event of the same id.
-- So an entry needs no foreign key to its tenant: its postings' accounts have one.
-- Speaks: once per statement that inserts postings, at its end, by index as unbalanced_entry does. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_posting_out_of_place() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS posting
          LEFT JOIN journal_entry AS entry ON entry.id = posting.entry_id
          LEFT JOIN log_event AS event
                 ON event.id = entry.id AND event.tenant_id = entry.tenant_id
                AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_account AS account
                 ON account.id = posting.account_id AND account.tenant_id = entry.tenant_id
         WHERE event.id IS NULL OR account.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a posting is written in the transaction of its entry, on an account of the same tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'posting_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER posting_out_of_place AFTER INSERT ON journal_posting
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_posting_out_of_place();
ALTER TABLE journal_posting ENABLE ALWAYS TRIGGER posting_out_of_place;
