"""The staff's groups. Their permissions follow after the migration, when Django has made them (web/backoffice/staff.py)."""

from django.db import migrations

GROUPS = ["ledger_viewer", "ledger_operator", "ledger_approver", "ledger_auditor", "ledger_admin"]


def make_groups(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    for name in GROUPS:
        groups.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_balance_total"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
