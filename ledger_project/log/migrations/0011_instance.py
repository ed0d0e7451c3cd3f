"""Which copy this database is, and which name of the log a finding is about. The SQL is frozen, sql/ has the living text."""

from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

RULES = {
    "sealed_log_grants": r'''
-- The app's role reads the sealed log; the sealer's alone extends it, and cannot change it. Of a finding, a key and a
-- delivery it can say how they fare, and not what they are about. Of the books it reads what is hashed.
REVOKE ALL ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery, log_instance
    FROM ledger_app;
GRANT SELECT ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery, log_instance
    TO ledger_app;
GRANT USAGE ON SCHEMA public TO ledger_sealer;
GRANT SELECT ON log_event, journal_entry, journal_posting, log_leaf, log_node, log_checkpoint, log_sealingfinding,
    log_signingkey, log_anchordelivery, log_instance TO ledger_sealer;
GRANT SELECT (id, currency) ON accounts_account TO ledger_sealer;
GRANT INSERT (log_index, tenant_id, event_id, leaf_hash) ON log_leaf TO ledger_sealer;
GRANT INSERT (level, index, hash) ON log_node TO ledger_sealer;
GRANT INSERT (size, root, note, snapshot) ON log_checkpoint TO ledger_sealer;
GRANT INSERT (kind, event_id, detail, origin), UPDATE (resolved_at) ON log_sealingfinding TO ledger_sealer;
GRANT INSERT (kid, public_key, created_at, retired_at), UPDATE (retired_at) ON log_signingkey TO ledger_sealer;
GRANT INSERT (instance, reason, made_by) ON log_instance TO ledger_sealer;
GRANT INSERT (sink, checkpoint_id), UPDATE (attempts, next_attempt_at, delivered_at, last_error)
    ON log_anchordelivery TO ledger_sealer;
''',
}


# What is open was found under the name that the log has now, which the settings alone know.
NAME_WHAT_IS_OPEN = (
    "UPDATE log_sealingfinding SET origin = %s WHERE kind = 'cut_back' AND resolved_at IS NULL",
    [settings.LOG_ORIGIN],
)


class Migration(migrations.Migration):

    dependencies = [
        ('log', '0010_time_runs_back'),
    ]

    operations = [
        migrations.CreateModel(
            name='Instance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('instance', models.TextField()),
                ('reason', models.TextField()),
                ('made_by', models.TextField()),
                ('made_at', models.DateTimeField(db_default=Now())),
            ],
        ),
        migrations.AddField(
            model_name='sealingfinding',
            name='origin',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.RemoveConstraint(model_name='sealingfinding', name='sealing_finding_open'),
        migrations.AddConstraint(
            model_name='sealingfinding',
            constraint=models.UniqueConstraint(
                condition=models.Q(('resolved_at__isnull', True)),
                fields=('kind', 'event', 'origin'),
                name='sealing_finding_open',
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL([NAME_WHAT_IS_OPEN], migrations.RunSQL.noop),
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
    ]
