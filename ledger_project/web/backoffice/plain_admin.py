"""A read-only page for each table of ours that has none of its own: nothing is out of the staff's sight."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.db.models import Field, Model
from django.http import HttpRequest

from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, Cell, column
from ledger_project.web.backoffice.list_filters import TenantFilter
from ledger_project.web.backoffice.site import ReadOnlyAdmin

LONG = (models.BinaryField, models.JSONField)  # for the page, not for the list
LISTED = 8
# A new table's page is made before anybody has thought about it, so what sounds like a secret is taken for one.
SECRETS = ("secret", "password", "digest", "token", "sealed", "private")
THEIRS = ("django.", "django_otp", "unfold", "rest_framework", "drf_spectacular", "whitenoise")


class PlainAdmin(ReadOnlyAdmin):
    """Every column under its name, amounts in minor units."""

    icon = "table_rows"

    def __init__(self, model: type[Model], site: Any) -> None:
        super().__init__(model, site)
        fields = [field for field in model._meta.concrete_fields if field.name not in ("tenant", model._meta.pk.name)]
        short = [field for field in fields if not isinstance(field, LONG)]
        tenant = [TENANT] if any(field.name == "tenant" for field in model._meta.concrete_fields) else []
        self.section = str(model._meta.app_config.verbose_name)  # type: ignore[misc]
        self.list_display = ["linked_name", *map(cell_of, short[:LISTED]), *tenant]
        self.facts = [cell_of(model._meta.pk), *map(cell_of, fields), *tenant]  # type: ignore[misc]
        self.list_filter = [TenantFilter] if tenant else []
        self.list_select_related = ("tenant",) if tenant else ()

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Any]":
        """Without what is long, which a page reads when it comes to it."""
        long = [field.name for field in self.model._meta.concrete_fields if isinstance(field, LONG)]
        return super().get_queryset(request).defer(*long)


def cell_of(field: "Field[Any, Any]") -> Cell:
    """A column of a table as it is stored; a foreign key by its id, so a list reads no other table."""

    def show(row: Any) -> Any:
        if any(word in field.name for word in SECRETS):
            return "not shown"
        value = getattr(row, field.attname)
        match value:
            case datetime():
                return html.moment(value)
            case UUID():
                return html.bare_id(value)
            case bytes() | memoryview():
                return html.code(bytes(value).hex())
            case dict() | list():
                return html.pretty(value)
        return value

    return column(str(field.verbose_name), show, name=field.name)


def register_the_rest() -> None:
    """Called when every app's admin module has been read."""
    for config in apps.get_app_configs():
        for model in config.get_models() if not config.name.startswith(THEIRS) else ():
            whole = not isinstance(model._meta.pk, models.CompositePrimaryKey)  # Django's admin cannot show those
            if whole and not admin.site.is_registered(model):
                admin.site.register(model, PlainAdmin)
