"""The back office's pages of the staff itself: people, groups, and what was clicked."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from ledger_project.web.backoffice.columns import column, moment
from ledger_project.web.backoffice.site import (
    AdminPasswordChangeForm,
    LedgerAdmin,
    ReadOnlyAdmin,
    UserChangeForm,
    UserCreationForm,
)

for model in (User, Group, TOTPDevice, StaticDevice):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, LedgerAdmin):  # type: ignore[type-arg]
    """People are deactivated, not deleted: the log names them for good. What they may do comes from their groups."""

    section, icon, order = "Staff", "person", 10
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "groups")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("What they may do", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser is changed by superusers only: who could set their password would be one."""
        above = obj is not None and obj.is_superuser and not getattr(request.user, "is_superuser", False)
        return not above and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A name is final, because the log names people by it."""
        named = () if obj is None else ("username",)
        above = () if getattr(request.user, "is_superuser", False) else ("is_superuser",)
        return (*super().get_readonly_fields(request, obj), *named, *above)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, LedgerAdmin):
    section, icon, order = "Staff", "group", 20

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(LogEntry)
class ClickAdmin(ReadOnlyAdmin):
    """What was changed in the staff's own tables. Money's changes are in the log of events."""

    section, icon, order = "Staff", "ads_click", 30
    list_display = (
        "linked_name",
        moment("action_time", "time"),
        column("person", lambda row: row.user.get_username()),
        column("change", lambda row: row.get_change_message()),
    )
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr",)
    search_help_text = "How the name of what was changed begins"
    facts = (*list_display[1:], "object_repr")


@admin.register(TOTPDevice)
class SecondFactorAdmin(ReadOnlyAdmin):
    """Who has a second factor; never what it is. `manage.py reset_second_factor` takes one away."""

    section, icon, order = "Staff", "phonelink_lock", 25
    list_display = (
        "linked_name",
        column("person", lambda row: row.user.get_username()),
        "confirmed",
        moment("created_at", "since"),
        moment("last_used_at", "last used"),
    )
    list_select_related = ("user",)
    search_fields = ("user__username",)
    search_help_text = "How the person's name begins"
    facts = list_display[1:]
