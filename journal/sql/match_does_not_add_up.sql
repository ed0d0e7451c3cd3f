-- Forbids a match whose lines and entries do not come to the difference that it states, that names what is not its
-- statement's or its account's, or that matches with one side empty; together with the check of the same name, which
-- keeps the difference within the tolerance.
-- Speaks: once per statement that inserts matches, their lines or their entries, at its end; a match is inserted whole.
-- Lines and entries are found by their indexes whatever the statistics say, as in unbalanced_entry.sql; so the account is
-- no condition of the search for postings, or each entry would be looked for among all postings of its account.
-- Becomes: MatchDoesNotAddUp, ExternalItemNotFound.
CREATE OR REPLACE FUNCTION ledger_match_adds_up() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    keys uuid[];
    wrong record;
BEGIN
    IF TG_TABLE_NAME = 'journal_externalmatch' THEN
        SELECT array_agg(id) INTO keys FROM inserted;
    ELSE
        SELECT array_agg(DISTINCT match_id) INTO keys FROM inserted;
    END IF;
    SELECT match.kind, line.told, line.strange OR entry.strange AS strange INTO wrong
      FROM unnest(keys) AS key
      JOIN journal_externalmatch AS match ON match.id = key
      JOIN journal_externalstatement AS statement ON statement.id = match.statement_id
      JOIN accounts_account AS account ON account.id = statement.account_id
     CROSS JOIN LATERAL (
           SELECT count(*) AS told, coalesce(sum(line.amount), 0) AS amount,
                  coalesce(bool_or(line.number IS NULL OR part.statement_id <> match.statement_id), false) AS strange
             FROM journal_matchedline AS part
             LEFT JOIN journal_externalline AS line
               ON line.statement_id = part.statement_id AND line.number = part.number
            WHERE part.match_id = match.id) AS line
     CROSS JOIN LATERAL (
           SELECT count(*) AS told, coalesce(sum(moved.amount), 0) AS amount,
                  coalesce(bool_or(moved.amount IS NULL OR part.account_id <> statement.account_id), false) AS strange
             FROM journal_matchedentry AS part
            CROSS JOIN LATERAL (
                  SELECT sum(posting.amount) FILTER (WHERE posting.account_id = part.account_id)
                       * CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END AS amount
                    FROM journal_posting AS posting WHERE posting.entry_id = part.entry_id) AS moved
            WHERE part.match_id = match.id) AS entry
     WHERE line.strange OR entry.strange OR line.amount - entry.amount <> match.difference
        OR line.told + entry.told = 0
        OR (match.kind = 'matched' AND (line.told = 0 OR entry.told = 0))
     LIMIT 1;
    IF wrong.strange THEN
        RAISE EXCEPTION 'a match has lines of its statement and entries of its account'
            USING ERRCODE = '23514', CONSTRAINT = 'external_item_not_found', TABLE = TG_TABLE_NAME;
    ELSIF wrong.kind IS NOT NULL THEN
        RAISE EXCEPTION 'the lines and the entries of a match come to the same amount'
            USING ERRCODE = '23514', CONSTRAINT = 'match_does_not_add_up', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER match_does_not_add_up AFTER INSERT ON journal_externalmatch
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION ledger_match_adds_up();
CREATE OR REPLACE TRIGGER match_does_not_add_up AFTER INSERT ON journal_matchedline
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION ledger_match_adds_up();
CREATE OR REPLACE TRIGGER match_does_not_add_up AFTER INSERT ON journal_matchedentry
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION ledger_match_adds_up();
ALTER TABLE journal_externalmatch ENABLE ALWAYS TRIGGER match_does_not_add_up;
ALTER TABLE journal_matchedline ENABLE ALWAYS TRIGGER match_does_not_add_up;
ALTER TABLE journal_matchedentry ENABLE ALWAYS TRIGGER match_does_not_add_up;
