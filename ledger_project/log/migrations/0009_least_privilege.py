"""Sealing has a role of its own, and nobody what he does not need. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "sealer_role": r'''
-- The role whose rights the sealer's sessions have. Its logins are members of it; the app's are not.
DO $$
BEGIN
    CREATE ROLE ledger_sealer NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
''',
    "sealed_log_grants": r'''
-- The app's role reads the sealed log; the sealer's alone extends it, and cannot change it. Of a finding, a key and a
-- delivery it can say how they fare, and not what they are about. Of the books it reads what is hashed.
REVOKE ALL ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery FROM ledger_app;
GRANT SELECT ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery TO ledger_app;
GRANT USAGE ON SCHEMA public TO ledger_sealer;
GRANT SELECT ON log_event, journal_entry, journal_posting, log_leaf, log_node, log_checkpoint, log_sealingfinding,
    log_signingkey, log_anchordelivery TO ledger_sealer;
GRANT SELECT (id, currency) ON accounts_account TO ledger_sealer;
GRANT INSERT (log_index, tenant_id, event_id, leaf_hash) ON log_leaf TO ledger_sealer;
GRANT INSERT (level, index, hash) ON log_node TO ledger_sealer;
GRANT INSERT (size, root, note, snapshot) ON log_checkpoint TO ledger_sealer;
GRANT INSERT (kind, event_id, detail), UPDATE (resolved_at) ON log_sealingfinding TO ledger_sealer;
GRANT INSERT (kid, public_key, created_at, retired_at), UPDATE (retired_at) ON log_signingkey TO ledger_sealer;
GRANT INSERT (sink, checkpoint_id), UPDATE (attempts, next_attempt_at, delivered_at, last_error)
    ON log_anchordelivery TO ledger_sealer;
''',
    "nothing_for_everybody": r'''
-- What PostgreSQL lets every login do, taken back: to name what is in the schema, or make something in it, and to keep
-- large objects, which belong to nobody's table and count in nobody's size. (Temporary tables: log/rights.py.) Only a
-- superuser can take the large objects back; whoever is none is warned, and goes on.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT oid::regprocedure FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
                 WHERE pronamespace = 'pg_catalog'::regnamespace AND grantee = 0
                   AND (proname LIKE 'lo\_%' OR proname IN ('loread', 'lowrite'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
    END LOOP;
END $$;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_reserved_name'),
        ('journal', '0014_judged_once'),
        ('log', '0008_event_page_without_transfers'),
    ]

    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
