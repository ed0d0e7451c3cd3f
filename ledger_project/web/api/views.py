"""The two ways to read: many, and one."""

from typing import Any, ClassVar

from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ledger_project.web.api.filters import require_known
from ledger_project.web.api.guarded import Guarded


class Reading(Guarded, GenericAPIView[Any]):
    """What both have in common."""

    http_method_names = ["get", "head"]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Nobody keeps balances for later: what is read now may be spent in a moment."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class ListView(Reading, ListAPIView[Any]):
    """GET of many, filtered and in pages."""

    def paginate_queryset(self, queryset: Any) -> Any:
        """The page, of those that the caller may see."""
        return super().paginate_queryset(self.seen(queryset))


class DetailView(Reading, RetrieveAPIView[Any]):
    """GET of one; `get_object` finds it or refuses."""

    pagination_class = None
    filter_backends = ()
    parameters: ClassVar[tuple[str, ...]] = ()  # of the query

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        require_known(request, self.parameters)
        found = self.get_object()
        self.require_seen(found)
        return Response(self.get_serializer(found).data)
