"""Entries and postings are judged by index, whatever the statistics say. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
    "unbalanced_entry": r'''
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
''',
    "posting_out_of_place": r'''
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
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_session_keys'),
        ('journal', '0006_monitor_rules'),
    ]

    operations = [
        migrations.AlterField(
            model_name='entry',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
