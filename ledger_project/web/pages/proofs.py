"""The sealed log for those who check it: receipts, proofs and exports for tenants, head and keys for anybody."""

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from ledger_project.kernel import clock, keys
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log import export, queries, receipts, signing
from ledger_project.log.errors import EventNotFound, EventNotSealed, LogEmpty
from ledger_project.log.fields import IndexField
from ledger_project.web.api.filters import require_known
from ledger_project.web.api.guarded import Guarded
from ledger_project.web.api.sight import Concerned, Everybodys
from ledger_project.web.pages.public import for_everybody

HEX = "SHA-256 in hex."
SIZE = IndexField()


def parameter(name: str, says: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.INT64, description=says, required=required)


class ProofView(Guarded):
    """A GET that answers from the sealed log."""

    http_method_names = ["get", "head"]

    def index(self, request: Request, name: str) -> int | None:
        """A place or size that the query gives. Refuses: InvalidRequest."""
        given = request.query_params.get(name)
        return None if given is None else SIZE.parse(given, name)

    def needed(self, request: Request, name: str) -> int:
        given = self.index(request, name)
        if given is None:
            raise InvalidRequest(field=name, reason="missing")
        return given


RECEIPT = inline_serializer(
    "Receipt",
    {
        "version": serializers.IntegerField(),
        "event": serializers.DictField(help_text="The event with its entry and postings, as it was hashed."),
        "content_hash": serializers.CharField(help_text=HEX),
        "log_index": serializers.IntegerField(),
        "inclusion_path": serializers.ListField(
            child=serializers.CharField(), help_text="From the leaf upwards (RFC 6962)."
        ),
        "checkpoint": serializers.CharField(help_text="The signed head of the log, a C2SP signed note."),
    },
)
CONSISTENCY = inline_serializer(
    "Consistency",
    {
        "old_size": serializers.IntegerField(),
        "new_size": serializers.IntegerField(),
        "path": serializers.ListField(child=serializers.CharField(help_text=HEX)),
    },
)
CHECKPOINT = inline_serializer(
    "Checkpoint",
    {
        "origin": serializers.CharField(),
        "size": serializers.IntegerField(),
        "root": serializers.CharField(help_text=HEX),
        "recorded_at": serializers.DateTimeField(),
        "checkpoint": serializers.CharField(help_text="The signed note; keep it."),
    },
)
LEAVES = inline_serializer(
    "Leaves",
    {
        "from": serializers.IntegerField(),
        "to": serializers.IntegerField(),
        "size": serializers.IntegerField(help_text="How many leaves the log has."),
        "leaf_hashes": serializers.ListField(child=serializers.CharField(help_text=HEX)),
    },
)


class Receipt(ProofView):
    """The proof that one of your events is in the log: check it with `ledger-verify receipt`, offline.

    It has the event as it was hashed, so all that it did to other accounts, too.
    """

    refuses = (EventNotFound, EventNotSealed)
    for_account_keys = Concerned()

    @extend_schema(responses=RECEIPT, operation_id="receipt")
    def get(self, request: Request, event: str) -> Response:
        require_known(request, ())
        found = queries.event(self.tenant, event)
        self.require_seen(found)
        return Response(receipts.receipt(found.pk))


class Checkpoint(ProofView):
    """The newest signed head of the log."""

    for_account_keys = Everybodys()
    refuses = (LogEmpty,)

    @extend_schema(responses=CHECKPOINT, operation_id="checkpoint")
    def get(self, request: Request) -> Response:
        require_known(request, ())
        head = receipts.head()
        return Response(
            {
                "origin": head.note.partition("\n")[0],
                "size": head.size,
                "root": bytes(head.root).hex(),
                "recorded_at": clock.stamp(head.recorded_at),
                "checkpoint": head.note,
            }
        )


class Consistency(ProofView):
    """The proof that the log of `to` leaves only added to the log of `from` leaves."""

    for_account_keys = Everybodys()
    refuses = (LogEmpty,)

    @extend_schema(
        responses=CONSISTENCY,
        operation_id="consistency",
        parameters=[
            parameter("from", "The size of the older checkpoint.", required=True),
            parameter("to", "The size of the newer one; all leaves if it is left out."),
        ],
    )
    def get(self, request: Request) -> Response:
        require_known(request, ("from", "to"))
        return Response(receipts.consistency(self.needed(request, "from"), self.index(request, "to")))


class Leaves(ProofView):
    """The leaf hashes of the log, yours and everybody's: no more than that is known of an event by its leaf."""

    refuses = (LogEmpty,)

    @extend_schema(
        responses=LEAVES,
        operation_id="leaves",
        parameters=[
            parameter("from", "The first index.", required=True),
            parameter("to", f"The index behind the last one; at most {receipts.MAX_LEAVES} beyond `from`."),
        ],
    )
    def get(self, request: Request) -> Response:
        require_known(request, ("from", "to"))
        return Response(receipts.leaves(self.needed(request, "from"), self.index(request, "to")))


class JsonLines(BaseRenderer):
    """Lets `Accept` ask for the export as it is; it is streamed and never rendered."""

    media_type = "application/x-ndjson"
    format = "jsonl"


class Export(ProofView):
    """Your whole log as JSON Lines: your events in full and the others' hashes, for `ledger-verify log`."""

    refuses = (LogEmpty,)
    renderer_classes = (JsonLines, JSONRenderer)

    @extend_schema(
        operation_id="export_log",
        responses={(200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, "One line for each leaf.")},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        require_known(request, ())
        lines = export.lines(receipts.head(), self.tenant)
        reply = StreamingHttpResponse(lines, content_type="application/x-ndjson")
        reply.headers["Cache-Control"] = "no-store"
        reply.headers["Content-Disposition"] = 'attachment; filename="log.jsonl"'
        return reply


@for_everybody(seconds=1)
def public_checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed note as it is."""
    return HttpResponse(receipts.head().note.encode(), content_type="text/plain; charset=utf-8")


@for_everybody(seconds=300)
def jwks(request: HttpRequest) -> JsonResponse:
    """The keys that sign the log and those that did, with their dates."""
    return JsonResponse(keys.jwks(signing.published()), content_type="application/jwk-set+json")
