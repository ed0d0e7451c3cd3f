"""Who may do what in the database and which rules guard it, as PostgreSQL's own catalogue has it, against rules.txt.

A widened grant or a lost trigger changes no behaviour that another test would see. Where a change is meant, write the
file anew and read the difference: `WRITE_RULES=1 python -m pytest ledger_project/tests/test_database_rules.py`.
"""

import os
from pathlib import Path

import pytest
from django.db import connections, transaction

FILE = Path(__file__).with_name("rules.txt")

# Tables, views and sequences: what others than their owner may do, and of which they may do nothing.
GRANTS = """
SELECT format('%s: %s may %s', relname, coalesce(grantee::text, 'PUBLIC'), string_agg(what, ', ' ORDER BY what))
  FROM (
    SELECT relname, nullif(grantee, 0)::regrole AS grantee,
           privilege_type || CASE WHEN is_grantable THEN ' and grant it' ELSE '' END AS what
      FROM pg_class, aclexplode(relacl)
     WHERE relnamespace = 'public'::regnamespace AND grantee <> relowner
    UNION ALL
    SELECT relname, nullif(grantee, 0)::regrole,
           format('%s (%s)', privilege_type, string_agg(attname, ', ' ORDER BY attname COLLATE "C"))
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl)
     WHERE relnamespace = 'public'::regnamespace AND grantee <> relowner
     GROUP BY relname, grantee, privilege_type
  ) AS given
 GROUP BY relname, grantee
UNION ALL
SELECT format('%s: nobody but its owner may do anything', relname)
  FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
   AND NOT EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee <> relowner)
   AND NOT EXISTS (SELECT FROM pg_attribute, aclexplode(attacl) WHERE attrelid = pg_class.oid AND grantee <> relowner)
"""
TRIGGERS = """
SELECT format('%s: %s%s', tgrelid::regclass, replace(pg_get_triggerdef(pg_trigger.oid), 'public.', ''),
              CASE tgenabled WHEN 'A' THEN ', always' WHEN 'O' THEN '' ELSE ', DISABLED' END)
  FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
 WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace
"""
CONSTRAINTS = r"""
SELECT format('%s: %s %s', conrelid::regclass, conname, regexp_replace(pg_get_constraintdef(oid), '\s+', ' ', 'g'))
  FROM pg_constraint
 WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'x')
   AND conrelid::regclass::text !~ '^(auth|django|otp)_'
"""
# What would go round all of the above.
WAYS_ROUND = r"""
SELECT format('%s runs as its owner', oid::regprocedure) FROM pg_proc
 WHERE prosecdef AND pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('%s is a member of %s', member::regrole, roleid::regrole) FROM pg_auth_members
 WHERE member IN ('ledger_app'::regrole, 'ledger_sealer'::regrole)
UNION ALL
SELECT format('%s may %s the schema', coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), privilege_type)
  FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
 WHERE nspname = 'public' AND grantee <> nspowner
   AND NOT (privilege_type = 'USAGE' AND grantee IN ('ledger_app'::regrole, 'ledger_sealer'::regrole))
UNION ALL
SELECT format('%s may %s the database', coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), privilege_type)
  FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
 WHERE datname = current_database() AND privilege_type <> 'CONNECT' AND grantee <> datdba
UNION ALL
SELECT format('%s may keep large objects by %s', coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), proname)
  FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
 WHERE pronamespace = 'pg_catalog'::regnamespace AND grantee <> proowner
   AND (proname LIKE 'lo\_%' OR proname IN ('loread', 'lowrite'))
UNION ALL
SELECT format('%s has an attribute of the mighty', rolname) FROM pg_roles
 WHERE rolname IN ('ledger_app', 'ledger_sealer')
   AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)
UNION ALL
SELECT 'what is made later is granted beforehand' FROM pg_default_acl
"""
PARTS = {"grants": GRANTS, "triggers": TRIGGERS, "constraints": CONSTRAINTS, "ways round": WAYS_ROUND}


def rules() -> str:
    """The catalogue as text, one rule a line."""
    lines = []
    with connections["owner"].cursor() as cursor:
        for part, query in PARTS.items():
            cursor.execute(query)
            lines += [f"# {part}", *sorted(line for (line,) in cursor.fetchall()), ""]
    return "\n".join(lines)


@pytest.mark.django_db(databases=["default", "owner"])
def test_the_database_has_these_rules_and_no_others() -> None:
    found = rules()
    if os.environ.get("WRITE_RULES"):
        FILE.write_text(found, encoding="utf-8")
    assert found.splitlines() == FILE.read_text(encoding="utf-8").splitlines()


HOSTILE = [
    "GRANT UPDATE ON log_event TO ledger_app",
    "GRANT UPDATE (payload) ON log_event TO ledger_app",
    "GRANT DELETE ON journal_posting TO PUBLIC",
    "GRANT SELECT ON accounts_apikey TO PUBLIC",
    "GRANT SELECT ON accounts_apikey TO ledger_app WITH GRANT OPTION",
    "DROP TRIGGER append_only ON journal_entry",
    "ALTER TABLE log_event DISABLE TRIGGER append_only_truncate",
    "ALTER TABLE log_event ENABLE REPLICA TRIGGER append_only",
    "ALTER TABLE log_event ENABLE TRIGGER append_only",
    "ALTER TABLE accounts_balance DROP CONSTRAINT insufficient_funds",
    "ALTER TABLE accounts_balance DROP CONSTRAINT insufficient_funds, ADD CONSTRAINT insufficient_funds CHECK (true)",
    "ALTER FUNCTION ledger_append_only() SECURITY DEFINER",
    "GRANT CREATE ON SCHEMA public TO ledger_app",
    "GRANT USAGE ON SCHEMA public TO PUBLIC",
    "GRANT INSERT ON log_leaf TO ledger_app",
    "GRANT ledger_sealer TO ledger_app",
    "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC",
    "CREATE TABLE unlisted (id int)",
    "ALTER DEFAULT PRIVILEGES GRANT UPDATE ON TABLES TO ledger_app",
]


@pytest.mark.django_db(databases=["default", "owner"])
@pytest.mark.parametrize("statement", HOSTILE)
def test_none_is_changed_in_silence(statement: str) -> None:
    before = rules()
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(statement)
        after = rules()
        transaction.set_rollback(True, using="owner")
    assert after != before
    assert rules() == before
