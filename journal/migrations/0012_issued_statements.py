"""Statements that were issued. The SQL is frozen, sql/ has the living text."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


RULES = {
    "statement_grants": r"""
-- The app's role issues statements; what was issued stands.
GRANT SELECT, INSERT ON journal_issuedstatement TO ledger_app;
""",
    "statement_chain": r"""
-- Forbids a statement that does not go on where the account's last one ended, in time and in every bucket; the first one
-- begins with nothing, when the account was opened or before.
-- Speaks: before each row. Becomes: StatementExists, StatementOutOfChain.
CREATE OR REPLACE FUNCTION ledger_statement_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT until, closing, version INTO last FROM journal_issuedstatement
     WHERE account_id = NEW.account_id ORDER BY since DESC LIMIT 1;
    IF last.until > NEW.since THEN
        RAISE EXCEPTION 'a statement of account % covers this time', NEW.account_id
            USING ERRCODE = '23505', CONSTRAINT = 'statement_exists', TABLE = TG_TABLE_NAME;
    ELSIF last.until < NEW.since
       OR last.until IS NULL AND NEW.since > (SELECT created_at FROM accounts_account WHERE id = NEW.account_id)
       OR NEW.opening <> coalesce(last.closing, array_fill(0::numeric, ARRAY[7]))
       OR NEW.lines <> NEW.version - coalesce(last.version, 0) THEN
        RAISE EXCEPTION 'a statement of account % goes on where its last one ended', NEW.account_id
            USING ERRCODE = '23514', CONSTRAINT = 'statement_out_of_chain', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER statement_chain BEFORE INSERT ON journal_issuedstatement
    FOR EACH ROW EXECUTE FUNCTION ledger_statement_chain();
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER statement_chain;
""",
    "statement_sums": r"""
-- Forbids a statement whose totals are not what lies between its balances; drawn credit is not the account's own.
-- Becomes: StatementMismatch.
ALTER TABLE journal_issuedstatement ADD CONSTRAINT statement_mismatch CHECK (
    total_in >= 0 AND total_out >= 0 AND cardinality(opening) = 7 AND cardinality(closing) = 7
    AND total_in - total_out = closing[1] + closing[2] + closing[3] + closing[4] + closing[5] + closing[6] - closing[7]
                             - (opening[1] + opening[2] + opening[3] + opening[4] + opening[5] + opening[6] - opening[7]));
-- Forbids a statement of a time that was not over for ten minutes when it was issued, which its id says: what was recorded
-- before its end is committed and sealed by then. Becomes: PeriodNotOver.
ALTER TABLE journal_issuedstatement ADD CONSTRAINT period_not_over CHECK (
    extract(epoch FROM until - '1970-01-01 00:00:00+00'::timestamptz) * 1000 + 600000
    <= ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint + 1);
""",
    "statement_append_only": r"""
-- Forbids changing or removing statements that were issued. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_issuedstatement
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_issuedstatement
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER append_only_truncate;
""",
}


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_reserved_name"),
        ("journal", "0011_reconciliation_newest"),
    ]

    operations = [
        migrations.CreateModel(
            name="IssuedStatement",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                (
                    "opening",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DecimalField(decimal_places=0, max_digits=38), size=None
                    ),
                ),
                (
                    "closing",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.DecimalField(decimal_places=0, max_digits=38), size=None
                    ),
                ),
                ("version", models.BigIntegerField()),
                ("total_in", models.DecimalField(decimal_places=0, max_digits=38)),
                ("total_out", models.DecimalField(decimal_places=0, max_digits=38)),
                ("lines", models.BigIntegerField()),
                ("log_from", models.BigIntegerField()),
                ("log_to", models.BigIntegerField()),
                ("log_root", models.BinaryField(null=True)),
                ("lines_hash", models.BinaryField()),
                ("hash", models.BinaryField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "-id"], name="statement_page")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "since"), name="statement_exists"),
                    models.CheckConstraint(
                        condition=models.Q(("since__lt", models.F("until"))), name="statement_period"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("lines__gte", 0), ("log_from__gte", 0), ("log_to__gte", models.F("log_from"))
                        ),
                        name="statement_log",
                    ),
                ],
            },
        ),
        *[migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()],
    ]
