"""The back office's pages of promised money, and of money on its way in or out."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import AccountAdmin
from accounts.models import Account
from holds.forms import DecisionForm, NotPaidForm, PaidForm, PartForm, SlashForm
from holds.models import OPEN, Deposit, Hold, Payout
from journal.admin import AccountFilter
from journal.models import Entry
from journal.tables import account_link, entry_link, entry_preview, event_link
from ledger_project.kernel import ids
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, Cell, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table
from ledger_project.web.backoffice.list_filters import Choices, RecordedBetween, TenantFilter
from ledger_project.web.backoffice.operations import Operation, OperationForm, ReasonForm
from ledger_project.web.backoffice.site import ReadOnlyAdmin

SHOWN = 20  # rows of a section


def _operation(
    kind: str,
    command: str,
    label: str,
    done: str,
    warning: str,
    form: type[OperationForm],
    *,
    status: str = "pending",
    preview: Any = entry_preview,
    bulk: bool = False,
    danger: bool = False,
) -> Operation:
    """What may be done to holds of one kind in one status."""
    return Operation(
        command=command,
        label=label,
        done=done,
        warning=warning,
        subject=kind,
        form=form,
        offered=lambda hold: hold.kind == kind and hold.status == status,
        preview=preview,
        bulk=bulk,
        danger=danger,
    )


GIVE_BACK = "Gives the money back to its account."
HOLD_OPERATIONS = (
    _operation("hold", "capture_hold", "Capture", "captured", "Pays the receiver; the rest goes back.", PartForm),
    _operation("hold", "release_hold", "Release", "released", GIVE_BACK, PartForm, bulk=True),
    _operation("escrow", "release_escrow", "Release to seller", "released", "Pays the seller.", PartForm),
    _operation("escrow", "refund_escrow", "Refund buyer", "refunded", GIVE_BACK, PartForm),
    _operation(
        "escrow",
        "dispute_escrow",
        "Dispute",
        "disputed",
        "Nothing is released, refunded or timed out until it is decided.",
        ReasonForm,
        preview=None,
    ),
    _operation(
        "escrow",
        "resolve_escrow",
        "Decide",
        "decided",
        "Shares all that the escrow has left between seller and buyer.",
        DecisionForm,
        status="disputed",
    ),
    _operation("stake", "release_stake", "Release", "released", GIVE_BACK, PartForm),
    _operation("stake", "slash_stake", "Slash", "slashed", "Takes bonded money away.", SlashForm, danger=True),
    _operation(
        "withdrawal",
        "confirm_withdrawal",
        "Confirm payment",
        "confirmed",
        "States that it was paid: the money has left custody.",
        PaidForm,
    ),
    _operation(
        "withdrawal",
        "fail_withdrawal",
        "Fail",
        "failed",
        "States that it will not be paid: the money goes back to its account.",
        NotPaidForm,
        danger=True,
    ),
)


def money(field: str, label: str | None = None) -> Cell:
    """An amount in the currency of the row's account."""

    def show(row: Any) -> Any:
        return html.amount(int(getattr(row, field)), row.account.scale, row.account.currency)

    return column(label or field, show, name=f"amount_{field}")


def hold_link(hold: UUID) -> Any:
    return html.public_id("hld", hold, href=html.record_url("holds.hold", "hld", hold), short=True)


def whose(field: str, label: str) -> Cell:
    def show(row: Any) -> Any:
        account = getattr(row, field)
        return account_link(account.pk, account.name) if account else html.NONE

    return column(label, show)


class KindFilter(Choices):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Hold.Kind.choices]


class StatusFilter(Choices):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in model_admin.model.Status.choices]


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    section, icon, order = "Promises", "lock", 10
    id_prefix, same_id = "hld", ("evt", "ent")
    list_display = (
        "linked_id",
        "kind",
        column("status", lambda row: html.status(row.status)),
        whose("account", "account"),
        whose("counterparty", "for"),
        money("amount"),
        money("remaining"),
        moment("expires_at", "expires"),
        moment("created_at", "placed"),
        TENANT,
    )
    list_filter = (TenantFilter, KindFilter, StatusFilter, AccountFilter, RecordedBetween)
    list_select_related = ("tenant", "account", "counterparty")
    search_fields = ("kind",)
    search_help_text = "hld_… or a reference, for instance job_id=job_123"
    operations = HOLD_OPERATIONS
    facts = (
        "whole_id",
        "kind",
        column("status", lambda row: html.status(row.status)),
        whose("account", "account"),
        whose("counterparty", "for"),
        money("amount"),
        money("captured"),
        money("overcaptured"),
        money("released"),
        money("remaining"),
        moment("expires_at", "expires"),
        "on_timeout",
        "destination",
        "external_ref",
        "order_id",
        "reason",
        column("references", lambda row: html.pairs(row.references)),
        column("event", lambda row: event_link(row.pk)),
        moment("created_at", "placed"),
        moment("updated_at", "changed"),
        TENANT,
    )

    def heading(self, row: Hold) -> str:
        return f"{row.get_kind_display()} of {row.account.name}"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("tenant", "account", "counterparty")

    def named(self, queryset: "QuerySet[Any]", term: str) -> "QuerySet[Any]":
        """By a reference: its name and whole value, which have an index."""
        name, equals, value = term.partition("=")
        return queryset.filter(references__contains={name.strip(): value.strip()}) if equals else queryset.none()


def entries(request: HttpRequest, hold: Hold) -> list[Section]:
    """The entries that placed it, paid from it and gave it back."""
    if not request.user.has_perm("journal.view_entry"):
        return []
    found = Entry.objects.filter(tenant=hold.tenant_id, references__contains={"hold": str(hold)}).exclude(references={})
    rows = [
        [entry_link(entry.pk), html.moment(entry.effective_at), entry.kind, entry.description]
        for entry in found.order_by("-pk")[:SHOWN]
    ]
    return [Table("Entries", [Column("entry"), Column("effective"), Column("kind"), Column("description")], rows)]


def payment(request: HttpRequest, hold: Hold) -> list[Section]:
    """How far the executor is with a withdrawal."""
    if hold.kind != "withdrawal" or not request.user.has_perm("holds.view_payout"):
        return []
    columns = [Column("attempts", figures=True)]
    columns += [Column(name) for name in ("answer", "paid under", "last error", "asked until", "next try")]
    rows = [
        [
            payout.attempts,
            payout.answer or html.NONE,
            payout.external_ref,
            payout.last_error,
            html.moment(payout.leased_until),
            html.moment(payout.next_try_at),
        ]
        for payout in Payout.objects.filter(pk=hold.pk)
    ]
    return [Table("Payment", columns, rows, empty="It was not sent for payment.")]


HoldAdmin.extend(sections=[payment, entries])


def promises(request: HttpRequest, account: Account) -> list[Section]:
    """An account's open holds, on its page."""
    if not request.user.has_perm("holds.view_hold"):
        return []
    found = Hold.objects.filter(account=account.pk, status__in=OPEN).select_related("counterparty")
    rows = [
        [
            hold_link(hold.pk),
            hold.kind,
            html.status(hold.status),
            account_link(hold.counterparty.pk, hold.counterparty.name) if hold.counterparty else html.NONE,
            html.moment(hold.expires_at),
            html.amount(hold.remaining, account.scale, account.currency),
        ]
        for hold in found.order_by("-pk")[:SHOWN]
    ]
    columns = [Column(name) for name in ("hold", "kind", "status", "for", "expires")]
    everything = f"{html.list_url('holds.hold')}?account={ids.show('acc', account.pk)}"
    return [
        Table(
            "Open holds",
            [*columns, Column("remaining", figures=True)],
            rows,
            empty="Nothing is promised.",
            more=("All holds", everything),
        )
    ]


AccountAdmin.extend(sections=[promises])

CONFIRM_DEPOSIT = Operation(
    command="confirm_deposit",
    label="Confirm arrival",
    done="confirmed",
    warning="Credits the deposit to its account.",
    subject="deposit",
    bulk=True,
    offered=lambda deposit: deposit.status != "confirmed",
    preview=entry_preview,
)
FAIL_DEPOSIT = Operation(
    command="fail_deposit",
    label="Give up",
    done="given up",
    warning="It is no longer expected. Should it arrive after all, it can still be confirmed.",
    subject="deposit",
    offered=lambda deposit: deposit.status == "announced",
    danger=True,
)


@admin.register(Deposit)
class DepositAdmin(ReadOnlyAdmin):
    section, icon, order = "Promises", "south_west", 20
    id_prefix, same_id = "dep", ("evt",)
    list_display = (
        "linked_id",
        column("status", lambda row: html.status(row.status)),
        whose("account", "account"),
        money("amount"),
        "source",
        "external_ref",
        moment("created_at", "recorded"),
        TENANT,
    )
    list_filter = (TenantFilter, StatusFilter, AccountFilter, RecordedBetween)
    list_select_related = ("tenant", "account")
    search_fields = ("external_ref",)
    search_help_text = "dep_… or the whole reference that it was paid under"
    operations = (CONFIRM_DEPOSIT, FAIL_DEPOSIT)
    facts = (
        "whole_id",
        column("status", lambda row: html.status(row.status)),
        whose("account", "account"),
        money("amount"),
        "source",
        "external_ref",
        "reason",
        column("event", lambda row: event_link(row.pk)),
        moment("created_at", "recorded"),
        moment("updated_at", "changed"),
        TENANT,
    )

    def heading(self, row: Deposit) -> str:
        return f"Deposit to {row.account.name}"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("tenant", "account")

    def named(self, queryset: "QuerySet[Any]", term: str) -> "QuerySet[Any]":
        return queryset.filter(external_ref=term)


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """The executor's notebook: what it was asked to pay and has not settled."""

    section, icon, order = "Promises", "north_east", 30
    id_prefix = "hld"
    in_palette = False  # its withdrawal is
    list_display = (
        column(
            "withdrawal",
            lambda row: html.public_id("hld", row.pk, href=html.record_url("holds.hold", "hld", row.pk), short=True),
        ),
        column("status", lambda row: html.status(row.withdrawal.status)),
        "attempts",
        "answer",
        "external_ref",
        "last_error",
        moment("next_try_at", "next try"),
        TENANT,
    )
    list_filter = (TenantFilter, RecordedBetween)
    list_select_related = ("tenant", "withdrawal")
    facts = list_display
