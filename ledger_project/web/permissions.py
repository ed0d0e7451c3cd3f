"""What a key may do: its scopes.

A scope is a command's permission (`journal.transfer`), all commands of an app (`journal.*`), `read` for every GET, or
`*` for everything. Two are of addresses that are no command: `x402.pay` authorises payments from the key's own account
and from no other, `x402.settle` takes them.
"""

from collections.abc import Collection
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ledger_project.kernel.errors import Forbidden
from ledger_project.web.authentication import Principal
from ledger_project.web.errors import NotAuthenticated

READ = "read"
EVERYTHING = "*"
X402_PAY, X402_SETTLE = "x402.pay", "x402.settle"
NO_COMMANDS = frozenset({READ, EVERYTHING, X402_PAY, X402_SETTLE, "x402.*"})


def covers(scopes: Collection[str], wanted: str) -> bool:
    """Whether scopes allow a permission, or include another scope."""
    return wanted in scopes or EVERYTHING in scopes or f"{wanted.partition('.')[0]}.*" in scopes


def require(principal: Principal, permission: str) -> None:
    """Refuses: Forbidden."""
    if not covers(principal.scopes, permission):
        raise Forbidden(scope=permission)


class HasScope(BasePermission):
    """For DRF's views: `read`, or what the view names as its `scope`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Principal):
            raise NotAuthenticated()
        require(request.user, getattr(view, "scope", READ))
        return True
