"""The rules of reserves, frozen as they were when this migration was written; see sql/ for the living text."""

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
GRANT UPDATE (provider, haircut_bps, max_age_seconds, is_eligible, metadata, version, updated_at)
    ON reserves_reserveasset TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("reserves", "0001_initial"), ("log", "0005_sealed_log_rules")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
