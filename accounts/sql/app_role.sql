-- The role whose rights the app's sessions have. Its logins are members of it and the owner of the tables is not.
DO $$
BEGIN
    CREATE ROLE ledger_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
