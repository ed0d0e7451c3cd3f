"""What a key may reach over HTTP: its scopes (log/caller.py), and how far the key of one account sees.

Two scopes are of addresses that are no command: `x402.pay` authorises payments from the key's own account and from no
other, shows them and what the account has; `x402.settle` claims and takes them.
"""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ledger_project.log.caller import EVERYTHING
from ledger_project.web.api.authentication import Principal
from ledger_project.web.api.errors import NotAuthenticated
from ledger_project.web.api.sight import require_open

READ = "read"
X402_PAY, X402_SETTLE = "x402.pay", "x402.settle"
NO_COMMANDS = frozenset({READ, EVERYTHING, X402_PAY, X402_SETTLE, "x402.*"})


class HasScope(BasePermission):
    """For DRF's views: `read`, or what the view names as its `scope`.

    With `account_scopes` a view names others, each of which lets the key of one account in as well.

    A view says with `for_account_keys` what it shows the key of one account (sight.py); into a view that does not say
    it, such keys are not let.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Principal):
            raise NotAuthenticated()
        others = getattr(view, "account_scopes", ()) if request.user.account is not None else ()
        if not any(map(request.user.caller.may, others)):
            request.user.caller.require(getattr(view, "scope", READ))
        require_open(view, request.user)
        return True
