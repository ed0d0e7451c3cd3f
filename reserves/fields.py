"""Argument types about reserves, for commands to annotate with."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from ledger_project.kernel.fields import (
    AmountField,
    ChoiceField,
    Field,
    IdField,
    MomentField,
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
Custody = Annotated[str, TextField(maximum=1000, minimum=0)]

_SHA256 = TextField(maximum=64, minimum=64, pattern="[0-9a-f]{64}")
_PRICE: Mapping[str, Field] = {
    "num": AmountField(minimum=0),
    "den": AmountField(),
    "provenance": TextField(maximum=1000),
    "taken_at": MomentField(),
    "evidence_hash": _SHA256,
}
Price = Annotated[dict[str, Any], RecordField(fields=_PRICE, optional={"taken_at": None, "evidence_hash": None})]
Sha256 = Annotated[str, _SHA256]

SOURCE_KINDS = ("manual", "feed", "gemini", "fal", "account")
_POINTER = TextField(maximum=300, pattern=r"(/([^~/]|~[01])*)+")
_URL = TextField(maximum=2000, pattern=r"https?://[!-~]+")
_DECIMALS = WholeNumberField(0, 30)
_SOURCE: Mapping[str, Field] = {
    "kind": ChoiceField(SOURCE_KINDS),
    "url": _URL,
    "amount": _POINTER,
    "decimals": _DECIMALS,
    "taken_at": _POINTER,
    "price_url": _URL,
    "price": _POINTER,
    "price_decimals": _DECIMALS,
    "account": TextField(),
}
Source = Annotated[
    dict[str, Any], RecordField(fields=_SOURCE, optional=dict.fromkeys(name for name in _SOURCE if name != "kind"))
]
AttestationId = Annotated[UUID, IdField("att", "attestation")]
CheckpointNumber = Annotated[int, WholeNumberField(1, 2**53 - 1)]
DocumentText = Annotated[str, TextField(maximum=16 * 1024 * 1024)]
