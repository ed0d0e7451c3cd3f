"""The audit archive to take away."""

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.models import Tenant
from journal.audit import archive
from journal.errors import CannotSignArchive
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log.errors import LogEmpty
from ledger_project.web.api.filters import require_known
from ledger_project.web.pages.proofs import ProofView


class Zip(BaseRenderer):
    """Lets `Accept` ask for the archive as it is; it is never rendered."""

    media_type, format = "application/zip", "zip"


PERIOD = OpenApiParameter(
    "period", OpenApiTypes.STR, required=True, description="A year, a month or a day of effective time: `2026-10`."
)


class AuditArchive(ProofView):
    """The books of a period for an auditor: your log with its proofs, the tables that follow from it, a signed
    manifest and the verifier, as a ZIP file whose `README.txt` says how to check it offline.
    """

    refuses = (LogEmpty, CannotSignArchive)
    renderer_classes = (Zip, JSONRenderer)

    @extend_schema(
        operation_id="audit_archive",
        parameters=[PERIOD],
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, "The archive.")},
    )
    def get(self, request: Request) -> FileResponse:
        require_known(request, ("period",))
        period = request.query_params.get("period")
        if period is None:
            raise InvalidRequest(field="period", reason="missing")
        return download(Tenant.objects.get(pk=self.tenant), period)


def download(tenant: Tenant, period: str) -> FileResponse:
    """The archive as a file. Refuses: InvalidRequest, LogEmpty, CannotSignArchive."""
    made = archive.make(tenant, period)
    name = archive.file_name(tenant, period)
    reply = FileResponse(made, content_type="application/zip", as_attachment=True, filename=name)
    reply.headers["Cache-Control"] = "no-store"
    return reply
