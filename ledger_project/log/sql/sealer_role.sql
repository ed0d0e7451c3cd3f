-- The role whose rights the sealer's sessions have. Its logins are members of it; the app's are not.
DO $$
BEGIN
    CREATE ROLE ledger_sealer NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
