"""References of others are compared as what they mean."""

from django.db import migrations
from django.db.models import UniqueConstraint

from accounts.folding import AddIdentity, Folded

RECORD = UniqueConstraint("tenant", "kind", Folded("external_id"), name="duplicate_record")
CLEARING = UniqueConstraint("tenant", Folded("domain"), "currency", name="clearing_account_exists")
SETTLEMENT = UniqueConstraint("tenant", Folded("netting_batch_id"), name="settlement_exists")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_identities"), ("journal", "0015_two_people")]
    operations = [
        migrations.RemoveConstraint("billingrecord", "duplicate_record"),
        migrations.RemoveConstraint("clearingaccount", "clearing_account_exists"),
        migrations.RemoveConstraint("settlementbatch", "settlement_exists"),
        AddIdentity("billingrecord", RECORD),
        AddIdentity("clearingaccount", CLEARING),
        AddIdentity("settlementbatch", SETTLEMENT),
    ]
