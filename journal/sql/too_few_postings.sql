-- Forbids an entry that has fewer than two postings.
-- Speaks: once per statement that inserts entries, at its end; an entry and its postings are inserted by one statement,
-- which lets a thousand entries be judged by one query instead of a thousand deferred triggers.
-- Plans are kept for a session's life: one that was made for a thousand entries of a small journal would read the whole
-- of a large one for each entry, so whatever the statistics say, postings are found by their index.
-- Becomes: TooFewPostings.
CREATE OR REPLACE FUNCTION ledger_too_few_postings() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS entry
         WHERE NOT EXISTS (SELECT FROM journal_posting AS posting WHERE posting.entry_id = entry.id OFFSET 1)
    ) THEN
        RAISE EXCEPTION 'an entry has at least two postings'
            USING ERRCODE = '23514', CONSTRAINT = 'too_few_postings', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER too_few_postings AFTER INSERT ON journal_entry
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_too_few_postings();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER too_few_postings;
