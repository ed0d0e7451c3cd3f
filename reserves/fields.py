"""Argument types about reserves, for commands to annotate with."""

from typing import Annotated, Any
from uuid import UUID

from ledger_project.kernel.fields import (
    AmountField,
    ChoiceField,
    IdField,
    RecordField,
    RefField,
    TextField,
    WholeNumberField,
)

ASSET_TYPES = ("fiat", "stablecoin", "compute_credit", "crypto", "commodity", "security", "receivable", "other")
ALL_BPS = 10_000  # basis points: the whole

ReserveAssetRef = Annotated[str, RefField(kind="reserve_asset")]
ReserveAssetName = Annotated[str, RefField(kind="reserve_asset")]
AssetType = Annotated[str, ChoiceField(ASSET_TYPES)]
UnitName = Annotated[str, TextField(maximum=64)]
HaircutBps = Annotated[int, WholeNumberField(0, ALL_BPS)]
MaxAge = Annotated[int, WholeNumberField(1, 366 * 24 * 3600)]
Price = Annotated[
    dict[str, Any], RecordField(fields={"num": AmountField(minimum=0), "den": AmountField()}, optional={})
]
Sha256 = Annotated[str, TextField(maximum=64, minimum=64, pattern="[0-9a-f]{64}")]
AttestationId = Annotated[UUID, IdField("att", "attestation")]
CheckpointNumber = Annotated[int, WholeNumberField(1, 2**53 - 1)]
DocumentText = Annotated[str, TextField(maximum=16 * 1024 * 1024)]
