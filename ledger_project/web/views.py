"""The two ways to read: many, and one."""

from typing import Any, ClassVar

from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ledger_project.kernel.errors import Refusal
from ledger_project.web.authentication import caller
from ledger_project.web.filters import require_known


class Reading(GenericAPIView[Any]):
    """What both have in common. `refuses` are the view's own refusals, for its description."""

    refuses: ClassVar[tuple[type[Refusal], ...]] = ()
    http_method_names = ["get", "head"]

    @property
    def tenant(self) -> int:
        return caller(self.request).tenant

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Nobody keeps balances for later: what is read now may be spent in a moment."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class ListView(Reading, ListAPIView[Any]):
    """GET of many, filtered and in pages."""


class DetailView(Reading, RetrieveAPIView[Any]):
    """GET of one; `get_object` finds it or refuses."""

    pagination_class = None
    filter_backends = ()
    parameters: ClassVar[tuple[str, ...]] = ()  # of the query

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        require_known(request, self.parameters)
        return Response(self.get_serializer(self.get_object()).data)
