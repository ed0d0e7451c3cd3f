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
