"""The back office's pages of webhooks and their deliveries."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ledger_project.kernel import ids
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table
from ledger_project.web.backoffice.list_filters import Choices, ExactText, TenantFilter
from ledger_project.web.backoffice.operations import Operation, OperationForm
from ledger_project.web.backoffice.site import ReadOnlyAdmin
from ledger_project.webhooks.models import Attempt, Delivery, Endpoint

RECENT = 20  # rows of a section


class EnableForm(OperationForm):
    def arguments(self) -> dict[str, Any]:
        return {"enabled": True}


class RedeliverForm(OperationForm):
    def arguments(self) -> dict[str, Any]:
        return {"webhook": ids.show("wbh", self.row.endpoint_id)}


DISABLE = Operation(
    command="disable_webhook",
    label="Disable",
    done="disabled",
    warning="Nothing is sent to it until it is enabled again. What is sealed meanwhile waits in the log.",
    subject="webhook",
    form=OperationForm,
    danger=True,
    offered=lambda row: row.enabled and row.deleted_at is None,
)
ENABLE = Operation(
    command="update_webhook",
    label="Enable",
    done="enabled",
    warning="It goes on where it stopped: everything sealed since is sent, in order.",
    subject="webhook",
    form=EnableForm,
    offered=lambda row: not row.enabled and row.deleted_at is None,
)
DELETE = Operation(
    command="delete_webhook",
    label="Delete",
    done="deleted",
    warning="It is told nothing more, and its secrets are forgotten. Its page stays.",
    subject="webhook",
    form=OperationForm,
    danger=True,
    offered=lambda row: row.deleted_at is None,
)
REDELIVER = Operation(
    command="redeliver_webhook",
    label="Send again",
    done="sent again",
    warning="The same event under the same id: a receiver that had it before can know it by that.",
    subject="delivery",
    form=RedeliverForm,
    offered=lambda row: row.endpoint.enabled and row.endpoint.deleted_at is None,
)


def state_of(row: Endpoint) -> str:
    """One word for how a webhook fares."""
    if row.deleted_at is not None:
        return "deleted"
    if not row.enabled:
        return "disabled"
    return "failing" if row.cursor.failing_since is not None else "enabled"


STATE = column("state", lambda row: html.status(state_of(row)))


class EnabledFilter(Choices):
    title = "state"
    parameter_name = "enabled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("True", "Enabled"), ("False", "Disabled")]


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    section, icon, order = "Log", "webhook", 30
    id_prefix = "wbh"
    list_display = (
        "linked_id",
        "url",
        column("types", lambda row: ", ".join(row.types)),
        STATE,
        column("last success", lambda row: html.moment(row.cursor.last_success_at)),
        TENANT,
    )
    list_filter = (TenantFilter, EnabledFilter)
    list_select_related = ("tenant", "cursor")
    search_fields = ("url",)
    search_help_text = "wbh_… or how a URL begins; *text finds it anywhere"
    operations = (DISABLE, ENABLE, DELETE)
    facts = (
        "whole_id",
        "url",
        column("types", lambda row: html.lines(row.types)),
        column("told of", lambda row: html.public_id("acc", row.account_id) if row.account_id else "every account"),
        "description",
        column("order", lambda row: "that of the log" if row.ordered else "any"),
        STATE,
        column("disabled because", lambda row: row.disabled_reason or html.NONE),
        moment("disabled_at", "disabled at"),
        column("failing since", lambda row: html.moment(row.cursor.failing_since)),
        column("last success", lambda row: html.moment(row.cursor.last_success_at)),
        column("reads on at log index", lambda row: row.cursor.next_index),
        column("secret", lambda row: f"number {row.generation}"),
        moment("rotated_at", "secret rotated"),
        moment("created_at", "registered"),
        moment("deleted_at", "deleted"),
        TENANT,
    )

    def heading(self, row: Endpoint) -> str:
        return row.url


def recent(request: HttpRequest, endpoint: Endpoint) -> list[Section]:
    """What it was told lately."""
    newest = Delivery.objects.filter(endpoint=endpoint).order_by("-log_index")[:RECENT]
    columns = [Column("delivery"), Column("type"), Column("state"), Column("attempts", figures=True), Column("next")]
    rows = [
        [
            html.public_id("dlv", row.pk, href=html.record_url("webhooks.delivery", "dlv", row.pk), short=True),
            row.type,
            html.status(row.state),
            row.attempts,
            html.moment(row.due_at),
        ]
        for row in newest
    ]
    everything = f"{html.list_url('webhooks.delivery')}?endpoint={ids.show('wbh', endpoint.pk)}"
    return [Table("Deliveries", columns, rows, more=("All of them", everything))]


EndpointAdmin.extend(sections=[recent])


class StateFilter(Choices):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Delivery.State.choices]


class WebhookFilter(ExactText):
    title = "webhook"
    parameter_name = "endpoint"

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = (self.value() or "").strip()
        return queryset.filter(endpoint=ids.read("wbh", value)) if value else queryset


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    section, icon, order = "Log", "outbox", 40
    id_prefix = "dlv"
    in_palette = False  # its event is
    list_display = (
        "linked_id",
        moment("created_at", "made"),
        column("webhook", lambda row: webhook_link(row.endpoint)),
        "log_index",
        "type",
        column("state", lambda row: html.status(row.state)),
        "attempts",
        moment("due_at", "next attempt"),
        TENANT,
    )
    list_filter = (TenantFilter, StateFilter, WebhookFilter)
    list_select_related = ("tenant", "endpoint")
    search_fields = ("type",)
    search_help_text = "dlv_…, which receivers know as webhook-id, or a type"
    operations = (REDELIVER,)
    facts = (
        "whole_id",
        column("webhook", lambda row: webhook_link(row.endpoint)),
        column("event", lambda row: html.public_id("evt", row.event, href=event_url(row))),
        "log_index",
        "type",
        column("state", lambda row: html.status(row.state)),
        "attempts",
        moment("created_at", "made"),
        moment("due_at", "next attempt"),
        moment("settled_at", "settled"),
        TENANT,
    )

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["-log_index", "-pk"]

    def heading(self, row: Delivery) -> str:
        return row.type


def webhook_link(endpoint: Endpoint) -> Any:
    return html.link(html.record_url("webhooks.endpoint", "wbh", endpoint.pk), endpoint.url)


def event_url(row: Delivery) -> str:
    return html.record_url("log.event", "evt", row.event)


def attempts(request: HttpRequest, delivery: Delivery) -> list[Section]:
    """Every try, newest first; one without an end is under way, or its worker was killed."""
    columns = [Column("request id"), Column("begun"), Column("answer"), Column("ms", figures=True), Column("detail")]
    rows = [
        [html.code(row.id.hex), html.moment(row.started_at), outcome(row), row.milliseconds, row.detail]
        for row in Attempt.objects.filter(delivery=delivery).order_by("-started_at")[:RECENT]
    ]
    return [Table("Attempts", columns, rows)]


def outcome(row: Attempt) -> str:
    if row.status is not None:
        return str(row.status)
    return row.error or "no end was written"


DeliveryAdmin.extend(sections=[attempts])
