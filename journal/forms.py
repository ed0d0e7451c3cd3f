"""What the back office asks before it moves money."""

from typing import Any

from django import forms

from ledger_project.web.backoffice.operations import AmountForm


class SupplyForm(AmountForm):
    """Mint and burn: how much, under which reference, and why."""

    reference = forms.CharField(max_length=255, required=False, help_text="For instance an invoice number.")

    def arguments(self) -> dict[str, Any]:
        given = super().arguments()
        return given | {"metadata": {"reason": given.pop("reason")}}


class TransferForm(AmountForm):
    to_account = forms.CharField(max_length=255, label="To account", help_text="A name or acc_…, of the same currency.")
    reference = forms.CharField(max_length=255, required=False, help_text="For instance an invoice number.")

    def arguments(self) -> dict[str, Any]:
        given = super().arguments()
        return given | {"description": given.pop("reason")}
