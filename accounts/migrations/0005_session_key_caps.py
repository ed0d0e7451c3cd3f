"""The caps of session keys hold for those from before, too."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0004_session_keys_reserve")]
    operations = [
        ValidateConstraint("sessionkey", "spend_cap_exceeded"),
        ValidateConstraint("sessionkey", "session_key_spent"),
    ]
