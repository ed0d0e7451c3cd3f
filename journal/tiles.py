"""The dashboard's tiles about the log and the journal. Ids begin with the time, so "today" is a range of ids."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

from journal.models import Entry
from journal.reconciliation.summary import standing
from ledger_project.kernel import clock, ids
from ledger_project.log.models import Event
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.html import Column
from ledger_project.web.backoffice.tiles import Number, NumberTile, TableTile, count_up_to, tile


@tile
class Reconciliation(NumberTile):
    """Green while no tenant's newest reconciliation found anything, and one ended last night."""

    title, permission, order = "Reconciliation", "journal.view_reconciliationrun", 5

    def number(self) -> Number:
        found = standing()
        href = html.list_url("journal.reconciliationrun")
        if found.age is None or found.finished_at is None:
            return Number("Never", "the first run is tonight", href=href)
        last = f"last run {found.finished_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if found.red:
            of = f"in {len(found.red)} tenants, " if len(found.red) > 1 else ""
            (run, *_), href = found.red[0], f"{href}?status=mismatched"
            one = html.record_url("journal.reconciliationrun", "rec", run)
            return Number(f"{found.mismatches:,} off", of + last, tone="bad", href=one if not of else href)
        return Number(
            "Overdue" if found.overdue else "Matched", last, tone="bad" if found.overdue else "good", href=href
        )


@tile
class EventsOfTheDay(NumberTile):
    title, permission, order = "Events", "log.view_event", 30

    def number(self) -> Number:
        since = ids.first(clock.now() - timedelta(days=1))
        events = Event.objects.filter(pk__gte=since)
        return Number(count_up_to(events), "in the last 24 hours", href=html.list_url("log.event"))


@tile
class EntriesToday(NumberTile):
    title, permission, order = "Entries", "journal.view_entry", 40

    def number(self) -> Number:
        today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        entries = Entry.objects.filter(pk__gte=ids.first(today))
        return Number(count_up_to(entries), "today (UTC)", href=html.list_url("journal.entry"))


@tile
class NewestEvents(TableTile):
    title, permission, order = "Newest events", "log.view_event", 90
    columns = (Column("event"), Column("recorded"), Column("type"), Column("actor"), Column("tenant"))

    def rows(self) -> Sequence[Sequence[Any]]:
        events = Event.objects.select_related("tenant").defer("payload", "result").order_by("-pk")[:8]
        return [
            [
                html.public_id("evt", event.pk, href=html.record_url("log.event", "evt", event.pk), short=True),
                html.moment(event.recorded_at),
                event.type,
                event.actor,
                event.tenant.name,
            ]
            for event in events
        ]
