"""Reading accounts, balances and currencies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from accounts import answers
from accounts.errors import AccountNotFound
from accounts.folding import meaning
from accounts.models import BalanceTotal, Currency
from accounts.rows import DEBIT_NORMAL, AccountFacts, Bucket, CurrencyStore, account_key, look_up
from ledger_project.kernel import clock
from ledger_project.log.queries import read

M = TypeVar("M", bound=Model)
Position = list[Any]
BUCKET_COLUMNS = [bucket.label for bucket in Bucket]


def totals(tenant: int) -> QuerySet[BalanceTotal]:
    """A tenant's accounts with what they have; unbounded ones summed over their stripes."""
    return BalanceTotal.objects.filter(tenant=tenant)


def by_ref(queryset: QuerySet[BalanceTotal], ref: str) -> QuerySet[BalanceTotal]:
    """The account of this id or name, or none."""
    key = account_key(ref)
    return queryset.filter(account=key) if isinstance(key, UUID) else meaning(queryset, "name", key)


def of_account(queryset: QuerySet[M], tenant: int, ref: str) -> QuerySet[M]:
    """Those rows whose `account` is the one of this id or name; none where there is no such account."""
    key = account_key(ref)
    facts = look_up(tenant, [key], read).get(key)
    return queryset.filter(account=facts.id) if facts else queryset.none()


def total(tenant: int, ref: str) -> BalanceTotal:
    """One account by id or name. Refuses: AccountNotFound."""
    found = None if "\x00" in ref else by_ref(totals(tenant), ref).first()
    if found is None:
        raise AccountNotFound(account=ref[:300])
    return found


def facts(tenant: int, ref: str) -> AccountFacts:
    """What never changes about an account, by id or name. Refuses: AccountNotFound."""
    key = account_key(ref)
    found = None if "\x00" in ref else look_up(tenant, [key], read).get(key)
    if found is None:
        raise AccountNotFound(account=ref[:300])
    return found


def require_own(tenant: int, ref: str, account: UUID | None) -> None:
    """Refuses: AccountNotFound, where the id or name is not that account's."""
    if facts(tenant, ref).id != account:
        raise AccountNotFound(account=ref[:300])


def show_balance(total: BalanceTotal) -> dict[str, Any]:
    """The balance as of the moment it was read."""
    columns = ("total_in", "total_out", "credit_limit", *BUCKET_COLUMNS)
    numbers = (str(getattr(total, column)) for column in columns)
    as_of = clock.stamp(clock.adjusted(total.as_of))
    return answers.balance(_facts(total), total.status, total.version, *numbers, as_of=as_of)


def show_account(total: BalanceTotal) -> dict[str, Any]:
    """The account with its balance."""
    return answers.account(_facts(total).document() | {"status": total.status}, show_balance(total))


def _facts(total: BalanceTotal) -> AccountFacts:
    return AccountFacts(
        id=total.account_id,
        tenant=total.tenant_id,
        name=total.name,
        type=total.type,
        currency=total.currency,
        scale=total.scale,
        unbounded=total.unbounded,
        stripes=total.stripes,
        created_at=total.created_at,
        metadata=total.metadata,
    )


def currencies(tenant: int) -> QuerySet[Currency]:
    return Currency.objects.filter(tenant=tenant)


def show_currency(currency: Currency) -> dict[str, Any]:
    return CurrencyStore.columns.of(currency).document()


GROUPS = {"currency": "account.currency", "type": "account.type"}


@dataclass(frozen=True)
class BalanceGroups:
    """Balances summed by currency, by type of account, or by the first segments of their names ("prefix:2").

    Accounts of different normal sides are never added up: what is an asset in one is a debt in the other.
    """

    tenant: int
    group_by: str
    prefix: str | None = None
    currency: str | None = None
    account: str | None = None
    within: UUID | None = None  # the one account that counts
    # Where the balances stand, with its parameters: the books at another moment may be put in the place of the table.
    balances: tuple[str, Sequence[Any]] = ("accounts_balance", ())
    moment: datetime | None = None

    def page(self, after: Position | None, limit: int) -> tuple[list[dict[str, Any]], Position | None]:
        group, group_parameters = self._group()
        where, parameters = self._where()
        rows = read(
            _SUMS.format(group=group, balances=self.balances[0], where=where, after=_AFTER if after else ""),
            [*group_parameters, sorted(DEBIT_NORMAL), *self.balances[1], *parameters, *(after or ()), limit + 1],
        )
        found = [_show_group(*row[:-1], self.moment or row[-1]) for row in rows[:limit]]
        return found, list(rows[limit - 1][:3]) if len(rows) > limit else None

    def of_account(self, account: UUID) -> "BalanceGroups":
        return replace(self, within=account)

    def _group(self) -> tuple[str, list[Any]]:
        how, _, depth = self.group_by.partition(":")
        if how == "prefix":
            return "array_to_string((string_to_array(account.name, ':'))[:%s], ':')", [int(depth)]
        return GROUPS[how], []

    def _where(self) -> tuple[str, list[Any]]:
        conditions: list[tuple[str, Any]] = [("account.tenant_id = %s", self.tenant)]
        if self.prefix is not None:
            conditions.append(("account.name ^@ %s", self.prefix))
        if self.currency is not None:
            conditions.append(("account.currency = %s", self.currency))
        if self.account is not None:
            key = account_key(self.account)
            conditions.append(("account.id = %s" if isinstance(key, UUID) else "folded(account.name) = %s", key))
        if self.within is not None:
            conditions.append(("account.id = %s", self.within))
        return " AND ".join(sql for sql, _ in conditions), [value for _, value in conditions]


_SUMS_OF_BUCKETS = ", ".join(f"sum({column})" for column in BUCKET_COLUMNS)
_SUMS = f"""
WITH grouped AS (
    SELECT {{group}} COLLATE "C" AS label, account.currency COLLATE "C" AS currency,
           CASE WHEN account.type = ANY(%s) THEN 'debit' ELSE 'credit' END COLLATE "C" AS side,
           account.scale, balance.*
      FROM accounts_account AS account JOIN {{balances}} AS balance ON balance.account_id = account.id
     WHERE {{where}}
)
SELECT label, currency, side, min(scale), count(*) FILTER (WHERE stripe = 0), {_SUMS_OF_BUCKETS},
       sum(total_in), sum(total_out), statement_timestamp()
  FROM grouped {{after}} GROUP BY label, currency, side ORDER BY label, currency, side LIMIT %s
"""
_AFTER = "WHERE (label, currency, side) > (%s, %s, %s)"


def _show_group(label: str, currency: str, side: str, scale: int, accounts: int, *sums: Any) -> dict[str, Any]:
    *numbers, as_of = sums
    by_bucket = dict(zip(BUCKET_COLUMNS, numbers, strict=False))
    *_, total_in, total_out = numbers
    posted = sum(by_bucket.values()) - 2 * by_bucket["credit_used"]
    return {
        "group": label,
        "normal_balance": side,
        "currency": currency,
        "scale": scale,
        "accounts": accounts,
        **{bucket: str(amount) for bucket, amount in by_bucket.items()},
        "posted": str(posted),
        "total_in": None if total_in is None else str(total_in),
        "total_out": None if total_out is None else str(total_out),
        "as_of": clock.stamp(clock.adjusted(as_of)),
    }
