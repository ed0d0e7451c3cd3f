"""The ground of every view that reads: what it says of the keys of one account is kept here, and not by each view."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.views import APIView

from ledger_project.kernel.errors import Refusal
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.sight import Sight


class Guarded(APIView):
    """A view that keeps what it says of the keys of one account. `refuses` are its own refusals, the first of them for
    what is not there.
    """

    for_account_keys: ClassVar[Sight]
    refuses: ClassVar[tuple[type[Refusal], ...]] = ()

    @property
    def tenant(self) -> int:
        return caller(self.request).tenant

    @property
    def account(self) -> UUID | None:
        """The one account that may be shown; None where all may."""
        return caller(self.request).account

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.account is not None:
            self.for_account_keys.admit(self, caller(self.request).caller)

    def seen(self, many: Any) -> Any:
        """Those of many that the caller may see."""
        return many if self.account is None else self.for_account_keys.narrow(many, caller(self.request).caller)

    def require_seen(self, one: Any) -> None:
        """Refuses what the view refuses where there is no such thing."""
        if self.account is not None and not self.for_account_keys.shows(one, caller(self.request).caller):
            raise self.missing()

    def missing(self) -> Refusal:
        """What is said of a name in the address that leads to nothing."""
        return self.refuses[0](**{name: value[:300] for name, value in self.kwargs.items()})
