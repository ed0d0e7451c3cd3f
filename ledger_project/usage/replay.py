"""What usage adds to replay: prices and usage are as their events say, and meters carry on what the last one left."""

from ledger_project.log.checks import Check
from ledger_project.log.rebuilt import Told, each, events, rebuild
from ledger_project.usage.models import Meter, PriceVersion, Usage
from ledger_project.usage.rows import PriceVersionStore, UsageStore

PRICES = Check("prices_equal_log", "every version of a price book is as it was published")
rebuild(
    PRICES,
    PriceVersion,
    each("prices.published", noun="price_version"),
    prefix="prv",
    columns=PriceVersionStore.columns.told(),
)

USAGE = Check("usage_equals_log", "all usage is as it was recorded, and each meter carries on what its last one left")
rebuild(
    USAGE,
    Usage,
    each("usage.recorded", "usage.corrected", "usage.collected", noun="usage"),
    prefix="usg",
    columns={
        **UsageStore.columns.told(),
        # What the first events of this kind do not say.
        "kind": "coalesce(state ->> 'kind', 'recorded')",
        "paid": "coalesce(state ->> 'paid', '0')",
        "uncovered": "coalesce(state ->> 'uncovered', '0')",
        "late": "coalesce(state ->> 'late', 'false')",
        "budgets": "coalesce(state ->> 'budgets', '[]')",
        "grants": "coalesce(state ->> 'grants', '[]')",
    },
)
rebuild(
    USAGE,
    Meter,
    Told(
        lambda scope: (
            f"""
        SELECT DISTINCT ON (account_id, book) event.tenant_id, event.id, event.result -> 'meter' AS state,
               substr(event.result -> 'meter' ->> 'account', 5)::uuid AS account_id,
               event.result -> 'meter' ->> 'book' AS book
          FROM {events(scope, "usage.recorded", "usage.corrected")} AS event
         ORDER BY account_id, book, event.id DESC"""
        )
    ),
    key=("account_id", "book"),
    prefix="acc",
    columns={
        "account_id": "told.account_id",
        "book": "told.book",
        "remainder": "state ->> 'remainder'",
        "counts": "state ->> 'counts'",
    },
)
