"""The database's own rules, frozen as they were when this migration was written; see sql/ for the living text."""

from django.db import migrations

RULES = {
    "append_only": r'''
-- Forbids changing or removing what was posted. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_posting
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE journal_posting ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_posting ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "unbalanced_entry": r'''
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
''',
    "posting_out_of_place": r'''
-- Forbids a posting whose entry was written by another transaction, or is another tenant's, or whose account is: a
-- posting is added only with its entry, and both belong to the event of the same id.
-- Speaks: once per statement that inserts postings, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_posting_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
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
''',
    "grants": r'''
-- The app's role adds to the journal and can do nothing else to it.
GRANT SELECT, INSERT ON journal_entry, journal_posting TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial"), ("log", "0002_rules")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
