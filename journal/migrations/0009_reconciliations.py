"""Reconciliations and what they find. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
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
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_reserved_name'),
        ('journal', '0008_verified_points'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReconciliationRun',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('requested_by', models.TextField()),
                ('reason', models.TextField(blank=True, default='')),
                ('requested_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('log_size', models.BigIntegerField(blank=True, null=True)),
                ('mismatches', models.BigIntegerField(blank=True, null=True)),
                ('checks', models.JSONField(default=list)),
                ('reported_at', models.DateTimeField(blank=True, null=True)),
                ('mailed_at', models.DateTimeField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('pk', models.CompositePrimaryKey('run_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('seq', models.IntegerField()),
                ('check_name', models.TextField()),
                ('subject', models.TextField()),
                ('stored', models.TextField()),
                ('replayed', models.TextField()),
                ('account', models.TextField(blank=True, null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='journal.reconciliationrun')),
            ],
        ),
        migrations.AddIndex(
            model_name='reconciliationrun',
            index=models.Index(fields=['tenant', '-id'], name='reconciliation_page'),
        ),
        migrations.AddIndex(
            model_name='reconciliationrun',
            index=models.Index(condition=models.Q(('mismatches__gt', 0)), fields=['finished_at'], name='reconciliation_mismatched'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('tenant',), name='reconciliation_under_way'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('mismatches__isnull', True), ('reported_at__isnull', True)), models.Q(('finished_at__isnull', False), ('log_size__isnull', False), ('mismatches__gte', 0), ('started_at__isnull', False)), _connector='OR'), name='reconciliation_finished'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationrun',
            constraint=models.CheckConstraint(condition=models.Q(('reported_at__isnull', True), ('mismatches__gt', 0), _connector='OR'), name='reconciliation_matched'),
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
