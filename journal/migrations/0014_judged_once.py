"""Postings are judged where they are inserted, each account and entry looked up once. Frozen; sql/ has the living text."""

from django.db import migrations

RULES = {
    "too_few_postings": r'''
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
''',
    "unbalanced_entry": r'''
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
''',
}
BEFORE = """
DROP TRIGGER unbalanced_entry ON journal_entry;
DROP TRIGGER posting_out_of_place ON journal_posting;
DROP FUNCTION ledger_posting_out_of_place();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0013_external_statements"),
    ]

    operations = [
        migrations.RunSQL(BEFORE + "".join(RULES.values()), migrations.RunSQL.noop),
    ]
