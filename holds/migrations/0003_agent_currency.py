"""Which currency a tenant's agents have. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
    "agent_currency": r'''
-- Forbids a currency of agents that their tenant has not registered.
ALTER TABLE holds_agentcurrency DROP CONSTRAINT IF EXISTS agent_currency;
ALTER TABLE holds_agentcurrency ADD CONSTRAINT agent_currency
    FOREIGN KEY (tenant_id, currency) REFERENCES accounts_currency (tenant_id, code);
''',
    "agent_currency_grants": r'''
-- The app's role says which currency agents have, and says it anew.
GRANT SELECT, INSERT ON holds_agentcurrency TO ledger_app;
GRANT UPDATE (currency, set_at) ON holds_agentcurrency TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_key_lineage"), ("holds", "0002_rules")]

    operations = [
        migrations.CreateModel(
            name="AgentCurrency",
            fields=[
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="agent_currency",
                        serialize=False,
                        to="accounts.tenant",
                    ),
                ),
                ("currency", models.TextField()),
                ("set_at", models.DateTimeField()),
            ],
            options={"verbose_name_plural": "agent currencies"},
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
