"""The two ways to read: many, and one."""

from typing import Any, ClassVar

from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ledger_project.kernel.errors import Refusal
from ledger_project.web.authentication import caller
from ledger_project.web.filters import require_known


class ListView(ListAPIView[Any]):
    """GET of many, filtered and in pages. `refuses` are the view's own refusals, for its description."""

    refuses: ClassVar[tuple[type[Refusal], ...]] = ()
    http_method_names = ["get", "head"]

    @property
    def tenant(self) -> int:
        return caller(self.request).tenant


class DetailView(RetrieveAPIView[Any]):
    """GET of one; `get_object` finds it or refuses, as `refuses` describes."""

    refuses: ClassVar[tuple[type[Refusal], ...]] = ()
    http_method_names = ["get", "head"]
    pagination_class = None
    filter_backends = ()

    @property
    def tenant(self) -> int:
        return caller(self.request).tenant

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        require_known(request, ())
        return Response(self.get_serializer(self.get_object()).data)
