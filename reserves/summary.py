"""How each currency is covered by its newest attestation: for the dashboard and the metrics."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ledger_project.log.documents import load_json
from ledger_project.log.executor import look

OVERDUE = timedelta(hours=2)  # beat attests every hour


@dataclass(frozen=True, slots=True)
class Standing:
    """`eligible` of `owed` minor units are covered; `assets` counts the reserve assets by how they were judged."""

    tenant: str
    currency: str
    attestation: UUID
    as_of: datetime
    age: timedelta
    eligible: int
    owed: int
    assets: dict[str, int]

    @property
    def covered(self) -> bool:
        return self.eligible >= self.owed

    @property
    def percent(self) -> str:
        """Rounded down to a hundredth, so that what is short never reads 100.00; of nothing owed there is none."""
        if not self.owed:
            return "nothing owed"
        whole, rest = divmod(self.eligible * 10_000 // self.owed, 100)
        return f"{whole:,}.{rest:02} %"


def standings() -> list[Standing]:
    """One for each currency that was ever attested, the least covered first: one reading by index for each."""
    found = [
        Standing(tenant, currency, key, as_of, age, int(eligible), int(owed), load_json(assets))
        for tenant, currency, key, as_of, age, eligible, owed, assets in look(_NEWEST, ())
    ]
    return sorted(found, key=lambda each: (not each.owed, each.eligible * 10**6 // max(each.owed, 1)))


_NEWEST = """
SELECT tenant.slug, currency.code, newest.id, newest.as_of, clock_timestamp() - newest.as_of,
       newest.document ->> 'eligible_reserves_total', newest.document #>> '{liabilities,total}',
       (SELECT coalesce(jsonb_object_agg(status, number), '{}')
          FROM (SELECT asset ->> 'status' AS status, count(*) AS number
                  FROM jsonb_array_elements(newest.document -> 'assets') AS asset GROUP BY 1) AS counted)
  FROM accounts_currency AS currency JOIN accounts_tenant AS tenant ON tenant.id = currency.tenant_id
 CROSS JOIN LATERAL (
    SELECT made.id, made.as_of, made.document::jsonb AS document FROM reserves_attestation AS made
     WHERE made.tenant_id = currency.tenant_id AND made.currency = currency.code
     ORDER BY made.sequence DESC LIMIT 1
 ) AS newest
"""
