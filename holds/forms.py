"""What the back office asks before promised money moves."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from holds.models import Hold
from ledger_project.kernel.money import to_decimal
from ledger_project.web.backoffice.operations import AmountField, OperationForm, ReasonForm


class PartField(AmountField):
    """An amount that may be left out, or be nothing."""

    def __init__(self, *, zero: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.zero = zero

    def clean(self, value: Any) -> Any:
        text = str(value or "").strip()
        if not text and not self.required:
            return None
        if self.zero and text.strip("0") in {"", "."} and text:
            return 0
        return super().clean(value)

    def left_of(self, hold: Hold, says: str) -> None:
        """Ask in the hold's currency, and say how much is left."""
        account = hold.account
        self.of(account.scale, account.currency)
        self.help_text = says.format(f"{to_decimal(hold.remaining, account.scale)} {account.currency}")


class PartForm(OperationForm):
    """How much of what is left, and why. Several holds at once are meant whole."""

    amount = PartField(required=False)
    reason = forms.CharField(max_length=500, help_text="Kept in the log with your name.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.row is None:
            del self.fields["amount"]
            return
        asked = self.fields["amount"]
        if isinstance(asked, PartField):
            asked.left_of(self.row, "Of {}." if asked.required else "Empty: all of {}.")


class SlashForm(PartForm):
    amount = PartField()
    to_account = forms.CharField(
        max_length=255, required=False, label="To account", help_text="Empty: the platform's fee pool."
    )
    trial = forms.CharField(max_length=255, required=False, help_text="The trial that decided so.")
    field_order = ["amount", "to_account", "trial", "reason"]


class DecisionForm(ReasonForm):
    """The seller's share; the buyer gets the rest."""

    to_seller = PartField(zero=True, label="To the seller")
    field_order = ["to_seller", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = self.fields["to_seller"]
        if isinstance(asked, PartField) and self.row is not None:
            asked.left_of(self.row, "Of {}; the buyer gets the rest.")

    def clean_to_seller(self) -> int:
        share: int = self.cleaned_data["to_seller"]
        if share > self.row.remaining:
            raise ValidationError("That is more than the escrow has left.")
        return share

    def arguments(self) -> dict[str, Any]:
        given = super().arguments()
        return given | {"to_buyer": self.row.remaining - given["to_seller"]}


class PaidForm(ReasonForm):
    external_ref = forms.CharField(
        max_length=255, label="Paid under", help_text="The transaction's hash or the transfer's number; it counts once."
    )
    field_order = ["external_ref", "reason"]


class NotPaidForm(ReasonForm):
    not_paid = forms.BooleanField(
        required=False,
        label="It was sent for payment, and I have made sure that it was not and will not be paid",
    )
