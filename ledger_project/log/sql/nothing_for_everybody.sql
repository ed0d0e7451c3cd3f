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
