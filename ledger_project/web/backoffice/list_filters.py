"""The filters of the back office's lists: none of them asks a big table which values it has."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date

from ledger_project.kernel import ids
from ledger_project.web.backoffice.site import DropdownFilter, RangeDateForm, TextFilter


class Choices(DropdownFilter):
    """A filter by one of a few values of `parameter_name`, which are known without asking a big table.

    No row has a value that is none of them.
    """

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if not self.value():
            return queryset
        if self.value() not in {str(value) for value, _ in self.lookup_choices}:
            return queryset.none()
        return queryset.filter(**{self.parameter_name: self.value()})


class TenantFilter(Choices):
    """By tenant. Staff are global, so every list of a tenant's rows has it."""

    title = "tenant"
    parameter_name = "tenant"
    LISTED = 500

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tenants = model_admin.model._meta.get_field("tenant").related_model.objects.order_by("name", "pk")
        return [(str(tenant.pk), f"{tenant.name} ({tenant.slug})") for tenant in tenants[: self.LISTED]]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = self.value()
        if not value:
            return queryset
        is_id = value.isascii() and value.isdigit() and len(value) < 19
        return queryset.filter(tenant=int(value)) if is_id else queryset.none()


class ExactText(TextFilter):
    """By the whole text of `parameter_name`."""

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = (self.value() or "").strip()
        return queryset.filter(**{self.parameter_name: value}) if value else queryset


class DateRange(admin.ListFilter):
    """From one UTC day to another, both included."""

    template = "unfold/filters/filters_date_range.html"
    form_class = RangeDateForm
    parameter_name: ClassVar[str]
    lookup: ClassVar[str]

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.request = request
        for name in self.expected_parameters():
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]

    def expected_parameters(self) -> list[str | None]:
        return [f"{self.parameter_name}_from", f"{self.parameter_name}_to"]

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[Mapping[str, object]]:
        form = self.form_class(name=self.parameter_name, data=self.used_parameters)
        yield {"request": self.request, "parameter_name": self.parameter_name, "form": form}

    def days(self) -> tuple[datetime | None, datetime | None]:
        """The first moment of the range and the first one after it."""
        first, last = (_day(str(self.used_parameters.get(name or "", ""))) for name in self.expected_parameters())
        return _midnight(first) if first else None, _midnight(last + timedelta(days=1)) if last else None

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        start, end = self.days()
        queryset = queryset.filter(**{f"{self.lookup}__gte": self.bound(start)}) if start else queryset
        return queryset.filter(**{f"{self.lookup}__lt": self.bound(end)}) if end else queryset

    def bound(self, moment: datetime) -> Any:
        return moment


class RecordedBetween(DateRange):
    """By the time of recording, which the ids begin with: a range scan of the primary key, at any size."""

    title = "day recorded (UTC)"
    parameter_name = "recorded"
    lookup = "pk"

    def bound(self, moment: datetime) -> UUID:
        return ids.first(moment)


def _day(text: str) -> date | None:
    try:
        day = parse_date(text.strip())
    except ValueError:
        return None
    return day if day and 1970 <= day.year < 9999 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
