"""Attestations for anybody, without a key; and for each holder the proof that they are counted, with theirs."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import MinorUnits
from accounts.errors import AccountNotFound
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log.fields import IndexField
from ledger_project.web.api.filters import require_known
from ledger_project.web.api.sight import Named
from ledger_project.web.pages.proofs import HEX, JsonLines, ProofView
from ledger_project.web.pages.public import HTML, address, for_everybody
from reserves import exporting, queries
from reserves.api import pages
from reserves.errors import AccountNotCounted, AttestationNotFound
from reserves.models import Attestation

SEQUENCE = IndexField()
JSON, JOSE = "application/json", "application/jose"
FORMATS = {"json": JSON, "jws": JOSE, "html": HTML}
LATEST_SECONDS, FOREVER_SECONDS = 60, 365 * 24 * 3600


@for_everybody(seconds=LATEST_SECONDS, also=(JSON, JOSE))
def latest(request: HttpRequest) -> HttpResponse:
    """The newest attestation: to browsers as a page, else its canonical JSON as it was signed, or the JWS."""
    kind = _kind(request, JSON, JOSE)
    currency = request.GET.get("currency")
    if kind == HTML:
        return pages.latest(address(request), currency)
    return _show(queries.latest(currency), kind)


@for_everybody(seconds=LATEST_SECONDS, also=(JSON, JOSE))
def one(request: HttpRequest, attestation: str) -> HttpResponse:
    """An attestation by its id; it never changes, and only the page about it can."""
    kind = _kind(request, JSON, JOSE)
    issued = queries.attestation(attestation)
    if kind == HTML:
        return pages.one(address(request), issued)
    response = _show(issued, kind)
    response.headers["Cache-Control"] = f"public, max-age={FOREVER_SECONDS}, immutable"
    return response


@for_everybody(seconds=LATEST_SECONDS, also=(JSON,))
def history(request: HttpRequest) -> HttpResponse:
    """The attestations of a currency in short, newest first."""
    kind = _kind(request, JSON)
    given = request.GET.get("before")
    before = None if given is None else SEQUENCE.parse(given, "before")
    return pages.history(request.GET.get("currency"), before, as_page=kind == HTML)


def _show(issued: Attestation, kind: str) -> HttpResponse:
    body = issued.jws if kind == JOSE else issued.document
    response = HttpResponse(body.encode(), content_type=kind)
    response.headers["ETag"] = f'"{bytes(issued.document_hash).hex()}{".jws" if kind == JOSE else ""}"'
    signed, keys = f"/attestation/reserve/{issued}?format=jws", "/.well-known/jwks.json"
    response.headers["Link"] = f'<{signed}>; rel="alternate"; type="{JOSE}", <{keys}>; rel="jwks"'
    return response


def _kind(request: HttpRequest, *kinds: str) -> str:
    """What to answer with, as `?format=` or Accept asks; JSON to whom it is all one. Refuses: InvalidRequest."""
    names = {name: kind for name, kind in FORMATS.items() if kind in (*kinds, HTML)}
    asked = request.GET.get("format")
    if asked is None:
        return request.get_preferred_type([*kinds, HTML]) or JSON
    if asked not in names:
        raise InvalidRequest(field="format", reason=f"not one of {', '.join(names)}")
    return names[asked]


NODE = inline_serializer("SumTreeNode", {"digest": serializers.CharField(help_text=HEX), "total": MinorUnits()})
PROOF = inline_serializer(
    "LiabilityProof",
    {
        "version": serializers.IntegerField(),
        "attestation": serializers.CharField(),
        "document_hash": serializers.CharField(help_text=HEX),
        "currency": serializers.CharField(),
        "account": serializers.CharField(),
        "balance": MinorUnits(help_text="What the attestation counts as owed to the account."),
        "salt": serializers.CharField(help_text="32 bytes in hex; keep it to yourself."),
        "leaf_index": serializers.IntegerField(),
        "leaf_count": serializers.IntegerField(),
        "path": serializers.ListField(child=NODE, help_text="From the leaf upwards."),
    },
)


class LiabilityProof(ProofView):
    """The proof that an attestation counts what an account is owed: check it with `ledger-verify attestation`."""

    for_account_keys = Named("account")
    refuses = (AttestationNotFound, AccountNotFound, AccountNotCounted)

    @extend_schema(
        responses=PROOF,
        operation_id="liability_proof",
        parameters=[OpenApiParameter("attestation", OpenApiTypes.STR, description="An attestation's id; the newest.")],
    )
    def get(self, request: Request, account: str) -> Response:
        require_known(request, ("attestation",))
        ref = request.query_params.get("attestation")
        issued = None if ref is None else queries.attestation(ref)
        shown = queries.proof(self.tenant, account, issued)
        return Response(shown, headers={"Cache-Control": "no-store"})


class AttestationExport(ProofView):
    """All rows that an attestation follows from, as JSON Lines: whoever has them makes the same bytes again."""

    refuses = (AttestationNotFound,)
    renderer_classes = (JsonLines, JSONRenderer)

    @extend_schema(
        operation_id="export_attestation",
        responses={
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR, "head, assets, snapshots, what is owed."),
        },
    )
    def get(self, request: Request, attestation: str) -> StreamingHttpResponse:
        require_known(request, ())
        issued = queries.attestation(attestation)
        if issued.tenant_id != self.tenant:
            raise AttestationNotFound(attestation=attestation[:300])
        reply = StreamingHttpResponse(exporting.lines(issued), content_type="application/x-ndjson")
        reply.headers["Cache-Control"] = "no-store"
        reply.headers["Content-Disposition"] = f'attachment; filename="{issued}.jsonl"'
        return reply
