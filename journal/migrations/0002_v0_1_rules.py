"""What PostgreSQL forbids about the journal, and what each role may do. The SQL is frozen, sql/ has the living text."""

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
    "grants": r'''
-- The app's role adds to the journal and can do nothing else to it.
GRANT SELECT, INSERT ON journal_entry, journal_posting TO ledger_app;
''',
    "posting_line": r'''
-- Postings with the names that people know them by, for the back office, under one text id (`<entry>-<seq>`).
CREATE OR REPLACE VIEW journal_posting_line WITH (security_invoker = true) AS
SELECT posting.entry_id || '-' || posting.seq AS id, posting.entry_id, posting.seq, entry.tenant_id, entry.kind,
       entry.effective_at, posting.account_id, account.name, account.currency, account.scale, posting.stripe,
       (ARRAY['available', 'held', 'escrowed', 'bonded', 'fee_pool', 'promo', 'credit_used'])[posting.bucket + 1] AS bucket,
       posting.amount, CASE WHEN NOT account.unbounded THEN posting.balance_after END AS balance_after, posting.version
  FROM journal_posting AS posting
  JOIN journal_entry AS entry ON entry.id = posting.entry_id
  JOIN accounts_account AS account ON account.id = posting.account_id;
GRANT SELECT ON journal_posting_line TO ledger_app;
''',
    "settled_twice": r'''
-- Forbids a settled range that does not begin where the last one of its stripe ended: no posting is settled twice, and
-- none is stepped over. Together with the unique constraint of the same name, which two ranges of one beginning meet.
-- Speaks: before each range that is inserted. Becomes: SettledTwice.
CREATE OR REPLACE FUNCTION ledger_settled_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version_from <> coalesce((SELECT last.version_to FROM journal_settledrange AS last
                                      WHERE last.account_id = NEW.account_id AND last.stripe = NEW.stripe
                                      ORDER BY last.version_from DESC LIMIT 1), 0) THEN
        RAISE EXCEPTION 'a settled range begins where the one before it ended'
            USING ERRCODE = '23514', CONSTRAINT = 'settled_twice', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER settled_twice BEFORE INSERT ON journal_settledrange
    FOR EACH ROW EXECUTE FUNCTION ledger_settled_twice();
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER settled_twice;
''',
    "money_verbs_append_only": r'''
-- Forbids changing or removing what was recorded and settled. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_billingrecord
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_billingrecord
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_billingrecord ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_billingrecord ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_settlementbatch
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_settlementbatch
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_settlementbatch ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_settlementbatch ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_settledrange
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_settledrange
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "money_verbs_grants": r'''
-- The app's role counts refunds, uses up promotional grants, and records the rest once.
GRANT SELECT, INSERT ON journal_refundtotal, journal_promogrant, journal_billingrecord, journal_clearingaccount,
    journal_settlementbatch, journal_settledrange TO ledger_app;
GRANT UPDATE (refunded, reversed) ON journal_refundtotal TO ledger_app;
GRANT UPDATE (spent, burned) ON journal_promogrant TO ledger_app;
GRANT UPDATE (settled_at) ON journal_clearingaccount TO ledger_app;
''',
    "monitor_grants": r'''
-- The app's role keeps monitors and what crossed them; a crossing is told of once and stands.
GRANT SELECT, INSERT ON journal_monitor, journal_crossing TO ledger_app;
GRANT UPDATE (triggered_at, deleted_at, slot, running) ON journal_monitor TO ledger_app;
GRANT SELECT, UPDATE (next_index) ON journal_monitorcursor TO ledger_app;
''',
    "verified_grants": r'''
-- The app's role notes what it verified, and moves the note on.
GRANT SELECT, INSERT, UPDATE ON journal_verifiedpoint, journal_verifiedbalance TO ledger_app;
''',
    "reconciliation_grants": r'''
-- The app's role asks for runs, finishes them and tells of them; what was found stands.
GRANT SELECT, INSERT ON journal_reconciliationrun, journal_finding TO ledger_app;
GRANT UPDATE (started_at, finished_at, log_size, mismatches, checks, reported_at, mailed_at)
    ON journal_reconciliationrun TO ledger_app;
''',
    "reconciliation_rewritten": r'''
-- Forbids changing what a finished run found, and telling of it twice; that it was told of is noted once.
-- Speaks: before each update of a finished run that does. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_reconciliation_rewritten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what reconciliation % found stands', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'reconciliation_rewritten', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER reconciliation_rewritten BEFORE UPDATE ON journal_reconciliationrun
    FOR EACH ROW WHEN (
        (OLD.id, OLD.tenant_id, OLD.requested_by, OLD.reason, OLD.requested_at)
        IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.requested_by, NEW.reason, NEW.requested_at)
        OR OLD.finished_at IS NOT NULL AND
        (OLD.started_at, OLD.finished_at, OLD.log_size, OLD.mismatches, OLD.checks)
        IS DISTINCT FROM (NEW.started_at, NEW.finished_at, NEW.log_size, NEW.mismatches, NEW.checks)
        OR OLD.reported_at IS NOT NULL AND OLD.reported_at IS DISTINCT FROM NEW.reported_at
        OR OLD.mailed_at IS NOT NULL AND OLD.mailed_at IS DISTINCT FROM NEW.mailed_at)
    EXECUTE FUNCTION ledger_reconciliation_rewritten();
ALTER TABLE journal_reconciliationrun ENABLE ALWAYS TRIGGER reconciliation_rewritten;
''',
    "reconciliation_append_only": r'''
-- Forbids removing runs, and changing or removing what they found. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON journal_reconciliationrun
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_reconciliationrun
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_reconciliationrun ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_reconciliationrun ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_finding
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_finding
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_finding ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_finding ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "dated_entries": r'''
-- Entries that say of themselves that they were effective at another time than they were recorded, to the microsecond that
-- their id begins with. There are few as a rule; the books at a moment are those of the log, put right by these.
CREATE INDEX entry_dated ON journal_entry (tenant_id, effective_at, id)
 WHERE extract(epoch FROM effective_at - '1970-01-01 00:00:00+00'::timestamptz) * 1000000
    <> ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint * 1000
     + (('x' || substr(replace(id::text, '-', ''), 14, 3))::bit(12)::int * 1000 + 4095) / 4096;
''',
    "statement_grants": r'''
-- The app's role issues statements; what was issued stands.
GRANT SELECT, INSERT ON journal_issuedstatement TO ledger_app;
''',
    "statement_chain": r'''
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
''',
    "statement_sums": r'''
-- Forbids a statement whose totals are not what lies between its balances; drawn credit is not the account's own.
-- Becomes: StatementMismatch.
ALTER TABLE journal_issuedstatement ADD CONSTRAINT statement_mismatch CHECK (
    total_in >= 0 AND total_out >= 0 AND cardinality(opening) = 7 AND cardinality(closing) = 7
    AND total_in - total_out = closing[1] + closing[2] + closing[3] + closing[4] + closing[5] + closing[6] - closing[7]
                             - (opening[1] + opening[2] + opening[3] + opening[4] + opening[5] + opening[6] - opening[7]));
-- Forbids a statement of a time that was not over for ten minutes when it was issued, which its id says: what was recorded
-- before its end is committed and sealed by then. Becomes: PeriodNotOver.
ALTER TABLE journal_issuedstatement ADD CONSTRAINT period_not_over CHECK (
    extract(epoch FROM until - '1970-01-01 00:00:00+00'::timestamptz) * 1000 + 600000
    <= ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint + 1);
''',
    "statement_append_only": r'''
-- Forbids changing or removing statements that were issued. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_issuedstatement
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_issuedstatement
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "external_references": r'''
-- Holds a matched line and an adjustment to a line that is there: both name it by its statement and its number.
ALTER TABLE journal_matchedline ADD CONSTRAINT matched_line_of_statement
    FOREIGN KEY (statement_id, number) REFERENCES journal_externalline (statement_id, number);
ALTER TABLE journal_externaladjustment ADD CONSTRAINT adjustment_of_line
    FOREIGN KEY (statement_id, number) REFERENCES journal_externalline (statement_id, number);
''',
    "external_grants": r'''
-- The app's role takes in statements, which stay as they came, notes matches and takes them back, and decides adjustments.
GRANT SELECT, INSERT ON journal_externalstatement, journal_externalline, journal_externalmatch, journal_matchedline,
    journal_matchedentry, journal_externaladjustment TO ledger_app;
GRANT UPDATE (undone_at) ON journal_externalmatch TO ledger_app;
GRANT UPDATE (active) ON journal_matchedline, journal_matchedentry TO ledger_app;
GRANT UPDATE (status, decided_by, decided_identity, decided_at, decision, posted) ON journal_externaladjustment TO ledger_app;
''',
    "external_append_only": r'''
-- Forbids changing or removing a statement and its lines, and removing what was decided about them.
-- Speaks: see log/sql/append_only.sql.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['externalstatement', 'externalline', 'externalmatch', 'matchedline', 'matchedentry',
                                'externaladjustment'] LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER append_only BEFORE %s ON journal_%s
                        FOR EACH ROW EXECUTE FUNCTION ledger_append_only()',
                       CASE WHEN name IN ('externalstatement', 'externalline')
                            THEN 'UPDATE OR DELETE' ELSE 'DELETE' END, name);
        EXECUTE format('CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_%s
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()', name);
        EXECUTE format('ALTER TABLE journal_%s ENABLE ALWAYS TRIGGER append_only', name);
        EXECUTE format('ALTER TABLE journal_%s ENABLE ALWAYS TRIGGER append_only_truncate', name);
    END LOOP;
END $$;
''',
    "external_decided": r'''
-- Forbids changing what is decided: a match that was undone, an adjustment that was posted or rejected.
-- Speaks: before each row that is updated. Becomes: MatchUndone, AdjustmentNotPending.
CREATE OR REPLACE FUNCTION ledger_external_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[1] USING ERRCODE = '23514', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER match_undone BEFORE UPDATE ON journal_externalmatch
    FOR EACH ROW WHEN (OLD.undone_at IS NOT NULL)
    EXECUTE FUNCTION ledger_external_decided('match_undone', 'this match was undone before');
CREATE OR REPLACE TRIGGER match_undone BEFORE UPDATE ON journal_matchedline
    FOR EACH ROW WHEN (NOT OLD.active)
    EXECUTE FUNCTION ledger_external_decided('match_undone', 'this match was undone before');
CREATE OR REPLACE TRIGGER match_undone BEFORE UPDATE ON journal_matchedentry
    FOR EACH ROW WHEN (NOT OLD.active)
    EXECUTE FUNCTION ledger_external_decided('match_undone', 'this match was undone before');
CREATE OR REPLACE TRIGGER adjustment_not_pending BEFORE UPDATE ON journal_externaladjustment
    FOR EACH ROW WHEN (OLD.status <> 'pending')
    EXECUTE FUNCTION ledger_external_decided('adjustment_not_pending', 'this adjustment was decided before');
ALTER TABLE journal_externalmatch ENABLE ALWAYS TRIGGER match_undone;
ALTER TABLE journal_matchedline ENABLE ALWAYS TRIGGER match_undone;
ALTER TABLE journal_matchedentry ENABLE ALWAYS TRIGGER match_undone;
ALTER TABLE journal_externaladjustment ENABLE ALWAYS TRIGGER adjustment_not_pending;
''',
    "match_does_not_add_up": r'''
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
''',
    "external_open_items": r'''
-- All that is open around statements: their lines, and their accounts' entries from so many days before the first line to
-- as many after the last, with what each made the account grow by. At most `most` entries of each.
-- A function for its settings alone: the statement is prepared once for a connection's life, and a plan that was made
-- when there were few entries would read all of them for each posting; so whatever the statistics say, rows are found by
-- their indexes.
CREATE OR REPLACE FUNCTION ledger_external_open_items(statements uuid[], windows int[], of_tenant bigint, most bigint)
    RETURNS TABLE (of_statement uuid, days int, number int, entry uuid, day date, amount numeric, named text[])
    LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY
    WITH wanted AS (
        SELECT asked.days, statement.id, statement.account_id,
               CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END AS sign,
               (statement.first_date - asked.days)::timestamp AT TIME ZONE 'UTC' AS since,
               (statement.last_date + asked.days + 1)::timestamp AT TIME ZONE 'UTC' AS until
          FROM unnest(statements, windows) AS asked (id, days)
          JOIN journal_externalstatement AS statement ON statement.id = asked.id AND statement.tenant_id = of_tenant
          JOIN accounts_account AS account ON account.id = statement.account_id
    )
    SELECT wanted.id, wanted.days, line.number, NULL::uuid, line.date, line.amount, ARRAY[line.reference]
      FROM wanted JOIN journal_externalline AS line ON line.statement_id = wanted.id
     WHERE NOT EXISTS (SELECT FROM journal_matchedline AS taken
                        WHERE taken.statement_id = line.statement_id AND taken.number = line.number AND taken.active)
    UNION ALL
    SELECT wanted.id, wanted.days, NULL, moved.id, (moved.effective_at AT TIME ZONE 'UTC')::date,
           moved.amount * wanted.sign, ARRAY(SELECT value FROM jsonb_each_text(moved.texts))
      FROM wanted CROSS JOIN LATERAL (
           SELECT entry.id, entry.effective_at, entry."references" AS texts, sum(posting.amount) AS amount
             FROM journal_posting AS posting JOIN journal_entry AS entry ON entry.id = posting.entry_id
            WHERE posting.account_id = wanted.account_id
              AND entry.effective_at >= wanted.since AND entry.effective_at < wanted.until
              AND NOT EXISTS (SELECT FROM journal_matchedentry AS taken
                               WHERE taken.account_id = wanted.account_id AND taken.entry_id = entry.id AND taken.active)
            GROUP BY entry.id HAVING sum(posting.amount) <> 0 LIMIT most) AS moved;
END $$;
''',
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
    "reference_form": r'''
-- Forbids an id or a domain with something invisible in it, with blanks around it, or not composed: where nobody sees how
-- two differ they are one. Rows from before the rule stay. Becomes: a bug (the fields of such ids refuse it).
ALTER TABLE journal_billingrecord DROP CONSTRAINT IF EXISTS record_reference;
ALTER TABLE journal_billingrecord ADD CONSTRAINT record_reference CHECK (fit_identity(external_id)) NOT VALID;
ALTER TABLE journal_settlementbatch DROP CONSTRAINT IF EXISTS settlement_reference;
ALTER TABLE journal_settlementbatch ADD CONSTRAINT settlement_reference CHECK (fit_identity(netting_batch_id)) NOT VALID;
''',
}


class Migration(migrations.Migration):
    replaces = [("journal", "0002_rules")]
    dependencies = [
        ("journal", "0001_v0_1_tables"),
        ("log", "0002_v0_1_rules"),
    ]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
        migrations.RunSQL(
            "INSERT INTO journal_monitorcursor (id, next_index) VALUES (1, 0)", "DELETE FROM journal_monitorcursor"
        ),
    ]
