"""What the back office asks about statements of others."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from journal.external.fields import MAX_DAYS
from journal.external.formats import READERS
from journal.external.statement import MAX_SIZE
from ledger_project.kernel.money import MAX_DIGITS
from ledger_project.web.backoffice.operations import OperationForm, ReasonForm

TEXTS = ("date", "amount", "credit", "debit", "reference", "description")
ENCODINGS = (("utf-8", "UTF-8"), ("cp1252", "Windows-1252"), ("latin-1", "ISO 8859-1"))
DELIMITERS = ((",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar"))


class UploadForm(OperationForm):
    """A file, and how it spells its lines. The columns are those of CSV and JSON."""

    file = forms.FileField(max_length=255)
    format = forms.ChoiceField(choices=[(name, name) for name in READERS])
    encoding = forms.ChoiceField(choices=ENCODINGS, required=False, initial="utf-8")
    date = forms.CharField(max_length=100, required=False, initial="date", label="Column of the date")
    amount = forms.CharField(max_length=100, required=False, initial="amount", label="Column of the amount")
    credit = forms.CharField(
        max_length=100, required=False, label="Column of what came in", help_text="Instead of amount."
    )
    debit = forms.CharField(max_length=100, required=False, label="Column of what went out")
    reference = forms.CharField(max_length=100, required=False, initial="reference", label="Column of the reference")
    description = forms.CharField(
        max_length=100, required=False, initial="description", label="Column of the description"
    )
    date_order = forms.ChoiceField(choices=[(each, each) for each in ("YMD", "DMY", "MDY")], label="Order of dates")
    decimal = forms.ChoiceField(choices=[(".", "1234.50"), (",", "1234,50")], label="Decimals")
    delimiter = forms.ChoiceField(choices=DELIMITERS, label="Between columns")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > 4 * MAX_SIZE:
            raise ValidationError(f"At most {MAX_SIZE} characters.")
        return file

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if file := given.get("file"):
            try:
                given["content"] = file.read().decode(given.get("encoding") or "utf-8")
            except UnicodeDecodeError as error:
                self.add_error("file", f"Byte {error.start} is not {error.encoding}; choose the file's encoding.")
        return given

    def arguments(self) -> dict[str, Any]:
        given = self.cleaned_data
        mapping = {name: given[name] for name in (*TEXTS, "date_order", "decimal", "delimiter") if given[name]}
        name = given["file"].name
        return {"name": name, "format": given["format"], "content": given["content"], "mapping": mapping}


class SearchForm(OperationForm):
    tolerance = forms.CharField(max_length=MAX_DIGITS, initial="0", help_text="In minor units.")
    days = forms.IntegerField(min_value=0, max_value=MAX_DAYS, initial=3, help_text="Between a line and its entry.")


class ItemsForm(ReasonForm):
    """Lines by number and entries by id, and why."""

    lines = forms.CharField(max_length=5000, required=False, help_text="Numbers, for instance 3 17 18.")
    entries = forms.CharField(max_length=50_000, required=False, help_text="ent_…, one or more.")
    field_order = ["lines", "entries", "reason"]

    def clean_lines(self) -> list[int]:
        words = re.split(r"[\s,;]+", self.cleaned_data["lines"].strip())
        if any(word and not (word.isascii() and word.isdigit() and len(word) <= 7) for word in words):
            raise ValidationError("Write numbers of lines, with blanks between them.")
        return [int(word) for word in words if word]

    def clean_entries(self) -> list[str]:
        return [word for word in re.split(r"[\s,;]+", self.cleaned_data["entries"].strip()) if word]


class ProposalForm(ReasonForm):
    line = forms.IntegerField(min_value=1, required=False, help_text="The number of an open line.")
    entry = forms.CharField(max_length=36, required=False, help_text="Or an open entry, ent_….")
    counter_account = forms.CharField(max_length=255, help_text="A name or acc_…, of the same currency.")
    field_order = ["line", "entry", "counter_account", "reason"]


class ApprovalForm(OperationForm):
    reason = forms.CharField(max_length=500, required=False, help_text="Kept in the log with your name.")
