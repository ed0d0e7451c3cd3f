"""Who of the staff may do what: five groups, and a permission for each command.

A command's permission (`journal.transfer`) is the same word that API keys have as a scope. After each migration, a
permission that no group has yet is given to the groups that it is meant for; what administrators change later stays.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from ledger_project.log.command import COMMANDS

VIEWER, OPERATOR, APPROVER, AUDITOR, ADMIN = GROUPS = (
    "ledger_viewer",
    "ledger_operator",
    "ledger_approver",
    "ledger_auditor",
    "ledger_admin",
)
EVERYBODY = frozenset(GROUPS)
# Commands that give others power, or cannot be taken back for a whole tenant.
AUTHORITY = frozenset({"issue_api_key", "revoke_api_key", "register_currency"})
# A second person's yes to what an operator proposed, and who may say no.
DECISIONS = {"approve_adjustment": {APPROVER, ADMIN}, "reject_adjustment": {OPERATOR, APPROVER, ADMIN}}
# Django's own tables: who may see and who may change the staff itself. Nobody is deleted, people are deactivated.
STAFF_TABLES = {
    "auth.view_user": {AUDITOR, ADMIN},
    "auth.view_group": {AUDITOR, ADMIN},
    "admin.view_logentry": {AUDITOR, ADMIN},
    "otp_totp.view_totpdevice": {AUDITOR, ADMIN},
    "auth.add_user": {ADMIN},
    "auth.change_user": {ADMIN},
    "auth.change_group": {ADMIN},
}


def settle_permissions(sender: AppConfig, using: str, **_: Any) -> None:
    """After `sender` was migrated: its commands have permissions, and each new permission has its groups."""
    models = sorted(sender.get_models(), key=lambda model: model._meta.model_name or "")
    if not models:
        return
    wanted = {name: groups for name, groups in STAFF_TABLES.items() if name.split(".")[0] == sender.label}
    declared = [
        command
        for command in COMMANDS.values()
        if command.permission.startswith(f"{sender.label}.") and not command.internal
    ]
    if declared:
        # Django files a permission under a model; the app's first one stands for the app.
        home = ContentType.objects.db_manager(using).get_for_model(models[0])
        for command in declared:
            Permission.objects.using(using).get_or_create(
                content_type=home, codename=command.name, defaults={"name": f"Can run {command.name}"}
            )
            meant = {ADMIN} if command.name in AUTHORITY else {OPERATOR, ADMIN}
            wanted[command.permission] = DECISIONS.get(command.name, meant)
    if not sender.name.startswith(("django.", "django_otp")):
        for model in models:
            wanted[f"{sender.label}.{get_permission_codename('view', model._meta)}"] = set(EVERYBODY)
    if sender.label == "accounts":
        wanted["accounts.add_tenant"] = {ADMIN}
    _grant(sender.label, wanted, using)


def _grant(label: str, wanted: dict[str, set[str]], using: str) -> None:
    """Give each permission that no group has to its groups; a group that was deleted is not made again."""
    groups = {group.name: group for group in Group.objects.using(using).filter(name__in=GROUPS)}
    unclaimed = Permission.objects.using(using).filter(content_type__app_label=label, group=None)
    for permission in unclaimed.select_related("content_type"):
        for name in _existing(wanted.get(f"{label}.{permission.codename}", ()), groups):
            groups[name].permissions.add(permission)


def _existing(names: Iterable[str], groups: dict[str, Group]) -> list[str]:
    return [name for name in names if name in groups]
