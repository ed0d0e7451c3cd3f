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
