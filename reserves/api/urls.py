"""The addresses of reserves and attestations."""

from django.urls import path

from ledger_project.web.api.commands import path_of
from reserves.api import public
from reserves.api.serializers import AttestationSerializer
from reserves.api.views import AttestationList, IssueAttestation, ReserveAssetList, ReserveSnapshotList

ASSET = {"reserve_asset": "ReserveAsset"}
SNAPSHOT = {"reserve_snapshot": "ReserveSnapshot"}

urlpatterns = [
    path_of("v1/reserves/assets", get=ReserveAssetList, post="register_reserve_asset", makes=ASSET),
    path_of("v1/reserves/assets/<str:asset>", patch="update_reserve_asset", makes=ASSET),
    path_of("v1/reserves/snapshots", get=ReserveSnapshotList, post="record_reserve_snapshot", makes=SNAPSHOT),
    path_of(
        "v1/attestations",
        get=AttestationList,
        view=IssueAttestation,
        post="issue_attestation",
        makes={"attestation": AttestationSerializer},
    ),
    path("v1/attestations/<str:attestation>/export", public.AttestationExport.as_view()),
    path("attestation/reserve", public.latest),
    path("attestation/reserve/history", public.history),
    path("attestation/reserve/proof/<str:account>", public.LiabilityProof.as_view()),
    path("attestation/reserve/<str:attestation>", public.one),
]
