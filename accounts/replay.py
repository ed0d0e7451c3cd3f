"""What accounts add to replay: currencies, keys and accounts are what the log says of them."""

from accounts.budgets.rows import BudgetStore, WindowStore
from accounts.keys import ApiKeyStore
from accounts.models import Account, ApiKey, Budget, BudgetWindow, Currency, SessionKey
from accounts.rows import CurrencyStore
from accounts.sessions import SessionKeyStore
from ledger_project.log.checks import Check, Scope
from ledger_project.log.rebuilt import Told, each, last, leave_apart, rebuild, said

leave_apart(
    {
        "log_revision": "counts changes of a tenant's rules, so that processes look again; nothing is answered from it",
        "accounts_tenant": "made by whoever runs the platform, with create_tenant; the app's role cannot change one",
    }
)

CURRENCIES = Check("currencies_equal_log", "every currency is as it was registered")
rebuild(
    CURRENCIES,
    Currency,
    each("currency.registered", noun="currency"),
    key=("tenant_id", "code"),
    columns=CurrencyStore.columns.told(),
    apart={"id": "a number that the database gives; nothing refers to it"},
)

API_KEYS = Check("api_keys_equal_log", "every API key is as it was issued, and revoked if an event says so")
rebuild(
    API_KEYS,
    ApiKey,
    last("api_key", "api_key.*", lists="revoked"),
    prefix="key",
    columns={
        **ApiKeyStore.columns.told(),
        # Keys from before lineages were kept have none, and answer for themselves.
        "identity": "coalesce(state ->> 'identity', state ->> 'id')",
        "parent_id": "substr(state -> 'lineage' ->> -1, 5)",
        "lineage": "ARRAY(SELECT substr(key, 5)::uuid FROM json_array_elements_text(state -> 'lineage')"
        " WITH ORDINALITY AS above (key, place) ORDER BY place)",
        "digest": "decode(given ->> 'digest', 'hex')",
    },
)

SESSION_KEYS = Check("session_keys_equal_log", "every session key, with what was spent, is as its last event says")
rebuild(
    SESSION_KEYS,
    SessionKey,
    last("session_key", "session_key.*", "spend.posted", "hold.*", "payment.*", "usage.*"),
    prefix="ssk",
    columns=SessionKeyStore.columns.told(),
)


BUDGETS = Check("budgets_equal_log", "every budget is as it was set, and what was taken from it is what events say")
rebuild(
    BUDGETS,
    Budget,
    last("budget", "budget.*"),
    prefix="bud",
    columns=BudgetStore.columns.told(),
)
rebuild(
    BUDGETS,
    BudgetWindow,
    # Payments tell of the windows that they have changed; only tenants with budgets are looked through.
    Told(
        lambda scope: (
            f"""
        SELECT DISTINCT ON (budget_id, starts_at) told.* FROM (
               SELECT event.tenant_id, event.id, state, substr(state ->> 'budget', 5)::uuid AS budget_id,
                      (state ->> 'starts_at')::timestamptz AS starts_at
                 FROM {scope.events} AS event, json_array_elements(event.result -> 'budgets') AS state
                WHERE {scope.of("event.tenant_id")} AND event.result -> 'budgets' IS NOT NULL
                  AND event.tenant_id IN (SELECT tenant_id FROM accounts_budget)) AS told
         ORDER BY budget_id, starts_at, id DESC"""
        )
    ),
    key=("budget_id", "starts_at"),
    prefix="bud",
    columns={
        **WindowStore.columns.told(),
        "budget_id": "told.budget_id",
        "starts_at": "told.starts_at",
    },
)


def opened(scope: Scope) -> str:
    """Accounts with the facts that they were opened with. Transfers, the bulk of the log, open none."""
    return f"""
        SELECT event.tenant_id, substr(facts ->> 'id', 5)::uuid AS id, facts, event.recorded_at
          FROM {scope.events} AS event, json_array_elements(event.result -> 'opened') AS facts
         WHERE event.type <> 'transfer.posted' AND event.result -> 'opened' IS NOT NULL
           AND {scope.of("event.tenant_id")}"""


ACCOUNTS = Check("accounts_equal_log", "every account's facts, status and credit limit are those of its last event")
rebuild(
    ACCOUNTS,
    Account,
    Told(opened, in_part=True),
    prefix="acc",
    columns={
        "id": "told.id",
        **said("name", "type", "currency", "scale", "unbounded", "stripes", "metadata", "created_at", of="facts"),
    },
)
