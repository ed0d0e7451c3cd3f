"""The books to take away, streamed."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from journal.exports.formats import FORMATS, chunks
from journal.exports.reading import Period
from ledger_project.kernel.errors import NotFound
from ledger_project.kernel.fields import MomentField
from ledger_project.web.api.filters import require_known
from ledger_project.web.pages.proofs import ProofView


class Text(BaseRenderer):
    """Lets `Accept` ask for an export as it is; it is streamed and never rendered."""

    media_type, format = "text/plain", "text"


class Csv(Text):
    media_type, format = "text/csv", "csv"


class JsonLines(Text):
    media_type, format = "application/x-ndjson", "jsonl"


RENDERERS = (Text, Csv, JsonLines)
NAMED = OpenApiParameter("export", OpenApiTypes.STR, OpenApiParameter.PATH, enum=[*FORMATS], description="The format.")
PERIOD = [
    OpenApiParameter("period", OpenApiTypes.STR, description="A year, a month or a day of effective time: `2026-10`."),
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="Effective at this time or later."),
    OpenApiParameter("to", OpenApiTypes.DATETIME, description="Effective before this time."),
]


class Export(ProofView):
    """Your books in the format of another tool, with their balances at the end for it to check.

    With a beginning, all that was before is one opening entry. `docs/exports.md` says how names are written.
    """

    renderer_classes = (*RENDERERS, JSONRenderer)

    @extend_schema(
        operation_id="export_books",
        parameters=[NAMED, *PERIOD],
        responses={
            (200, kind.media_type): OpenApiResponse(OpenApiTypes.STR, "The books, streamed.") for kind in RENDERERS
        },
    )
    def get(self, request: Request, export: str) -> StreamingHttpResponse:
        period = asked(request)
        if export not in FORMATS:
            raise NotFound(export=export[:300])
        made = FORMATS[export]
        return attachment(chunks(export, self.tenant, period), made.content_type, f"books.{made.ending}")


def asked(request: Request) -> Period:
    """The period that the query names. Refuses: UnknownField, InvalidRequest."""
    require_known(request, ("period", "from", "to"))
    query: Any = request.query_params
    times = {name: MomentField().parse(query[name], name) for name in ("from", "to") if name in query}
    return Period.asked(period=query.get("period"), since=times.get("from"), until=times.get("to"))


def attachment(pieces: Any, content_type: str, name: str) -> StreamingHttpResponse:
    reply = StreamingHttpResponse(pieces, content_type=content_type)
    reply.headers["Cache-Control"] = "no-store"
    reply.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply
