-- Forbids an entry that has fewer than two postings or does not sum to zero in each of its currencies.
-- Speaks: once per statement that inserts entries, at its end; an entry and its postings are inserted by one statement,
-- which lets a thousand entries be judged by one query instead of a thousand deferred triggers.
-- Plans are kept for a session's life: one that was made for a thousand entries of a small journal would read the whole
-- of a large one for each entry, so whatever the statistics say, postings are found by their index.
-- Becomes: TooFewPostings, UnbalancedEntry.
CREATE OR REPLACE FUNCTION ledger_unbalanced_entry() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    postings bigint;
BEGIN
    SELECT coalesce(judged.postings, 0) INTO postings
      FROM inserted AS entry CROSS JOIN LATERAL (
           SELECT sum(part.postings) AS postings, bool_or(part.total <> 0) AS unbalanced
             FROM (SELECT count(*) AS postings, sum(posting.amount) AS total
                     FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
                    WHERE posting.entry_id = entry.id GROUP BY account.currency) AS part) AS judged
     WHERE coalesce(judged.postings, 0) < 2 OR judged.unbalanced LIMIT 1;
    IF postings < 2 THEN
        RAISE EXCEPTION 'an entry has at least two postings'
            USING ERRCODE = '23514', CONSTRAINT = 'too_few_postings', TABLE = TG_TABLE_NAME;
    ELSIF postings IS NOT NULL THEN
        RAISE EXCEPTION 'the postings of an entry sum to zero in every currency'
            USING ERRCODE = '23514', CONSTRAINT = 'unbalanced_entry', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER unbalanced_entry AFTER INSERT ON journal_entry
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_unbalanced_entry();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER unbalanced_entry;
