"""The two ways to read: many, and one."""

from typing import Any

from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ledger_project.web.filters import require_known


class ListView(ListAPIView[Any]):
    """GET of many, filtered and in pages."""

    http_method_names = ["get", "head"]

    @property
    def tenant(self) -> int:
        return self.request.user.tenant


class DetailView(RetrieveAPIView[Any]):
    """GET of one; `get_object` finds it or refuses."""

    http_method_names = ["get", "head"]
    pagination_class = None
    filter_backends = ()

    @property
    def tenant(self) -> int:
        return self.request.user.tenant

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        require_known(request, ())
        return Response(self.get_serializer(self.get_object()).data)
