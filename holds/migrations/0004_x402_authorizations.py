"""Payments of x402 are stored from their authorization on. The SQL is frozen, sql/ has the living text."""

import django.db.models.deletion
from django.db import migrations, models

RULES = {
    "payment_not_open": r'''
-- Forbids any change of a payment that was settled or cancelled, another claim of a claimed one, and a change of what
-- was authorised.
-- Speaks: before each update of an authorization that does. Becomes: PaymentNotOpen.
CREATE OR REPLACE FUNCTION ledger_payment_not_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'payment_not_open', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER payment_not_open BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (
        OLD.status IN ('settled', 'cancelled')
        OR (OLD.claim IS NOT NULL AND OLD.claim IS DISTINCT FROM NEW.claim)
        OR (OLD.id, OLD.tenant_id, OLD.scheme, OLD.account_id, OLD.counterparty_id, OLD.amount, OLD.nonce, OLD.api_key,
            OLD.session_key, OLD.resource, OLD.expires_at, OLD.created_at)
           IS DISTINCT FROM
           (NEW.id, NEW.tenant_id, NEW.scheme, NEW.account_id, NEW.counterparty_id, NEW.amount, NEW.nonce, NEW.api_key,
            NEW.session_key, NEW.resource, NEW.expires_at, NEW.created_at))
    EXECUTE FUNCTION ledger_payment_not_open();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_not_open;
''',
    "payment_claimed": r'''
-- Forbids ending a claimed payment otherwise than by settling it: its cancellation, and taking or giving back the money
-- that is set aside for it before its time is over.
-- Speaks: before an authorization's update, and at the end of the statement that changes a hold. Becomes: PaymentClaimed.
CREATE OR REPLACE FUNCTION ledger_payment_claimed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'holds_paymentauthorization'
       OR EXISTS (SELECT FROM holds_paymentauthorization
                   WHERE id = NEW.id AND status = 'claimed' AND expires_at > NEW.updated_at)
    THEN
        RAISE EXCEPTION 'payment % is claimed', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'payment_claimed', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER payment_claimed BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (OLD.status = 'claimed' AND NEW.status IN ('open', 'cancelled'))
    EXECUTE FUNCTION ledger_payment_claimed();
CREATE OR REPLACE TRIGGER payment_claimed AFTER UPDATE ON holds_hold
    FOR EACH ROW WHEN (
        NEW.kind = 'hold' AND (NEW.captured, NEW.released) IS DISTINCT FROM (OLD.captured, OLD.released))
    EXECUTE FUNCTION ledger_payment_claimed();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_claimed;
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER payment_claimed;
''',
    "payment_key_revoked": r'''
-- Forbids claiming, or settling unclaimed, a payment whose key was revoked, or a key above it.
-- Speaks: before each update that takes an authorization from open to claimed or settled. Becomes: PaymentKeyRevoked.
CREATE OR REPLACE FUNCTION ledger_payment_key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM accounts_apikey AS own
          JOIN accounts_apikey AS key ON key.id = own.id OR key.id = ANY(own.lineage)
         WHERE own.id = NEW.api_key AND key.revoked_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the key of payment % is revoked', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'payment_key_revoked', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER payment_key_revoked BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (OLD.status = 'open' AND NEW.status IN ('claimed', 'settled'))
    EXECUTE FUNCTION ledger_payment_key_revoked();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_key_revoked;
''',
    "authorization_out_of_place": r'''
-- Forbids an authorization that is not written in the transaction of its event, which has its id, or that names an
-- account or a key of another tenant, or one of the scheme upto without the hold that it stands on.
-- Speaks: once per statement that inserts authorizations, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_authorization_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS made
          LEFT JOIN log_event AS event
                 ON event.id = made.id AND event.tenant_id = made.tenant_id AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_account AS payer ON payer.id = made.account_id AND payer.tenant_id = made.tenant_id
          LEFT JOIN accounts_account AS receiver
                 ON receiver.id = made.counterparty_id AND receiver.tenant_id = made.tenant_id
          LEFT JOIN accounts_apikey AS key ON key.id = made.api_key AND key.tenant_id = made.tenant_id
          LEFT JOIN holds_hold AS hold ON hold.id = made.id AND hold.account_id = made.account_id
         WHERE event.id IS NULL OR payer.id IS NULL OR receiver.id IS NULL
            OR (made.api_key IS NOT NULL AND key.id IS NULL)
            OR (made.scheme = 'upto') <> (hold.id IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'a payment is authorised in the transaction of its event, within one tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'authorization_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER authorization_out_of_place AFTER INSERT ON holds_paymentauthorization
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_authorization_out_of_place();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER authorization_out_of_place;
''',
    "payment_append_only": r'''
-- Forbids removing what was authorised. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_paymentauthorization
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_paymentauthorization
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "payment_grants": r'''
-- The app's role authorises payments and moves them along; what was authorised is not for it to change.
GRANT SELECT, INSERT ON holds_paymentauthorization TO ledger_app;
GRANT UPDATE (status, claim, settled, updated_at) ON holds_paymentauthorization TO ledger_app;
''',
}


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0008_key_lineage"),
        ('holds', '0003_agent_currency'),
    ]

    operations = [
        migrations.CreateModel(
            name='PaymentAuthorization',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('scheme', models.TextField()),
                ('amount', models.DecimalField(decimal_places=0, max_digits=38)),
                ('nonce', models.TextField()),
                ('api_key', models.UUIDField(blank=True, null=True)),
                ('session_key', models.UUIDField(blank=True, null=True)),
                ('resource', models.TextField(blank=True, default='')),
                ('status', models.TextField(choices=[('open', 'Open'), ('claimed', 'Claimed'), ('settled', 'Settled'), ('cancelled', 'Cancelled')], default='open')),
                ('claim', models.TextField(blank=True, null=True)),
                ('settled', models.DecimalField(blank=True, decimal_places=0, max_digits=38, null=True)),
                ('expires_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('counterparty', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.account')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'id'], name='authorization_page'), models.Index(fields=['account', 'id'], name='authorization_of_account')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'account', 'nonce'), name='payment_identifier_reused'), models.CheckConstraint(condition=models.Q(('scheme__in', ['upto', 'exact'])), name='authorization_scheme'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='authorization_amount'), models.CheckConstraint(condition=models.Q(models.Q(('claim__isnull', True), ('settled__isnull', True), ('status__in', ['open', 'cancelled'])), models.Q(('claim__isnull', False), ('settled__isnull', True), ('status', 'claimed')), models.Q(('settled__gte', 0), ('settled__lte', models.F('amount')), ('status', 'settled')), _connector='OR'), name='authorization_status')],
            },
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
