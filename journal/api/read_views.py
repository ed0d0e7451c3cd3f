"""Entries, transfers and events to read."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view

from accounts import queries as accounts
from accounts.api.serializers import EventSerializer
from accounts.errors import AccountNotFound
from journal import queries
from journal.account_events import of_account
from journal.api.serializers import EntrySerializer
from journal.errors import EntryNotFound
from journal.models import Entry
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import MomentField, TextField
from ledger_project.log import feed
from ledger_project.log import queries as log
from ledger_project.log.caller import Caller
from ledger_project.log.errors import EventNotFound
from ledger_project.log.fields import IndexField
from ledger_project.log.models import TRANSFER, Event
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.pagination import Ordered
from ledger_project.web.api.sight import Concerned, Named, Sight
from ledger_project.web.api.views import DetailView, ListView

NAME = TextField()
WORD = TextField(maximum=64)
REFERENCE = TextField(maximum=1024, minimum=0)


class Recorded(ListFilters):
    """Lists of what was recorded when; `from` belongs to the time asked for, `to` no longer."""

    from_ = FieldFilter(MomentField(), "Recorded at this time or later.", method="recorded_from")
    to = FieldFilter(MomentField(), "Recorded before this time.", method="recorded_before")

    def recorded_from(self, queryset: QuerySet[Event], name: str, value: datetime) -> QuerySet[Event]:
        return queryset.filter(pk__gte=ids.first(value))

    def recorded_before(self, queryset: QuerySet[Event], name: str, value: datetime) -> QuerySet[Event]:
        return queryset.filter(pk__lt=ids.first(value))


class EventFilters(Recorded):
    type = FieldFilter(WORD, "The type of event, such as transfer.posted.", "type")
    command = FieldFilter(WORD, "The command that was accepted.", method="of_command")
    idempotency_key = FieldFilter(NAME, "The key that the command was sent with.", method="of_key")
    after = FieldFilter(
        IndexField(minimum=feed.START),
        "Sealed after this log index; -1 begins with the first. The list has the order of the log then.",
        method="sealed_after",
    )

    def filter_queryset(self, queryset: QuerySet[Event]) -> Any:
        """The events to page through; those of most lists have no index of their own to do it by."""
        given, tenant, account = self.given(), caller(self.request).tenant, caller(self.request).account
        found = super().filter_queryset(queryset)
        if account is not None:
            return of_account(tenant, account, found, **given)
        if "after" in given:
            return Ordered(found, "log_index")
        types = {given.get("type", TRANSFER), given.get("command", "transfer")}
        if "idempotency_key" in given or types != {TRANSFER, "transfer"}:
            return found
        return log.Newest(
            tenant,
            found,
            transfers_only="type" in given or "command" in given,
            since=given.get("from"),
            until=given.get("to"),
        )

    def sealed_after(self, queryset: QuerySet[Event], name: str, value: int) -> QuerySet[Event]:
        return log.sealed_after(queryset, caller(self.request).tenant, value)

    def of_key(self, queryset: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        return log.of_key(queryset, caller(self.request).tenant, value)

    def of_command(self, queryset: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        return log.of_command(queryset, value)


class SearchFilters(Recorded):
    """What every list of entries can be asked for; `journal.queries` decides how to find it."""

    reference = FieldFilter(REFERENCE, "The value of the reference called `reference`.")

    def filter_queryset(self, queryset: QuerySet[Entry]) -> queries.Entries:
        given = self.given()
        return queries.Entries(
            caller(self.request).tenant,
            since=given.pop("from", None),
            until=given.pop("to", None),
            references=self.references(given),
            **given,
        )

    def references(self, given: dict[str, Any]) -> dict[str, str]:
        """The references asked for, under their own names and under `references.`."""
        named = {name: given.pop(name) for name in ("reference", "job_id") if name in given}
        others = self.family("references.") if self.families else {}
        for name in named.keys() & others.keys():
            raise InvalidRequest(field=f"references.{name}", reason=f"given twice, the other time as {name}")
        return named | others


class HistoryFilters(SearchFilters):
    kind = FieldFilter(WORD, "The kind of entry, such as mint.")
    families = {"references.": REFERENCE}


class EntryFilters(HistoryFilters):
    account = FieldFilter(NAME, "The id or name of an account that the entry moved.")
    prefix = FieldFilter(NAME, "What the name of an account that the entry moved begins with.")
    idempotency_key = FieldFilter(NAME, "The key that the command was sent with.")


class TransferFilters(SearchFilters):
    account = FieldFilter(NAME, "The id or name of an account that paid or was paid.")
    job_id = FieldFilter(REFERENCE, "The job that was paid for.")


ANY_REFERENCE = OpenApiParameter(
    "references.{name}", description="The value of the reference of this name, for instance `references.job_id`."
)


class Entered(Sight):
    """Entries that moved the account."""

    says = "its own, without the balances of others"

    def shows(self, one: dict[str, Any], caller: Caller) -> bool:
        return any(posting["account"] == caller.account_ref for posting in one["postings"])


class SearchView(ListView):
    """Entries, newest first."""

    serializer_class = EntrySerializer
    queryset = Entry.objects.none()  # says what is listed; the filters make it a search


@extend_schema_view(get=extend_schema(parameters=[ANY_REFERENCE]))
class EntryList(SearchView):
    """Entries that meet all filters, newest first."""

    for_account_keys = Entered()
    filterset_class = EntryFilters


@extend_schema_view(get=extend_schema(parameters=[ANY_REFERENCE]))
class AccountEntries(SearchView):
    """An account's entries, newest first; those of a bounded account in the order in which its balance moved."""

    for_account_keys = Named("account")
    refuses = (AccountNotFound,)
    filterset_class = HistoryFilters

    def filter_queryset(self, queryset: Any) -> Any:
        account = accounts.total(self.tenant, self.kwargs["account"])
        search: Any = super().filter_queryset(queryset)
        return replace(search, account=ids.show("acc", account.pk))


class TransferList(SearchView):
    """Transfers, newest first."""

    for_account_keys = Entered()
    filterset_class = TransferFilters

    def filter_queryset(self, queryset: Any) -> Any:
        search: Any = super().filter_queryset(queryset)
        return replace(search, kind="transfer")


class EntryDetail(DetailView):
    """One entry."""

    for_account_keys = Entered()
    refuses = (EntryNotFound,)
    serializer_class = EntrySerializer

    def get_object(self) -> dict[str, Any]:
        return queries.entry(self.tenant, self.kwargs["entry"], only=self.account)


class EventList(ListView):
    """Accepted commands, newest first; with `after`, the feed of the sealed ones.

    The feed has no gaps and never changes: whoever goes on after the last index he has seen misses nothing.
    """

    for_account_keys = Concerned()
    serializer_class = EventSerializer
    filterset_class = EventFilters

    def get_queryset(self) -> QuerySet[Event]:
        return log.events(self.tenant)


class EventDetail(DetailView):
    """One accepted command."""

    for_account_keys = Concerned()
    refuses = (EventNotFound,)
    serializer_class = EventSerializer

    def get_object(self) -> Event:
        return log.event(self.tenant, self.kwargs["event"])
