"""Reading holds and deposits."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet, Sum

from accounts.rows import account_key, look_up
from holds.deposits import DepositStore
from holds.errors import DepositNotFound, HoldNotFound
from holds.models import Deposit, Hold, PaymentAuthorization
from holds.rows import HoldStore
from holds.x402.rows import AuthorizationStore
from ledger_project.kernel import ids
from ledger_project.log.queries import read

M = TypeVar("M", bound=Model)


def holds(tenant: int, kind: str) -> QuerySet[Hold]:
    """A tenant's holds of one kind."""
    return Hold.objects.filter(tenant=tenant, kind=kind).select_related("account")


def hold(tenant: int, kind: str, ref: str) -> Hold:
    """One hold by its public id. Refuses: HoldNotFound."""
    key = ids.read("hld", ref)
    found = holds(tenant, kind).filter(pk=key).first() if key else None
    if found is None:
        raise HoldNotFound(hold=ref[:300], kind=kind)
    return found


def deposits(tenant: int) -> QuerySet[Deposit]:
    return Deposit.objects.filter(tenant=tenant).select_related("account")


def deposit(tenant: int, ref: str) -> Deposit:
    """One deposit by its public id. Refuses: DepositNotFound."""
    key = ids.read("dep", ref)
    found = deposits(tenant).filter(pk=key).first() if key else None
    if found is None:
        raise DepositNotFound(deposit=ref[:300])
    return found


def authorizations(tenant: int) -> QuerySet[PaymentAuthorization]:
    return PaymentAuthorization.objects.filter(tenant=tenant).select_related("account")


def announced(account: UUID) -> int:
    """What an account may expect: deposits that were announced and neither arrived nor were given up."""
    found = Deposit.objects.filter(account=account, status="announced").aggregate(total=Sum("amount"))
    return int(found["total"] or 0)


def of_account(queryset: QuerySet[M], tenant: int, column: str, ref: str) -> QuerySet[M]:
    """Those whose `column` is the account of this id or name; none where there is no such account."""
    key = account_key(ref)
    facts = look_up(tenant, [key], read).get(key)
    return queryset.filter(**{column: facts.id}) if facts else queryset.none()


def with_references(queryset: QuerySet[Hold], references: Mapping[str, str]) -> QuerySet[Hold]:
    return queryset.filter(references__contains=dict(references)).exclude(references={}) if references else queryset


def show_hold(hold: Hold) -> dict[str, Any]:
    """A hold in the form that its events have it."""
    return HoldStore.columns.of(hold).document()


def show_deposit(deposit: Deposit) -> dict[str, Any]:
    """A deposit in the form that its events have it."""
    return DepositStore.columns.of(deposit).document()


def show_authorization(payment: PaymentAuthorization) -> dict[str, Any]:
    """An authorised payment in the form that its events have it."""
    return AuthorizationStore.columns.of(payment).document()
