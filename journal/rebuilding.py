"""What the verbs write besides postings, rebuilt from their events: refunds, grants, records, clearing, monitors."""

from accounts.rows import Bucket
from journal.models import (
    BillingRecord,
    ClearingAccount,
    Crossing,
    Entry,
    Monitor,
    PromoGrant,
    RefundTotal,
    SettledRange,
    SettlementBatch,
)
from ledger_project.log.checks import Check, Scope
from ledger_project.log.rebuilt import Told, Watched, each, events, last, leave_apart, rebuild, ref, said

HASHED, BALANCED = "content_hashes", "entries_balance"

REVERSALS = Check("reversals_equal_log", "an entry reverses the one that its event says, and no other does")
rebuild(
    REVERSALS,
    Entry,
    each("entry.reversed"),
    prefix="ent",
    columns={"id": "told.id", "reverses_id": ref("reverses", of="result")},
    where="stored.reverses_id IS NOT NULL",
    held={
        "id": BALANCED,
        "tenant_id": BALANCED,
        **dict.fromkeys(("effective_at", "kind", "description", "references", "metadata"), HASHED),
    },
)
Watched(
    table="journal_posting",
    held={
        **dict.fromkeys(("entry_id", "account_id", "stripe", "bucket", "amount", "balance_after", "version"), HASHED),
        "seq": BALANCED,
    },
)


def _given_back(scope: Scope) -> str:
    """What was given back of each entry, by refunds, by the billing engine's refunds of a payment, and by reversals."""
    return f"""
        SELECT tenant_id, entry_id, max(amount) AS amount, sum(refunded) AS refunded, bool_or(reversed) AS reversed
          FROM (SELECT tenant_id, substr(result -> 'refund' ->> 'entry', 5)::uuid AS entry_id,
                       (result -> 'refund' ->> 'original')::numeric AS amount,
                       (result -> 'refund' ->> 'amount')::numeric AS refunded, false AS reversed
                  FROM {events(scope, "refund.posted")} AS refund
                 UNION ALL
                SELECT tenant_id, substr(result ->> 'reverses', 5)::uuid, 0, 0, true
                  FROM {events(scope, "entry.reversed")} AS reversal
                 UNION ALL
                SELECT payment.tenant_id, payment.id, (payment.result -> 'payment' ->> 'amount')::numeric,
                       (refund.result -> 'payment_refund' ->> 'amount')::numeric, false
                  FROM {events(scope, "payment_refund.recorded")} AS refund
                  JOIN {events(scope, "payment.recorded")} AS payment
                    ON payment.tenant_id = refund.tenant_id
                   AND payment.result -> 'payment' ->> 'payment_intent_id'
                       = refund.result -> 'payment_refund' ->> 'payment_intent_id') AS given
         GROUP BY tenant_id, entry_id"""


REFUNDS = Check("refunds_counted", "what is counted as given back of an entry is what its refunds in the log add up to")
rebuild(
    REFUNDS,
    RefundTotal,
    Told(_given_back),
    key=("entry_id",),
    prefix="ent",
    columns={name: f"told.{name}" for name in ("entry_id", "amount", "refunded", "reversed")},
)


def _granted(scope: Scope) -> str:
    """Each grant as the last event tells it that has touched it.

    Events from before they told it say it in parts: what spends used and refunds put back, and what was burnt.
    """
    return f"""
        SELECT granted.tenant_id, granted.id, granted.recorded_at, granted.result -> 'promo_grant' AS state,
               coalesce((listed.state ->> 'spent')::numeric, used.spent, 0) AS spent,
               coalesce((listed.state ->> 'burned')::numeric, used.burned, 0) AS burned,
               coalesce((listed.state ->> 'held')::numeric, 0) AS held, listed.state ->> 'voided_at' AS voided_at
          FROM (SELECT given.tenant_id, given.id, given.recorded_at, given.result
                  FROM {events(scope, "promo.minted", "grant.given", "grant.rolled_over")} AS given
                 UNION ALL
                SELECT refund.tenant_id, substr(state ->> 'id', 5)::uuid, refund.recorded_at,
                       json_build_object('promo_grant', state)
                  FROM {events(scope, "refund.posted")} AS refund,
                       json_array_elements(refund.result -> 'renewed') AS state) AS granted
          LEFT JOIN (
               SELECT DISTINCT ON (state ->> 'id') substr(state ->> 'id', 5)::uuid AS id, state
                 FROM {scope.events} AS event, json_array_elements(event.result -> 'grants') AS state
                WHERE {scope.of("event.tenant_id")} AND event.result -> 'grants' IS NOT NULL
                  AND event.tenant_id IN (SELECT tenant_id FROM journal_promogrant)
                ORDER BY state ->> 'id', event.id DESC) AS listed USING (id)
          LEFT JOIN (
               SELECT substr(name, 5)::uuid AS id, sum(spent) AS spent, sum(burned) AS burned
                 FROM (SELECT use ->> 'grant' AS name, (use ->> 'amount')::numeric AS spent, 0 AS burned
                         FROM {events(scope, "spend.posted")} AS spend JOIN journal_entry AS entry USING (id),
                              jsonb_array_elements(entry.metadata -> 'promo') AS use
                        UNION ALL
                       SELECT use ->> 'grant', -(use ->> 'amount')::numeric, 0
                         FROM {events(scope, "refund.posted")} AS refund,
                              json_array_elements(refund.result -> 'refund' -> 'promo') AS use
                        UNION ALL
                       SELECT use ->> 'grant', 0, (use ->> 'amount')::numeric
                         FROM {events(scope, "promo.burned")} AS burn,
                              json_array_elements(burn.result -> 'promo') AS use
                        UNION ALL
                       SELECT expiry.result -> 'promo_grant' ->> 'id', 0, abs(posting.amount)
                         FROM {events(scope, "promo.expired")} AS expiry
                         JOIN journal_posting AS posting
                           ON posting.entry_id = expiry.id AND posting.bucket = {int(Bucket.PROMO)}) AS each
                GROUP BY name) AS used USING (id)"""


GRANTS = Check("promo_grants_equal_log", "every grant is as it was given, and as the last event that touched it says")
rebuild(
    GRANTS,
    PromoGrant,
    Told(_granted),
    prefix="prm",
    columns={
        "id": "told.id",
        "account_id": ref("account"),
        **said("amount", "starts_at", "expires_at"),
        # What the first events of this kind do not say.
        "kind": "coalesce(state ->> 'kind', 'promo')",
        "priority": "coalesce(state ->> 'priority', '100')",
        "automatic": "coalesce(state ->> 'automatic', 'false')",
        "models": "CASE WHEN json_typeof(state -> 'models') = 'array' THEN state ->> 'models' END",
        **{name: f"told.{name}" for name in ("spent", "held", "burned", "voided_at")},
        "created_at": "told.recorded_at",
    },
)

BILLED = ("payment", "payment_refund", "payout", "dispute")
RECORDS = Check("billing_records_equal_log", "every record of the billing engine is as the event of its entry says")
rebuild(
    RECORDS,
    BillingRecord,
    Told(
        lambda scope: (
            f"""
        SELECT id, tenant_id, kind, result -> kind AS state
          FROM (SELECT *, split_part(type, '.', 1) AS kind
                  FROM {events(scope, *(f"{kind}.recorded" for kind in BILLED))} AS each) AS record"""
        ),
        in_part=True,
    ),
    key=("entry_id",),
    prefix="ent",
    columns={
        "entry_id": "told.id",
        "kind": "told.kind",
        # A refund names its payment, too.
        "external_id": "state ->> CASE kind WHEN 'payment' THEN 'payment_intent_id'"
        " WHEN 'payment_refund' THEN 'refund_id' WHEN 'payout' THEN 'payout_id' ELSE 'dispute_id' END",
        "party": "coalesce(state ->> 'customer_id', state ->> 'merchant_id')",
        **said("currency", "amount"),
    },
)

CLEARING = Check("clearing_equals_log", "clearing accounts, batches and what they settled are as events say")
rebuild(
    CLEARING,
    ClearingAccount,
    Told(
        lambda scope: (
            f"""
        SELECT opened.tenant_id, opened.result -> 'clearing_account' AS state, settled.at
          FROM {events(scope, "clearing_account.opened")} AS opened
          LEFT JOIN (SELECT settled ->> 0 AS account, max(recorded_at) AS at
                       FROM {events(scope, "batch.settled")} AS batch,
                            json_array_elements(batch.result -> 'settlement' -> 'ranges') AS settled
                      GROUP BY 1) AS settled
            ON settled.account = opened.result -> 'clearing_account' ->> 'account'"""
        )
    ),
    key=("account_id",),
    prefix="acc",
    columns={"account_id": ref("account"), **said("domain", "currency"), "settled_at": "told.at"},
)
rebuild(
    CLEARING,
    SettlementBatch,
    each("batch.settled", noun="settlement"),
    prefix="stl",
    columns={
        "id": "told.id",
        **said("netting_batch_id"),
        "since": "state -> 'window' ->> 'from'",
        "until": "state -> 'window' ->> 'to'",
        "moved": "EXISTS (SELECT FROM json_array_elements(state -> 'positions') AS each WHERE each ->> 'net' <> '0')",
        "recorded_at": "told.recorded_at",
    },
)
rebuild(
    CLEARING,
    SettledRange,
    Told(
        lambda scope: (
            f"""
        SELECT batch.tenant_id, batch.id, settled
          FROM {events(scope, "batch.settled")} AS batch,
               json_array_elements(batch.result -> 'settlement' -> 'ranges') AS settled"""
        ),
        in_part=True,
    ),
    key=("batch_id", "account_id", "stripe"),
    prefix="stl",
    columns={
        "batch_id": "told.id",
        "account_id": "substr(settled ->> 0, 5)",
        **{
            name: f"settled ->> {place}"
            for place, name in enumerate(("stripe", "version_from", "version_to", "net", "postings"), 1)
        },
    },
)

MONITORS = Check("monitors_equal_log", "every monitor and every crossing is as its last event says")
_LABELS = ", ".join(f"'{bucket.label}'" for bucket in Bucket)
rebuild(
    MONITORS,
    Monitor,
    last("monitor", "monitor.*"),
    prefix="mon",
    columns={
        "id": "told.id",
        "account_id": ref("account"),
        "bucket": f"array_position(ARRAY[{_LABELS}], state ->> 'bucket') - 1",
        **said("operator", "value", "created_at", "triggered_at", "deleted_at"),
    },
    apart={
        "running": "the worker's own sum, carried along from page to page of the log; NULL makes it add up anew",
        "slot": "which of an account's twenty places it takes; constraints keep it free, in range, and given back",
    },
)
rebuild(
    MONITORS,
    Crossing,
    each("monitor.triggered", noun="crossing"),
    key=("event",),
    prefix="evt",
    columns={
        "event": "told.id",
        "monitor_id": "substr(result -> 'monitor' ->> 'id', 5)",
        "entry": ref("entry"),
        **said("balance_before", "balance", "version"),
    },
)

leave_apart(
    {
        "journal_monitorcursor": "how far the worker that watches has read the log; set back, it reads again",
        "journal_verifiedpoint": "a note of the last full replay, believed by incremental ones only; the nightly run"
        " is full",
        "journal_verifiedbalance": "the balances at that point, likewise",
    }
)
