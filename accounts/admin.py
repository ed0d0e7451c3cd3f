"""The back office's pages of tenants, currencies, keys, accounts and balances."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from accounts.budgets import admin as budgets  # noqa: F401  (registers its page)
from accounts.forms import AccountForm, CurrencyForm, KeyForm, RevokeKeyForm
from accounts.models import Account, ApiKey, BalanceTotal, Currency, Tenant
from accounts.rows import BUCKETS, DEBIT_NORMAL
from ledger_project.kernel import clock
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, amount, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table
from ledger_project.web.backoffice.list_filters import Choices, RecordedBetween, TenantFilter
from ledger_project.web.backoffice.operations import Operation
from ledger_project.web.backoffice.site import LedgerAdmin, ReadOnlyAdmin

NAMED = "acc_… or how a name begins; *text finds it anywhere"
STATUS = column("status", lambda row: html.status(total_of(row).status))


def total_of(row: Any) -> Any:
    """The balance of an account; a balance is its own."""
    return row.total if isinstance(row, Account) else row


class TypeFilter(Choices):
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Account.Type.choices]


class CurrencyFilter(Choices):
    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Currency.objects.order_by("code").values_list("code", flat=True).distinct()[:500]
        return [(code, code) for code in codes]


class StatusFilter(Choices):
    title = "status"
    parameter_name = "status"
    lookup = "balances"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("frozen", "Frozen"), ("closed", "Closed")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if not self.value():
            return queryset
        return queryset.filter(**{f"{self.lookup}__stripe": 0, f"{self.lookup}__status": self.value()})


class StatusOfTotal(StatusFilter):
    lookup = "account__balances"


FREEZE = Operation(
    command="freeze_account",
    label="Freeze",
    done="frozen",
    warning="No money can leave the account until it is unfrozen; money may still come in.",
    subject="account",
    bulk=True,
    danger=True,
    offered=lambda account: account.total.status == "open",
)
UNFREEZE = Operation(
    command="unfreeze_account",
    label="Unfreeze",
    done="unfrozen",
    warning="Money can leave the account again.",
    subject="account",
    bulk=True,
    offered=lambda account: account.total.status == "frozen",
)
CLOSE = Operation(
    command="close_account",
    label="Close",
    done="closed",
    warning="The account is closed for good; its history stays. An account is closed at zero.",
    subject="account",
    bulk=True,
    danger=True,
    offered=lambda account: account.total.status != "closed",
)


OPEN_ACCOUNT = Operation(
    command="open_account",
    label="Open account",
    done="account opened",
    warning="An account at zero. Its first use opens it too, so this is seldom needed.",
    form=AccountForm,
)
REGISTER_CURRENCY = Operation(
    command="register_currency",
    label="Register currency",
    done="currency registered",
    warning="A currency and its number of decimals stay as they are for good.",
    form=CurrencyForm,
)
ISSUE_KEY = Operation(
    command="issue_api_key",
    label="Issue API key",
    done="API key issued",
    warning="The key is shown once, on the next page. Only its hash is stored.",
    form=KeyForm,
    reveal=lambda form: form.new_key.token,
)
REVOKE_KEY = Operation(
    command="revoke_api_key",
    label="Revoke",
    done="revoked",
    warning="The program that uses this key, and every program whose key comes from it, is locked out within seconds.",
    subject="api_key",
    form=RevokeKeyForm,
    bulk=True,
    danger=True,
    offered=lambda key: key.revoked_at is None,
)


def account_url(total: BalanceTotal) -> str:
    return html.record_url("accounts.account", "acc", total.pk)


def buckets(request: HttpRequest, account: Account) -> list[Section]:
    """The account's buckets as columns, and their sum."""
    total: Any = account.total
    columns = [Column(name.replace("_", " "), figures=True) for name in ("posted", *BUCKETS)]
    values = [posted(total), *(getattr(total, name) for name in BUCKETS)]
    row = [html.amount(value, account.scale) for value in values]
    return [Table(f"Balance in {account.currency}", columns, [row])]


def posted(total: Any) -> int:
    """What the account has of its own, over all buckets."""
    own = total.available + total.held + total.escrowed + total.bonded + total.fee_pool + total.promo
    return int(own - total.credit_used)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "account_balance_wallet", 10
    id_prefix = "acc"
    list_display = (
        "name_and_id",
        "type",
        STATUS,
        amount("available", of="total", unit=True),
        amount("held", of="total"),
        column("posted", lambda row: html.amount(posted(row.total), row.scale), name="amount_posted"),
        TENANT,
        column("opened", lambda row: html.day(row.created_at)),
    )
    list_filter = (TenantFilter, CurrencyFilter, TypeFilter, StatusFilter, RecordedBetween)
    list_select_related = ("tenant",)
    search_fields = ("name",)
    search_help_text = NAMED
    facts = (
        "whole_id",
        TENANT,
        column("type", lambda row: f"{row.type}, {'debit' if row.type in DEBIT_NORMAL else 'credit'} normal"),
        column("currency", lambda row: f"{row.currency}, {row.scale} decimals"),
        STATUS,
        column("may go below zero", lambda row: f"yes, in {row.stripes} stripes" if row.unbounded else "no"),
        amount("credit_limit", of="total"),
        amount("total_in", of="total"),
        amount("total_out", of="total"),
        moment("created_at", "opened"),
        column("last change", lambda row: html.moment(row.total.updated_at)),
        column("metadata", lambda row: html.pairs(row.metadata)),
    )
    operations = (FREEZE, UNFREEZE, CLOSE)
    sections = (buckets,)

    def complete(self, rows: list[Any]) -> None:
        totals = BalanceTotal.objects.in_bulk([row.pk for row in rows])
        for row in rows:
            row.total = totals[row.pk]


@admin.register(BalanceTotal)
class BalanceAdmin(ReadOnlyAdmin):
    """All buckets of all accounts; an account's own page has the rest."""

    section, icon, order = "Books", "balance", 20
    in_palette = False  # the account is
    id_prefix = "acc"
    list_display = (
        column("account", lambda row: html.link(account_url(row), row.name)),
        column("posted", lambda row: html.amount(posted(row), row.scale, row.currency), name="amount_posted"),
        *(amount(name) for name in (*BUCKETS, "credit_limit")),
        STATUS,
        TENANT,
    )
    list_filter = (TenantFilter, CurrencyFilter, TypeFilter, StatusOfTotal, RecordedBetween)
    list_select_related = ("tenant",)
    search_fields = ("name",)
    search_help_text = NAMED
    facts = (*list_display, amount("total_in"), amount("total_out"), moment("as_of", "as of"))


@admin.register(Currency)
class CurrencyAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "paid", 30
    list_display = ("linked_name", "name", "scale", TENANT, moment("created_at", "registered"))
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_fields = ("code",)
    search_help_text = "How a code begins"
    facts = ("code", "name", "scale", TENANT, moment("created_at", "registered"))


@admin.register(Tenant)
class TenantAdmin(ReadOnlyAdmin):
    """A tenant is added here; everything in it is made by its commands."""

    section, icon, order = "Tenants", "domain", 10
    list_display = ("linked_name", "slug", moment("created_at", "created"))
    search_fields = ("slug",)
    search_help_text = "How a slug begins; *text finds it anywhere"
    facts = ("name", "slug", moment("created_at", "created"))
    add_form_template = "admin/change_form.html"
    operations = (OPEN_ACCOUNT, REGISTER_CURRENCY, ISSUE_KEY)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return LedgerAdmin.has_add_permission(self, request)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [] if obj else ["name", "slug"]


RELATED_KEYS = 100


def lineage(request: HttpRequest, key: ApiKey) -> list[Section]:
    """The keys that this one comes from, and those that come from it."""
    shown = ApiKey.objects.filter(Q(pk__in=key.lineage) | Q(lineage__contains=[key.pk]), tenant=key.tenant)
    rows = [
        (
            html.link(html.record_url("accounts.apikey", "key", each.pk), each.name),
            "above" if each.pk in key.lineage else "comes from it",
            html.moment(each.created_at),
            html.moment(each.revoked_at),
        )
        for each in shown.order_by("pk")[:RELATED_KEYS]
    ]
    columns = [Column("key"), Column("lineage"), Column("issued"), Column("revoked")]
    return [Table("Lineage", columns, rows, empty="It was not issued by a key, and has issued none.")]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    section, icon, order = "Tenants", "key", 20
    id_prefix = "key"
    list_display = (
        "linked_name",
        column("prefix", lambda row: html.code(f"lk_{row.prefix}_…")),
        column("scopes", lambda row: ", ".join(row.scopes)),
        column("status", lambda row: html.status(key_status(row))),
        TENANT,
        moment("created_at", "issued"),
        moment("expires_at", "expires"),
    )
    list_filter = (TenantFilter, RecordedBetween)
    list_select_related = ("tenant",)
    search_fields = ("prefix",)
    search_help_text = "key_… or how a prefix begins"
    facts = (
        "whole_id",
        *list_display[1:],
        moment("revoked_at", "revoked"),
        column("bound to", lambda row: row.account.name if row.account else "no account"),
        column("answers for it", lambda row: html.code(row.identity)),
    )
    operations = (REVOKE_KEY,)
    sections = (lineage,)

    def complete(self, rows: list[Any]) -> None:
        above = {each for row in rows for each in row.lineage}
        revoked = set(ApiKey.objects.filter(pk__in=above, revoked_at__isnull=False).values_list("pk", flat=True))
        for row in rows:
            row.ended_above = bool(revoked.intersection(row.lineage))


def key_status(key: Any) -> str:
    if key.revoked_at or key.ended_above:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= clock.now() else "active"
