-- Forbids an entry that has fewer than two postings or does not sum to zero in each of its currencies.
-- Speaks: once per statement that inserts entries, at its end; an entry and its postings are inserted by one statement,
-- which lets a thousand entries be judged by one query instead of a thousand deferred triggers.
-- Becomes: TooFewPostings, UnbalancedEntry.
CREATE OR REPLACE FUNCTION ledger_unbalanced_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS entry
         WHERE 2 > (SELECT count(*) FROM journal_posting AS posting WHERE posting.entry_id = entry.id)
    ) THEN
        RAISE EXCEPTION 'an entry has at least two postings'
            USING ERRCODE = '23514', CONSTRAINT = 'too_few_postings', TABLE = TG_TABLE_NAME;
    END IF;
    IF EXISTS (
        SELECT FROM inserted AS entry
          JOIN journal_posting AS posting ON posting.entry_id = entry.id
          JOIN accounts_account AS account ON account.id = posting.account_id
         GROUP BY entry.id, account.currency
        HAVING sum(posting.amount) <> 0
    ) THEN
        RAISE EXCEPTION 'the postings of an entry sum to zero in every currency'
            USING ERRCODE = '23514', CONSTRAINT = 'unbalanced_entry', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER unbalanced_entry AFTER INSERT ON journal_entry
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_unbalanced_entry();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER unbalanced_entry;
