"""The account of what was bought and never used. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

from ledger_project.log.online import Briefly

RULES = {
    "reserved_name": r'''
-- Forbids a name of the platform's own to an account of another type, floor or currency (accounts/reserved.py). The name
-- is judged by what it means: folded, not as it is written.
-- Accounts from before the rule stay. Becomes: ReservedName.
ALTER TABLE accounts_account DROP CONSTRAINT IF EXISTS reserved_name;
ALTER TABLE accounts_account ADD CONSTRAINT reserved_name CHECK (
    NOT starts_with(folded(name), 'platform:')
    OR (unbounded
    AND folded(name) IN ('platform:' || split_part(name, ':', 2), 'platform:' || split_part(name, ':', 2) || ':' || currency)
    AND (type) = CASE split_part(name, ':', 2)
        WHEN 'issuance' THEN 'equity'
        WHEN 'fees' THEN 'revenue'
        WHEN 'revenue' THEN 'revenue'
        WHEN 'breakage' THEN 'revenue'
        WHEN 'settlement' THEN 'liability'
        WHEN 'custody' THEN 'asset'
        WHEN 'cash' THEN 'asset'
        WHEN 'disputes_held' THEN 'asset'
        ELSE ''
    END)
) NOT VALID;
''',
}


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0007_session_key_rules")]
    operations = [
        Briefly(*(migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values())),
    ]
