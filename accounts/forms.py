"""What the back office asks before it runs a command about accounts, currencies and keys."""

from typing import Any

from django import forms

from accounts.commands.keys import known_scopes
from accounts.credentials import NewKey
from accounts.models import Account
from ledger_project.kernel.money import MAX_SCALE
from ledger_project.web.backoffice.operations import OperationForm

DAY = 24 * 3600


class CurrencyForm(OperationForm):
    code = forms.CharField(max_length=32, help_text="For instance USD or CRD; it never changes.")
    scale = forms.IntegerField(
        min_value=0,
        max_value=MAX_SCALE,
        label="Decimals",
        help_text="2 for cents, 18 for most tokens, 0 for whole credits; it never changes.",
    )
    name = forms.CharField(max_length=255, required=False)


class AccountForm(OperationForm):
    name = forms.CharField(max_length=255, help_text="A DID, an address, platform:fees …")
    currency = forms.ChoiceField()
    type = forms.ChoiceField(choices=Account.Type.choices, initial=Account.Type.LIABILITY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = self.row.currencies.order_by("code").values_list("code", flat=True)[:1000]
        self.fields["currency"] = forms.ChoiceField(choices=[(code, code) for code in codes])
        self.order_fields(["name", "currency", "type"])


class RevokeKeyForm(OperationForm):
    descendants = forms.BooleanField(
        required=False,
        label="Mark the keys that come from it as revoked, too",
        help_text="They stop working either way.",
    )

    def arguments(self) -> dict[str, Any]:
        return {"descendants": True} if self.cleaned_data["descendants"] else {}


class KeyForm(OperationForm):
    name = forms.CharField(max_length=255, help_text="Which program will use it.")
    scopes = forms.CharField(
        max_length=2000,
        initial="read",
        help_text="Separated by spaces: read, an app's commands (journal.*), one command (journal.transfer), or *.",
    )
    expires_in = forms.IntegerField(
        min_value=1, max_value=3660, required=False, label="Days to live", help_text="Empty: until it is revoked."
    )
    account = forms.CharField(max_length=255, required=False, help_text="Whose key it is, if it is one account's.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.new_key = NewKey.make()

    def clean_scopes(self) -> list[str]:
        scopes: list[str] = self.cleaned_data["scopes"].replace(",", " ").split()
        unknown = [scope for scope in scopes if scope not in known_scopes()]
        if unknown:
            raise forms.ValidationError("Unknown: %(scopes)s", params={"scopes": ", ".join(unknown)})
        return scopes

    def clean_expires_in(self) -> int | None:
        days: int | None = self.cleaned_data["expires_in"]
        return days * DAY if days else None

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | {"prefix": self.new_key.prefix, "digest": self.new_key.digest}
