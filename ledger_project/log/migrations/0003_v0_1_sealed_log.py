"""The sealed log: what PostgreSQL forbids about it, and the role that extends it. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "sealed_log_append_only": r'''
-- Forbids UPDATE, DELETE and TRUNCATE on what seals the log: leaves, subtree hashes and checkpoints.
-- Speaks: before the statement. Becomes: append_only, a bug of the caller, never a refusal.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_leaf
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_node
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_node
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE log_node ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_node ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "log_index_gap": r'''
-- Forbids a gap in the indexes of the sealed log: leaves continue where the last one stands, the first is 0.
-- Speaks: after the statement, once for all of its leaves. Becomes: log_index_gap, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_log_index_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    leaves bigint; first bigint; last bigint;
BEGIN
    SELECT count(*), min(log_index), max(log_index) INTO leaves, first, last FROM added;
    IF leaves > 0 AND (last - first + 1 <> leaves OR first < 0
            OR first > 0 AND NOT EXISTS (SELECT FROM log_leaf WHERE log_index = first - 1)) THEN
        RAISE EXCEPTION 'leaves % to % leave a gap in the log', first, last
            USING ERRCODE = '23514', CONSTRAINT = 'log_index_gap', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER log_index_gap AFTER INSERT ON log_leaf REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_log_index_gap();
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER log_index_gap;
''',
    "checkpoint_size": r'''
-- Forbids a checkpoint that is not about all leaves there are, or that covers fewer than the one before it.
-- Speaks: before the row is inserted. Becomes: checkpoint_size, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_checkpoint_size() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size <> (SELECT coalesce(max(log_index) + 1, 0) FROM log_leaf)
            OR NEW.size < (SELECT coalesce(max(size), 0) FROM log_checkpoint
                            WHERE id = (SELECT max(id) FROM log_checkpoint)) THEN
        RAISE EXCEPTION 'a checkpoint of % leaves is not one of this log', NEW.size
            USING ERRCODE = '23514', CONSTRAINT = 'checkpoint_size', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER checkpoint_size BEFORE INSERT ON log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_checkpoint_size();
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER checkpoint_size;
''',
    "sealed_log_grants": r'''
-- The app's role reads the sealed log; the sealer's alone extends it, and cannot change it. Of a finding, a key and a
-- delivery it can say how they fare, and not what they are about. Of the books it reads what is hashed.
REVOKE ALL ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery, log_instance
    FROM ledger_app;
GRANT SELECT ON log_instance TO ledger_app;
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
GRANT SELECT ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery
    TO ledger_app;
''',
    "event_of_nobody": r'''
-- Forbids an event of a tenant that does not exist. In place of a foreign key, which would ask once for each event of a
-- batch and note every writer on the tenant's row.
-- Speaks: once per statement that inserts events, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_event_of_nobody() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT tenant_id FROM inserted) AS event
                WHERE NOT EXISTS (SELECT FROM accounts_tenant AS tenant WHERE tenant.id = event.tenant_id)) THEN
        RAISE EXCEPTION 'an event belongs to a tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'event_of_nobody', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER event_of_nobody AFTER INSERT ON log_event
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_event_of_nobody();
ALTER TABLE log_event ENABLE ALWAYS TRIGGER event_of_nobody;
-- And no tenant that has events is deleted, or given another number.
CREATE OR REPLACE FUNCTION ledger_tenant_has_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM log_event AS event WHERE event.tenant_id = OLD.id) THEN
        RAISE EXCEPTION 'tenant % has events', OLD.id
            USING ERRCODE = '23514', CONSTRAINT = 'tenant_has_events', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE OR REPLACE TRIGGER tenant_has_events BEFORE DELETE OR UPDATE OF id ON accounts_tenant
    FOR EACH ROW EXECUTE FUNCTION ledger_tenant_has_events();
ALTER TABLE accounts_tenant ENABLE ALWAYS TRIGGER tenant_has_events;
''',
    "sealer_role": r'''
-- The role whose rights the sealer's sessions have. Its logins are members of it; the app's are not.
DO $$
BEGIN
    CREATE ROLE ledger_sealer NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
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
    "time_runs_back": r'''
-- Forbids that a row was changed earlier than it was changed before: the executor's batches come after all of their rows,
-- whatever the server's clock says, so ids follow versions and no line of a statement changes its place.
-- Speaks: before each update of such a row. Becomes: a bug, never a refusal.
CREATE OR REPLACE FUNCTION ledger_time_runs_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this row of % was changed at % already', TG_TABLE_NAME, OLD.updated_at
        USING ERRCODE = '23514', CONSTRAINT = 'time_runs_back', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER time_runs_back;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON holds_hold
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER time_runs_back;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON holds_deposit
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER time_runs_back;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON reserves_reserveasset
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE reserves_reserveasset ENABLE ALWAYS TRIGGER time_runs_back;
''',
    "contradiction_stays_open": r'''
-- Forbids that what an anchor has shown to be wrong with the log is closed by anything but an operator's decision, which is
-- a row of log_instance made in the same transaction.
-- Speaks: before the row is updated. Becomes: contradiction_stays_open, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_contradiction_stays_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM log_instance WHERE made_at >= transaction_timestamp()) THEN
        RAISE EXCEPTION 'the finding % is closed by manage.py unfence alone', OLD.kind
            USING ERRCODE = '23514', CONSTRAINT = 'contradiction_stays_open', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER contradiction_stays_open BEFORE UPDATE ON log_sealingfinding
    FOR EACH ROW WHEN (OLD.kind IN ('cut_back', 'forked') AND OLD.resolved_at IS NULL AND NEW.resolved_at IS NOT NULL)
    EXECUTE FUNCTION ledger_contradiction_stays_open();
ALTER TABLE log_sealingfinding ENABLE ALWAYS TRIGGER contradiction_stays_open;
''',
    "instance_append_only": r'''
-- Forbids UPDATE, DELETE and TRUNCATE on which copy this database is: who let it go on, and why, is kept.
-- Speaks: before the statement. Becomes: append_only, a bug of the caller, never a refusal.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_instance
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_instance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE log_instance ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_instance ENABLE ALWAYS TRIGGER append_only_truncate;
''',
}

# Told that most rows are one tenant's, PostgreSQL would read that tenant's newest page off the primary key, over everybody
# else's rows. Without the statistic the index that begins with the tenant is taken always.
WITHOUT_SHARES = [f"ALTER TABLE {table} ALTER COLUMN tenant_id SET STATISTICS 0" for table in ("log_event", "log_leaf")]


class Migration(migrations.Migration):
    replaces = [
        ("log", "0005_sealed_log_rules"),
        ("log", "0006_event_of_nobody"),
        ("log", "0007_plans_without_shares"),
        ("log", "0008_event_page_without_transfers"),
        ("log", "0009_least_privilege"),
        ("log", "0010_time_runs_back"),
        ("log", "0011_instance"),
        ("log", "0012_contradictions_stay_open"),
    ]
    dependencies = [
        ("holds", "0001_v0_1_tables"),
        ("journal", "0002_v0_1_rules"),
        ("log", "0002_v0_1_rules"),
        ("reserves", "0001_v0_1_tables"),
    ]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
        migrations.RunSQL(WITHOUT_SHARES, migrations.RunSQL.noop),
    ]
