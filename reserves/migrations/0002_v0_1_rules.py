"""What PostgreSQL forbids about reserves, and what each role may do. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "append_only": r'''
-- Forbids changing or removing snapshots and attestations. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON reserves_reservesnapshot
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON reserves_reservesnapshot
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE reserves_reservesnapshot ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE reserves_reservesnapshot ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON reserves_attestation
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON reserves_attestation
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE reserves_attestation ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE reserves_attestation ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON reserves_attestationleaf
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON reserves_attestationleaf
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE reserves_attestationleaf ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE reserves_attestationleaf ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "grants": r'''
-- The app's role registers assets and changes how they are counted; what was recorded or attested is not for it to change.
GRANT SELECT, INSERT ON reserves_reserveasset, reserves_reservesnapshot, reserves_attestation, reserves_attestationleaf
    TO ledger_app;
GRANT UPDATE (provider, custody, source, haircut_bps, max_age_seconds, is_eligible, metadata, version, updated_at)
    ON reserves_reserveasset TO ledger_app;
''',
}


class Migration(migrations.Migration):
    replaces = [("reserves", "0002_rules")]
    dependencies = [
        ("log", "0003_v0_1_sealed_log"),
        ("reserves", "0001_v0_1_tables"),
    ]
    operations = [
        *(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()),
    ]
