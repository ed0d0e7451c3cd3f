"""References of others are compared as what they mean."""

from django.db import migrations
from django.db.models import Q, UniqueConstraint

from accounts.folding import AddIdentity, Folded


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_identities"), ("holds", "0002_rules")]
    operations = [
        migrations.RemoveConstraint("hold", "duplicate_withdrawal"),
        migrations.RemoveConstraint("deposit", "duplicate_deposit"),
        AddIdentity(
            "hold",
            UniqueConstraint(
                "tenant",
                Folded("external_ref"),
                condition=Q(external_ref__isnull=False),
                name="duplicate_withdrawal",
            ),
        ),
        AddIdentity(
            "deposit",
            UniqueConstraint("tenant", Folded("source"), Folded("external_ref"), name="duplicate_deposit"),
        ),
    ]
