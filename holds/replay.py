"""What holds add to replay: promised buckets are the open holds, and a hold is what its last event says."""

from holds.deposits import DepositStore
from holds.models import AgentCurrency, Deposit, Hold, PaymentAuthorization, TopUp, TopUpRequest
from holds.rows import BUCKET_OF, HoldStore
from holds.topups.rows import TopUpRequestStore, TopUpStore
from holds.x402.rows import AuthorizationStore
from ledger_project.log.checks import Check, compare
from ledger_project.log.rebuilt import Told, events, last, leave_apart, rebuild, ref, said

HOLDS = compare(
    "buckets_equal_open_holds",
    "held, escrowed and bonded money is the sum of the open holds, balance row by balance row",
    """
    WITH promised AS (
        SELECT account_id, stripe,
               coalesce(sum(amount - captured - released) FILTER (WHERE kind IN ('hold', 'withdrawal')), 0) AS held,
               coalesce(sum(amount - captured - released) FILTER (WHERE kind = 'escrow'), 0) AS escrowed,
               coalesce(sum(amount - captured - released) FILTER (WHERE kind = 'stake'), 0) AS bonded
          FROM holds_hold WHERE status IN ('pending', 'disputed') GROUP BY account_id, stripe
    )
    SELECT account.tenant_id,
           account.name || CASE WHEN account.stripes > 1 THEN '#' || stripe ELSE '' END || ' ' || bucket.label,
           bucket.stored, bucket.promised
      FROM accounts_balance AS balance FULL JOIN promised USING (account_id, stripe)
      JOIN accounts_account AS account ON account.id = account_id, LATERAL (VALUES
           ('held', coalesce(balance.held, 0), coalesce(promised.held, 0)),
           ('escrowed', coalesce(balance.escrowed, 0), coalesce(promised.escrowed, 0)),
           ('bonded', coalesce(balance.bonded, 0), coalesce(promised.bonded, 0))) AS bucket (label, stored, promised)
     WHERE (%(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s) AND bucket.stored <> bucket.promised
     ORDER BY 1, 2
    """,
)

STATES = Check("holds_equal_log", "every hold, escrow, stake and withdrawal is as its last event says")
_HOLDS = last("hold escrow stake withdrawal", "hold.*", "escrow.*", "stake.*", "withdrawal.*", "payment.*", "usage.*")
_PROMISED = ", ".join(str(int(bucket)) for bucket in sorted(set(BUCKET_OF.values())))
rebuild(
    STATES,
    Hold,
    # On which balance row the money stands is in the postings that put it there; bounded accounts have just one.
    Told(
        lambda scope: (
            f"""
        SELECT told.*, (SELECT posting.stripe FROM journal_posting AS posting
                         WHERE posting.entry_id = told.id AND posting.bucket IN ({_PROMISED}) LIMIT 1) AS stripe
          FROM ({_HOLDS.query(scope)}) AS told"""
        ),
        in_part=True,
    ),
    prefix="hld",
    columns={
        **HoldStore.columns.told(),
        "stripe": "told.stripe",
        "captured_entry": ref("captured_entry"),
        **said("destination", "external_ref", "order_id"),
        # Told only of the kinds that may have others.
        "overcaptured": "coalesce(state ->> 'overcaptured', '0')",
        "allow_overcapture": "coalesce(state ->> 'allow_overcapture', 'false')",
        "on_timeout": "coalesce(state ->> 'on_timeout', 'refund')",
    },
)

CASH = Check("deposits_equal_log", "every deposit is as its last event says")
rebuild(
    CASH,
    Deposit,
    last("deposit", "deposit.*"),
    prefix="dep",
    columns=DepositStore.columns.told(),
)
leave_apart({"holds_payout": "the executor's notebook of payments it attempts; what counts is the withdrawal's event"})

PAYMENTS = Check("payments_equal_log", "every authorised payment is as its last event says")
rebuild(
    PAYMENTS,
    PaymentAuthorization,
    last("authorization", "payment.*", "hold.captured", "hold.released", "usage.recorded"),
    prefix="aut",
    columns=AuthorizationStore.columns.told(),
)

DEPOSITS = compare(
    "deposits_unique",
    "what a source's reference means is stored once, and credited once if it is confirmed and never if it is not",
    """
    WITH credited AS (
        SELECT tenant_id, folded(result -> 'deposit' ->> 'source') AS source,
               folded(result -> 'deposit' ->> 'external_ref') AS external_ref, count(*) AS times
          FROM log_event
         WHERE type IN ('deposit.recorded', 'deposit.confirmed') AND result -> 'deposit' ->> 'status' = 'confirmed'
         GROUP BY 1, 2, 3
    ), stored AS (
        SELECT tenant_id, folded(source) AS source, folded(external_ref) AS external_ref, count(*) AS times,
               count(*) FILTER (WHERE status = 'confirmed') AS credits
          FROM holds_deposit GROUP BY 1, 2, 3
    )
    SELECT tenant_id, source || ' ' || external_ref,
           'stored ' || coalesce(stored.times, 0) || ' times, confirmed ' || coalesce(stored.credits, 0),
           'credited ' || coalesce(credited.times, 0) || ' times'
      FROM stored FULL JOIN credited USING (tenant_id, source, external_ref)
     WHERE (%(tenant)s::int IS NULL OR tenant_id = %(tenant)s)
       AND (coalesce(stored.times, 0) <> 1 OR coalesce(credited.times, 0) > 1
            OR coalesce(stored.credits, 0) <> coalesce(credited.times, 0))
     ORDER BY 1, 2
    """,
    rebuilds=False,
)

TOPUPS = Check("topups_equal_log", "every top-up rule and request is as its last event says")
rebuild(
    TOPUPS,
    TopUp,
    Told(
        lambda scope: (
            f"""
        SELECT DISTINCT ON (account_id) event.tenant_id, event.id, event.result -> 'topup' AS state,
               substr(event.result -> 'topup' ->> 'account', 5)::uuid AS account_id
          FROM {events(scope, "topup.*", "deposit.*")} AS event WHERE event.result -> 'topup' IS NOT NULL
         ORDER BY account_id, event.id DESC"""
        )
    ),
    key=("account_id",),
    prefix="acc",
    columns={**TopUpStore.columns.told(), "account_id": "told.account_id"},
)
rebuild(
    TOPUPS,
    TopUpRequest,
    Told(
        lambda scope: (
            f"""
        SELECT DISTINCT ON (id) event.tenant_id, event.id AS event, event.result -> 'topup_request' AS state,
               substr(event.result -> 'topup_request' ->> 'id', 5)::uuid AS id
          FROM {events(scope, "topup.*", "deposit.*")} AS event WHERE event.result -> 'topup_request' IS NOT NULL
         ORDER BY id, event.id DESC"""
        )
    ),
    prefix="top",
    columns=TopUpRequestStore.columns.told(),
)

AGENT_CURRENCY = Check("agent_currency_equals_log", "the currency that agents have is the one that was set last")
rebuild(
    AGENT_CURRENCY,
    AgentCurrency,
    Told(
        lambda scope: (
            f"""
        SELECT DISTINCT ON (event.tenant_id) event.tenant_id, event.result -> 'agent_currency' AS state
          FROM {events(scope, "agent_currency.set")} AS event ORDER BY event.tenant_id, event.id DESC"""
        )
    ),
    key=("tenant_id",),
    columns=said("currency", "set_at"),
)
