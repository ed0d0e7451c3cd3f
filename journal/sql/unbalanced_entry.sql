-- Forbids postings that do not sum to zero in each currency of their entry, and postings out of place: their entry was
-- written by another transaction, or is another tenant's, or their account is. A posting is added only with its entry,
-- and both belong to the event of the same id; so an entry needs no foreign key to its tenant.
-- Speaks: once per statement that inserts postings, at its end, of these alone: what is added to an entry balances by
-- itself. Both rules look at the same rows, each of which is found once, by index as too_few_postings does; an entry with
-- one posting is that rule's to refuse, in the same statement.
-- Becomes: UnbalancedEntry; for postings out of place, a bug.
CREATE OR REPLACE FUNCTION ledger_unbalanced_entry() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    misplaced boolean;
BEGIN
    SELECT bool_or(event.id IS NULL) INTO misplaced
      FROM (SELECT posting.entry_id, account.currency, sum(posting.amount) AS total,
                   min(account.tenant_id) AS lowest, max(account.tenant_id) AS highest
              FROM inserted AS posting LEFT JOIN accounts_account AS account ON account.id = posting.account_id
             GROUP BY posting.entry_id, account.currency) AS part
      LEFT JOIN journal_entry AS entry
             ON entry.id = part.entry_id AND entry.tenant_id = part.lowest AND entry.tenant_id = part.highest
      LEFT JOIN log_event AS event
             ON event.id = entry.id AND event.tenant_id = entry.tenant_id AND event.insert_xid = pg_current_xact_id()
     WHERE event.id IS NULL
        OR part.total <> 0
       AND EXISTS (SELECT FROM journal_posting AS posting WHERE posting.entry_id = part.entry_id OFFSET 1);
    IF misplaced THEN
        RAISE EXCEPTION 'a posting is written in the transaction of its entry, on an account of the same tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'posting_out_of_place', TABLE = TG_TABLE_NAME;
    ELSIF misplaced IS NOT NULL THEN
        RAISE EXCEPTION 'the postings of an entry sum to zero in every currency'
            USING ERRCODE = '23514', CONSTRAINT = 'unbalanced_entry', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER unbalanced_entry AFTER INSERT ON journal_posting
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_unbalanced_entry();
ALTER TABLE journal_posting ENABLE ALWAYS TRIGGER unbalanced_entry;
