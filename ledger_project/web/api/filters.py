"""Filters of lists, as strict as the arguments of commands: what is not known or not of its form is refused by name."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from django import forms
from django_filters import Filter, FilterSet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from ledger_project.kernel.errors import InvalidRequest, UnknownField
from ledger_project.kernel.fields import Field, TextField

KEY = TextField(maximum=64)
REPLACED = "\ufffd"


class _Parameter(forms.Field):
    """A query parameter read by a field of the kernel, whose refusal names it."""

    def __init__(self, name: str, field: Field) -> None:
        super().__init__(required=False)
        self.name = name
        self.form_of = field

    def clean(self, value: str | None) -> Any:
        return None if value is None else self.form_of.parse(value, self.name)


class FieldFilter(Filter):
    """A query parameter with the form of a command's argument, and documented by it."""

    def __init__(self, field: Field, says: str, field_name: str | None = None, **options: Any) -> None:
        super().__init__(field_name, **options)
        self.form_of = field
        extend_schema_field({**field.schema(), "description": says})(self)

    @property
    def field(self) -> forms.Field:
        return _Parameter(self.parameter, self.form_of)

    parameter = ""  # its name, which the filter set knows


class ListFilters(FilterSet):
    """The filters of one list; an underscore at the end of a name, as in `from_`, keeps Python from minding it."""

    families: ClassVar[Mapping[str, Field]] = {}  # parameters that only begin so: `references.` and any key

    @classmethod
    def get_filters(cls) -> dict[str, Filter]:
        filters = {name.removesuffix("_"): each for name, each in super().get_filters().items()}
        for name, each in filters.items():
            each.parameter = name
        return filters

    def given(self) -> dict[str, Any]:
        """The values of the parameters that were sent."""
        return {name: value for name, value in self.form.cleaned_data.items() if value is not None}

    def family(self, prefix: str) -> dict[str, Any]:
        """The values of the parameters that begin with `prefix`, by the rest of their names."""
        field = self.families[prefix]
        return {
            KEY.parse(name.removeprefix(prefix), name[:300]): field.parse(value, name[:300])
            for name, value in self.data.items()
            if name.startswith(prefix)
        }


class StrictFilterBackend(DjangoFilterBackend):
    """DRF's filter backend. Refuses: UnknownField, InvalidRequest."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        filters = self.get_filterset_class(view, queryset)
        known = {*(filters.base_filters if filters else ()), *getattr(view.paginator, "parameters", ())}
        require_known(request, known, tuple(getattr(filters, "families", ())))
        if filters is None:
            return queryset
        bound = filters(request.query_params, queryset, request=request)
        if not bound.is_valid():
            field, complaints = next(iter(bound.errors.items()))
            raise InvalidRequest(field=field, reason=str(complaints[0]))
        return bound.qs


def require_known(request: Request, known: Iterable[str], families: tuple[str, ...] = ()) -> None:
    """Refuse query parameters that the address does not have, or that are given twice.

    Refuses: UnknownField, InvalidRequest.
    """
    for name, values in request.query_params.lists():
        if name not in known and not (families and name.startswith(families)):
            raise UnknownField(field=name[:300], reason="not a query parameter of this call")
        if len(values) > 1:
            raise InvalidRequest(field=name[:300], reason="given twice")
        if REPLACED in values[0] and not _is_utf8(request.META["QUERY_STRING"]):
            raise InvalidRequest(field=name[:300], reason="not UTF-8")


def _is_utf8(query: str) -> bool:
    """Django has put U+FFFD for what is not; somebody may also have sent that character itself."""
    try:
        parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        return False
    return True
