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
