"""Attestations for anybody, without a key; and for each holder the proof that they are counted, with theirs."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import MinorUnits
from accounts.errors import AccountNotFound
from ledger_project.kernel.errors import Forbidden, InvalidRequest, Refusal
from ledger_project.web import problems
from ledger_project.web.authentication import caller
from ledger_project.web.filters import require_known
from ledger_project.web.proofs import HEX, JsonLines, ProofView
from reserves import exporting, queries
from reserves.errors import AccountNotCounted, AttestationNotFound
from reserves.models import Attestation

JSON, JOSE = "application/json", "application/jose"
FORMATS = {"json": JSON, "jws": JOSE}
LATEST_SECONDS, FOREVER_SECONDS = 60, 365 * 24 * 3600

View = Callable[..., HttpResponse]


def for_everybody(view: View) -> View:
    """A reading view that answers refusals as problems, and scripts of any origin."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        try:
            response = view(request, *args, **named)
        except Refusal as refusal:
            response = problems.respond(refusal)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "ETag, Link"
        return response

    return require_safe(answer)


@for_everybody
def latest(request: HttpRequest) -> HttpResponse:
    """The newest attestation: its canonical JSON as it was signed, or the JWS."""
    issued = queries.latest(request.GET.get("currency"))
    return _show(request, issued, f"public, max-age={LATEST_SECONDS}")


@for_everybody
def one(request: HttpRequest, attestation: str) -> HttpResponse:
    """An attestation by its id; it never changes."""
    return _show(request, queries.attestation(attestation), f"public, max-age={FOREVER_SECONDS}, immutable")


def _show(request: HttpRequest, issued: Attestation, cache: str) -> HttpResponse:
    kind = _kind(request)
    etag = f'"{bytes(issued.document_hash).hex()}{".jws" if kind == JOSE else ""}"'
    body = issued.jws if kind == JOSE else issued.document
    response = HttpResponse(body.encode(), content_type=kind)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = cache
    response.headers["Vary"] = "Accept"
    signed, keys = f"/attestation/reserve/{issued}?format=jws", "/.well-known/jwks.json"
    response.headers["Link"] = f'<{signed}>; rel="alternate"; type="{JOSE}", <{keys}>; rel="jwks"'
    return cast(HttpResponse, get_conditional_response(request, etag=etag, response=response))


def _kind(request: HttpRequest) -> str:
    """Refuses: InvalidRequest."""
    asked = request.GET.get("format")
    if asked is not None:
        if asked not in FORMATS:
            raise InvalidRequest(field="format", reason=f"not one of {', '.join(FORMATS)}")
        return FORMATS[asked]
    return JOSE if request.get_preferred_type([JSON, JOSE]) == JOSE else JSON


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

    refuses = (AttestationNotFound, AccountNotFound, AccountNotCounted)

    @extend_schema(
        responses=PROOF,
        operation_id="liability_proof",
        parameters=[OpenApiParameter("attestation", OpenApiTypes.STR, description="An attestation's id; the newest.")],
    )
    def get(self, request: Request, account: str) -> Response:
        require_known(request, ("attestation",))
        ref = request.query_params.get("attestation")
        principal = caller(request)
        issued = None if ref is None else queries.attestation(ref)
        shown = queries.proof(principal.tenant, account, issued, only=principal.account)
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
        principal = caller(request)
        if principal.account is not None:
            raise Forbidden(scope="a key of the whole tenant, as the salts of all accounts are shown")
        issued = queries.attestation(attestation)
        if issued.tenant_id != principal.tenant:
            raise AttestationNotFound(attestation=attestation[:300])
        reply = StreamingHttpResponse(exporting.lines(issued), content_type="application/x-ndjson")
        reply.headers["Cache-Control"] = "no-store"
        reply.headers["Content-Disposition"] = f'attachment; filename="{issued}.jsonl"'
        return reply
