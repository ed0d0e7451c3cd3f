"""Statements of others and what is decided about them. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

RULES = {
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
GRANT UPDATE (status, decided_by, decided_at, decision, posted) ON journal_externaladjustment TO ledger_app;
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
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_reserved_name'),
        ('journal', '0012_issued_statements'),
    ]

    operations = [
        migrations.CreateModel(
            name='ExternalStatement',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('format', models.TextField()),
                ('sha256', models.TextField()),
                ('content', models.TextField()),
                ('lines', models.IntegerField()),
                ('first_date', models.DateField()),
                ('last_date', models.DateField()),
                ('money_in', models.DecimalField(decimal_places=0, max_digits=38)),
                ('money_out', models.DecimalField(decimal_places=0, max_digits=38)),
                ('opening', models.DecimalField(decimal_places=0, max_digits=38, null=True)),
                ('closing', models.DecimalField(decimal_places=0, max_digits=38, null=True)),
                ('uploaded_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='external_statements', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='ExternalMatch',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('kind', models.TextField(choices=[('matched', 'Matched'), ('resolved', 'Resolved'), ('adjusted', 'Adjusted')])),
                ('how', models.TextField()),
                ('reason', models.TextField()),
                ('difference', models.DecimalField(decimal_places=0, max_digits=38)),
                ('tolerance', models.DecimalField(decimal_places=0, max_digits=38)),
                ('created_at', models.DateTimeField()),
                ('undone_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='journal.externalstatement')),
            ],
            options={
                'verbose_name_plural': 'external matches',
            },
        ),
        migrations.CreateModel(
            name='ExternalLine',
            fields=[
                ('pk', models.CompositePrimaryKey('statement_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('date', models.DateField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('reference', models.TextField()),
                ('description', models.TextField()),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='statement_lines', to='journal.externalstatement')),
            ],
        ),
        migrations.CreateModel(
            name='ExternalAdjustment',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField(null=True)),
                ('entry', models.UUIDField(null=True)),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('reason', models.TextField()),
                ('status', models.TextField(choices=[('pending', 'Pending'), ('posted', 'Posted'), ('rejected', 'Rejected')])),
                ('proposed_by', models.TextField()),
                ('proposed_at', models.DateTimeField()),
                ('decided_by', models.TextField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decision', models.TextField(blank=True, default='')),
                ('posted', models.UUIDField(null=True)),
                ('counter_account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='adjustments', to='journal.externalstatement')),
            ],
        ),
        migrations.CreateModel(
            name='MatchedEntry',
            fields=[
                ('pk', models.CompositePrimaryKey('match_id', 'entry_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('active', models.BooleanField(default=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='journal.entry')),
                ('match', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='matched_entries', to='journal.externalmatch')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='MatchedLine',
            fields=[
                ('pk', models.CompositePrimaryKey('match_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('active', models.BooleanField(default=True)),
                ('match', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='matched_lines', to='journal.externalmatch')),
                ('statement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='journal.externalstatement')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.AddIndex(
            model_name='externalstatement',
            index=models.Index(fields=['tenant', 'id'], name='external_statement_page'),
        ),
        migrations.AddConstraint(
            model_name='externalstatement',
            constraint=models.UniqueConstraint(fields=('account', 'sha256'), name='external_statement_exists'),
        ),
        migrations.AddIndex(
            model_name='externalmatch',
            index=models.Index(fields=['statement', 'id'], name='external_match_page'),
        ),
        migrations.AddConstraint(
            model_name='externalmatch',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'resolved'), models.Q(('difference__gte', django.db.models.expressions.CombinedExpression(models.F('tolerance'), '*', models.Value(-1))), ('difference__lte', models.F('tolerance'))), _connector='OR'), name='match_does_not_add_up'),
        ),
        migrations.AddConstraint(
            model_name='externalmatch',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['matched', 'resolved', 'adjusted'])), name='external_match_kind'),
        ),
        migrations.AddConstraint(
            model_name='externalmatch',
            constraint=models.CheckConstraint(condition=models.Q(('how__in', ['reference', 'amount', 'group']), models.Q(('reason', ''), _negated=True), _connector='OR'), name='match_reason'),
        ),
        migrations.AddIndex(
            model_name='externaladjustment',
            index=models.Index(fields=['tenant', 'id'], name='adjustment_page'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.UniqueConstraint(condition=models.Q(('number__isnull', False), ('status', 'pending')), fields=('statement', 'number'), name='adjustment_exists'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.UniqueConstraint(condition=models.Q(('entry__isnull', False), ('status', 'pending')), fields=('statement', 'entry'), name='adjustment_exists_of_entry'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'posted'), _negated=True), models.Q(('decided_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='four_eyes'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('entry__isnull', True), ('number__isnull', False)), models.Q(('entry__isnull', False), ('number__isnull', True)), _connector='OR'), name='adjustment_of_one'),
        ),
        migrations.AddConstraint(
            model_name='externaladjustment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_by__isnull', True), ('posted__isnull', True), ('status', 'pending')), models.Q(('decided_by__isnull', False), ('posted__isnull', False), ('status', 'posted')), models.Q(('decided_by__isnull', False), ('posted__isnull', True), ('status', 'rejected')), _connector='OR'), name='adjustment_status'),
        ),
        migrations.AddConstraint(
            model_name='matchedentry',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True)), fields=('account', 'entry'), name='already_matched_entry'),
        ),
        migrations.AddConstraint(
            model_name='matchedline',
            constraint=models.UniqueConstraint(condition=models.Q(('active', True)), fields=('statement', 'number'), name='already_matched'),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
