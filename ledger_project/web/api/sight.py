"""How far the key of one account sees: a view that lets such keys in says it in one word, and its base applies it.

    class HoldList(ListView):
        for_account_keys = Rows("account", "counterparty")

A view that says nothing is the tenant's alone. docs/keys.md is made from these words.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.module_loading import import_string

from ledger_project.kernel.errors import Forbidden
from ledger_project.log import documents
from ledger_project.log.caller import Caller
from ledger_project.log.executor import look
from ledger_project.log.models import Event
from ledger_project.web.api.authentication import Principal, authenticate


class Sight:
    """What the key of one account sees at an address: of many things some, of one thing it or nothing."""

    says = "its own"

    def admit(self, view: Any, caller: Caller) -> None:
        """Judge the address before anything is read."""

    def narrow(self, many: Any, caller: Caller) -> Any:
        """Those of many that are the account's; what is no QuerySet must know itself which these are."""
        return many.of_account(caller.account)

    def shows(self, one: Any, caller: Caller) -> bool:
        raise NotImplementedError


class Everybodys(Sight):
    """Nothing here is any account's."""

    says = "all of it"

    def narrow(self, many: Any, caller: Caller) -> Any:
        return many

    def shows(self, one: Any, caller: Caller) -> bool:
        return True


class Rows(Sight):
    """Rows that name the account in one of these columns."""

    def __init__(self, *columns: str) -> None:
        self.columns = columns
        self.says = "its own: " + " or ".join(column.rpartition("__")[2] for column in columns)

    def narrow(self, many: Any, caller: Caller) -> Any:
        if not isinstance(many, QuerySet):
            return super().narrow(many, caller)
        found = Q()
        for column in self.columns:
            found |= Q(**{column: caller.account})
        return many.filter(found)

    def shows(self, one: Any, caller: Caller) -> bool:
        return any(getattr(one, f"{column}_id") == caller.account for column in self.columns)


class Named(Sight):
    """The address names the account: another one is not there."""

    says = "the account itself"

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter

    def admit(self, view: Any, caller: Caller) -> None:
        _require_own()(view.tenant, view.kwargs[self.parameter], caller.account)

    def shows(self, one: Any, caller: Caller) -> bool:
        return True


class Concerned(Sight):
    """Events that concern the account (`documents.concerns`)."""

    says = "what concerns it"

    def shows(self, one: Event, caller: Caller) -> bool:
        account = caller.account_ref
        return account is not None and documents.concerns(documents.read([one.pk], look)[one.pk][0], account)


@lru_cache(maxsize=1)
def _require_own() -> Callable[[int, str, UUID | None], None]:
    """Accounts are rows of an app above this layer, so who knows them is named in the settings."""
    found: Callable[[int, str, UUID | None], None] = import_string(settings.API_ACCOUNTS)
    return found


def lets_in(view: Any) -> bool:
    """Whether a view is open to the keys of one account."""
    return isinstance(getattr(view, "for_account_keys", None), Sight)


def require_open(view: Any, principal: Principal) -> None:
    """Refuses: Forbidden."""
    if principal.account is not None and not lets_in(view):
        raise Forbidden(reason="this is the tenant's to read; an account's own key sees that account alone")


def require_light_open(view: Any, request: HttpRequest) -> None:
    """The same before a view of the short way reads; who is nobody is told so by the view. Refuses: Forbidden."""
    principal = authenticate(request)
    if principal is not None:
        require_open(view, principal)
