"""What the back office asks before it runs a command about reserves."""

from datetime import UTC
from typing import Any

from django import forms

from ledger_project.kernel import clock
from ledger_project.web.backoffice.operations import OperationForm
from reserves.fields import ALL_BPS, ASSET_TYPES
from reserves.presets import MAX_AGE_SECONDS

UNITS = r"[0-9]{1,38}"
HAIRCUT = "The part that is not counted, in hundredths of a percent: 10000 counts nothing."
MAX_AGE = "In seconds. An older snapshot counts for nothing."
SOURCE = 'As in docs/attestation.md, for instance {"kind": "fal"}. Empty: snapshots are recorded by hand.'
MOST_SECONDS = 366 * 24 * 3600


class CountedForm(OperationForm):
    """How an asset is counted, held and read from."""

    provider = forms.CharField(max_length=255, help_text="Who owes or issues it.")
    custody = forms.CharField(max_length=1000, required=False, help_text="Who holds it, where, under whose name.")
    haircut_bps = forms.IntegerField(
        min_value=0, max_value=ALL_BPS, initial=ALL_BPS, label="Haircut", help_text=HAIRCUT
    )
    max_age_seconds = forms.IntegerField(
        min_value=1, max_value=MOST_SECONDS, initial=MAX_AGE_SECONDS, label="Age limit", help_text=MAX_AGE
    )
    is_eligible = forms.BooleanField(required=False, label="Eligible: it may be counted")
    source = forms.JSONField(required=False, help_text=SOURCE, widget=forms.Textarea(attrs={"rows": 3}))


class UpdateAssetForm(CountedForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("provider", "custody", "haircut_bps", "max_age_seconds", "is_eligible"):
            self.fields[name].initial = getattr(self.row, name)
        self.fields["source"].initial = self.row.source or None

    def arguments(self) -> dict[str, Any]:
        """All of it: an emptied field is meant so."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "token"}
        return given | {"source": given["source"] or {"kind": "manual"}}


class RegisterAssetForm(CountedForm):
    name = forms.CharField(max_length=255, help_text="For instance bank:main; it never changes.")
    currency = forms.ChoiceField(help_text="What it stands behind. Each asset backs one currency.")
    asset_type = forms.ChoiceField(choices=[(kind, kind.replace("_", " ")) for kind in ASSET_TYPES])
    unit = forms.CharField(
        max_length=64,
        help_text="What its snapshots count: the currency's code, for its minor units, or another unit, with a price.",
    )
    field_order = ("name", "currency", "asset_type", "provider", "unit")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = self.row.currencies.order_by("code").values_list("code", flat=True)[:1000]
        asked = self.fields["currency"]
        if isinstance(asked, forms.ChoiceField):
            asked.choices = [(code, code) for code in codes]


class SnapshotForm(OperationForm):
    """How many units there are, and what one is worth where the unit is not the currency."""

    amount = forms.RegexField(UNITS, strip=True, help_text="Whole units, digits alone.")
    taken_at = forms.DateTimeField(initial=clock.now, label="As of", help_text="In UTC; not in the future.")
    provenance = forms.CharField(max_length=1000, help_text="Who says so: a statement and its number, a report …")
    evidence_hash = forms.RegexField(
        r"[0-9a-f]{64}",
        required=False,
        label="SHA-256 of the evidence",
        help_text="64 hex digits, of the file that you keep.",
    )
    price_num = forms.RegexField(UNITS, label="Price: minor units", help_text="So many minor units of the currency …")
    price_den = forms.RegexField(UNITS, label="Price: for units", initial="1", help_text="… for so many units.")
    price_provenance = forms.CharField(max_length=1000, label="Price: source", help_text="Who says so.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].label = f"Amount in {self.row.unit}"
        self.priced = self.row.unit != self.row.currency
        for name in () if self.priced else ("price_num", "price_den", "price_provenance"):
            del self.fields[name]

    def arguments(self) -> dict[str, Any]:
        given = super().arguments()
        price = {name: given.pop(f"price_{name}") for name in ("num", "den", "provenance") if self.priced}
        taken_at = clock.stamp(given["taken_at"].astimezone(UTC))
        return given | {"taken_at": taken_at} | ({"price": price} if price else {})
