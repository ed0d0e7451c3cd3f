"""The back office's pages of entries, postings and events."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.urls import URLPattern

from accounts.admin import AccountAdmin, CurrencyFilter
from accounts.folding import meaning
from accounts.models import Account
from accounts.rows import BUCKETS
from journal.account_page import OPERATIONS, history
from journal.audit import admin as audit_admin
from journal.external import admin as external_admin  # noqa: F401  (registers its pages)
from journal.models import Entry, PostingLine
from journal.reconciliation import admin as reconciliation_admin  # noqa: F401  (registers its pages)
from journal.statements import admin as statements_admin  # noqa: F401  (registers its pages)
from journal.tables import account_link, entry_link, entry_preview, event_link, posting_table, sides
from ledger_project.kernel import ids
from ledger_project.kernel.canonical import content_hash
from ledger_project.log import documents
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import look
from ledger_project.log.models import Event, Leaf
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, amount, column, moment
from ledger_project.web.backoffice.html import Section, Text
from ledger_project.web.backoffice.list_filters import Choices, DateRange, ExactText, RecordedBetween, TenantFilter
from ledger_project.web.backoffice.operations import Operation
from ledger_project.web.backoffice.site import ReadOnlyAdmin

AccountAdmin.extend(operations=OPERATIONS, sections=[history])

REVERSE = Operation(
    command="reverse_entry",
    label="Reverse",
    done="reversed",
    warning="Posts the opposite entry, whole and once; both name each other.",
    subject="entry",
    preview=entry_preview,
    danger=True,
    offered=lambda entry: not entry.reversed_by and entry.reverses_id is None,
)


class EffectiveBetween(DateRange):
    title = "effective day (UTC)"
    parameter_name = "effective"
    lookup = "effective_at"


class KindFilter(ExactText):
    title = "kind"
    parameter_name = "kind"


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    section, icon, order = "Journal", "receipt_long", 10
    id_prefix, same_id = "ent", ("evt",)
    list_display = (
        "linked_id",
        moment("effective_at", "effective"),
        "kind",
        column("amount", lambda row: row.volume, name="amount_volume"),
        column("description", lambda row: row.description[:80]),
        column("references", lambda row: html.pairs(row.references)),
        column("reversed", lambda row: html.status("reversed") if row.reversed_by else ""),
        TENANT,
    )
    list_filter = (TenantFilter, KindFilter, EffectiveBetween, RecordedBetween)
    list_select_related = ("tenant",)
    search_fields = ("kind",)
    search_help_text = "ent_… or a reference, for instance job_id=job_123"
    operations = (REVERSE,)
    facts = (
        "whole_id",
        column("event", lambda row: event_link(row.pk)),
        "kind",
        moment("effective_at", "effective"),
        TENANT,
        "description",
        column("references", lambda row: html.pairs(row.references)),
        column("metadata", lambda row: html.pairs(row.metadata)),
        column("reverses", lambda row: entry_link(row.reverses_id)),
        column("reversed by", lambda row: entry_link(row.reversed_by)),
    )

    def get_urls(self) -> list[URLPattern]:
        return [*audit_admin.urls(), *super().get_urls()]

    def heading(self, row: Entry) -> str:
        return row.kind

    def complete(self, rows: list[Any]) -> None:
        keys = [row.pk for row in rows]
        reversals = dict(Entry.objects.filter(reverses__in=keys).values_list("reverses_id", "id"))
        debits = PostingLine.objects.filter(entry__in=keys, amount__gt=0).values("entry_id", "currency", "scale")
        volumes: dict[UUID, list[Any]] = {}
        for each in debits.annotate(debit=Sum("amount")).order_by("entry_id", "currency"):
            volumes.setdefault(each["entry_id"], []).append(html.amount(each["debit"], each["scale"], each["currency"]))
        for row in rows:
            row.reversed_by = reversals.get(row.pk)
            row.volume = html.lines(volumes.get(row.pk, []))

    def named(self, queryset: "QuerySet[Any]", term: str) -> "QuerySet[Any]":
        """By a reference: its name and whole value, which have an index."""
        name, equals, value = term.partition("=")
        return queryset.filter(references__contains={name.strip(): value.strip()}) if equals else queryset.none()


def postings(request: HttpRequest, entry: Entry) -> list[Section]:
    return [posting_table("Postings", list(PostingLine.objects.filter(entry=entry.pk).order_by("seq")))]


EntryAdmin.extend(sections=[postings])


class AccountFilter(ExactText):
    """By account: its id, or its name in any tenant."""

    title = "account"
    parameter_name = "account"

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = (self.value() or "").strip()
        return queryset.filter(account__in=accounts_called(value, request)) if value else queryset


def accounts_called(ref: str, request: HttpRequest) -> list[UUID]:
    """The accounts with this id or name: the chosen tenant's, or the first few of all tenants'."""
    key = ids.read("acc", ref)
    if key:
        return [key]
    named = meaning(Account.objects.all(), "name", ref)
    tenant = request.GET.get("tenant", "")
    if tenant.isascii() and tenant.isdigit():
        named = named.filter(tenant=int(tenant))
    return list(named.values_list("pk", flat=True)[:100])


class BucketFilter(Choices):
    title = "bucket"
    parameter_name = "bucket"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ").capitalize()) for name in BUCKETS]


@admin.register(PostingLine)
class PostingLineAdmin(ReadOnlyAdmin):
    section, icon, order = "Journal", "list_alt", 20
    in_palette = False  # its entry and its account are
    list_display = (
        column("entry", lambda row: entry_link(row.entry_id)),
        moment("effective_at", "effective"),
        "kind",
        column("account", lambda row: account_link(row.account_id, row.name)),
        "bucket",
        column("debit", lambda row: sides(row.amount, row.scale)[0], name="amount_debit"),
        column("credit", lambda row: sides(row.amount, row.scale)[1], name="amount_credit"),
        amount("balance_after"),
        "currency",
        TENANT,
    )
    list_filter = (TenantFilter, AccountFilter, BucketFilter, CurrencyFilter, KindFilter, EffectiveBetween)
    list_select_related = ("tenant",)
    search_fields = ("name",)
    search_help_text = "ent_…, acc_… or an account's whole name"
    facts = list_display

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """One account's by its own count, which its index has; all accounts' by entry."""
        ref = request.GET.get("account", "").strip()
        key = ids.read("acc", ref)
        account = Account.objects.filter(pk=key).first() if key else None
        if account and account.stripes == 1:
            return ["-stripe", "-version"]
        return ["-entry_id", "-seq"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """By the entry and the place in it that the id is made of."""
        entry, _, seq = object_id.rpartition("-")
        if self.read_id(entry) is None or not (seq.isdigit() and len(seq) < 5):
            return None
        return self.get_queryset(request).filter(entry=self.read_id(entry), seq=int(seq)).first()

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        term = search_term.strip()
        if not term:
            return queryset, False
        entry = ids.read("ent", term) or ids.read("evt", term)
        return queryset.filter(entry=entry) if entry else queryset.filter(
            account__in=accounts_called(term, request)
        ), False


# Events. The log is below the web, so its page is made here, beside the entries that it leads to.


class TypeFilter(Choices):
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted({command.event for command in COMMANDS.values()})]


class CommandFilter(Choices):
    title = "command"
    parameter_name = "command"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(COMMANDS)]


class ActorFilter(ExactText):
    title = "actor"
    parameter_name = "actor"


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    section, icon, order = "Log", "history", 10
    id_prefix, same_id = "evt", ("ent",)
    list_display = ("linked_id", moment("recorded_at", "recorded"), "type", "actor", "idempotency_key", TENANT)
    list_filter = (TenantFilter, TypeFilter, CommandFilter, ActorFilter, RecordedBetween)
    list_select_related = ("tenant",)
    search_fields = ("idempotency_key",)
    search_help_text = "evt_… or an idempotency key"
    facts = (
        "whole_id",
        "type",
        "command",
        "actor",
        moment("recorded_at", "recorded"),
        TENANT,
        column("idempotency key", lambda row: html.code(row.idempotency_key, copy=True)),
        column("entry", lambda row: entry_link(row.entry_id)),
        column("place in the sealed log", lambda row: "not sealed yet" if row.log_index is None else row.log_index),
    )

    def heading(self, row: Event) -> str:
        return row.type

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        """Without what only the page shows, which may be long."""
        return super().get_queryset(request).defer("payload", "result", "content_hash", "insert_xid")

    def complete(self, rows: list[Any]) -> None:
        entries = set(Entry.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
        sealed = dict(Leaf.objects.filter(event__in=[row.pk for row in rows]).values_list("event_id", "log_index"))
        for row in rows:
            row.entry_id = row.pk if row.pk in entries else None
            row.log_index = sealed.get(row.pk)

    def named(self, queryset: "QuerySet[Any]", term: str) -> "QuerySet[Any]":
        return queryset.filter(idempotency_key=term)


def proof(request: HttpRequest, event: Event) -> list[Section]:
    """The hash that was stored when the event was posted, beside the one of the rows as they are now."""
    document, stored = documents.read([event.pk], look)[event.pk]
    computed = content_hash(document)
    verdict = html.status("matches") if computed == stored else html.status("does not match")
    hashes = [
        verdict,
        html.labelled("stored when it was posted", html.code(stored.hex(), copy=True)),
        html.labelled("computed from the rows as they are now", html.code(computed.hex())),
    ]
    return [
        Text("Content hash: SHA-256 of the event's canonical JSON", html.lines(hashes)),
        Text("Payload: the arguments as they were given", html.pretty(document["payload"])),
        Text("Result: what was made, and the balances after", html.pretty(document["result"])),
    ]


EventAdmin.extend(sections=[proof])
