"""What staff do in the back office: run a command on a row, or on some rows of a list.

Every operation goes through one page that says what will happen and asks why, and ends in commands like any other
caller's: the caller is the person, and the form's one-time token is the idempotency key, so a double click or a
reload posts once.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from ledger_project.kernel import money
from ledger_project.kernel.errors import Refusal
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, Result, execute, execute_one, system_key
from ledger_project.web.backoffice.html import Section

ROWS_AT_ONCE = 100  # of one bulk operation: what a person can have looked at

log = logging.getLogger(__name__)


class OperationForm(forms.Form):
    """What an operation asks. `row` is the row that it is about, None where there are several."""

    token = forms.CharField(widget=forms.HiddenInput, initial=lambda: secrets.token_hex(16), max_length=64)

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row

    def arguments(self) -> dict[str, Any]:
        """The command's arguments besides the row's own."""
        return {name: value for name, value in self.cleaned_data.items() if name != "token" and value not in ("", None)}


class ReasonForm(OperationForm):
    """Why: kept in the event for whoever asks later."""

    reason = forms.CharField(max_length=500, help_text="Kept in the log with your name.")


class AmountField(forms.CharField):
    """An amount in the row's currency as a plain decimal number; its value is in minor units."""

    default_error_messages = {
        "form": "Write a plain number such as 1234.50, without thousands separators, with at most {scale} decimals.",
        "zero": "The amount must be above zero.",
        "digits": "The amount has more than 38 digits.",
    }

    scale = 0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=80, **kwargs)

    def of(self, scale: int, currency: str) -> None:
        """Set the currency that is asked for."""
        self.scale = scale
        self.help_text = f"In {currency}" + (f", at most {scale} decimals." if scale else ", whole units.")
        self.widget.attrs["inputmode"] = "decimal"

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        minor = money.from_decimal(text.strip(), self.scale)
        if minor is None:
            raise ValidationError(self.error_messages["form"].format(scale=self.scale), code="form")
        if minor == 0:
            raise ValidationError(self.error_messages["zero"], code="zero")
        if minor >= money.LIMIT:
            raise ValidationError(self.error_messages["digits"], code="digits")
        return minor


class AmountForm(OperationForm):
    """How much, in the currency of the row, and why."""

    amount = AmountField()
    reason = forms.CharField(max_length=500, help_text="Kept in the log with your name.")
    field_order = ["to_account", "amount", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = self.fields["amount"]
        if isinstance(asked, AmountField) and self.row is not None:
            asked.of(self.row.scale, self.row.currency)


@dataclass(frozen=True)
class Operation:
    """A command that staff may run. `subject` is its argument that names the row; None where the row is the tenant."""

    command: str
    label: str  # on the button: "Freeze"
    done: str  # in the message: "frozen"
    warning: str  # on the page: what will happen
    subject: str | None = None
    form: type[OperationForm] = ReasonForm
    bulk: bool = False
    danger: bool = False
    offered: Callable[[Any], bool] = lambda row: True
    # Shows what the command would do before it is done; such operations are confirmed in a second step.
    preview: Callable[[Done], Sequence[Section]] | None = None
    # What is shown once when it is done, and never again: the secret of a new key.
    reveal: Callable[[Any], str] | None = None

    @property
    def permission(self) -> str:
        return COMMANDS[self.command].permission

    def call(self, row: Model, public_id: str, form: OperationForm, *, caller: Caller) -> Call:
        """The call for one row. Refuses what the command's own fields refuse."""
        token = form.cleaned_data["token"]
        subject = {self.subject: public_id} if self.subject else {}
        tenant = row.pk if self.subject is None else row.tenant_id  # type: ignore[attr-defined]
        key = system_key("staff", token, public_id)
        return Call.of(tenant, caller, key, COMMANDS[self.command], {**subject, **form.arguments()})

    def run(self, row: Model, public_id: str, form: OperationForm, *, caller: Caller) -> Done:
        """Do it. Commands that have a door of their own go through it instead."""
        return execute_one(self.call(row, public_id, form, caller=caller))

    def rehearse(self, call: Call) -> Sequence[Section]:
        """What the call would do. Refuses what the call would be refused."""
        return self.preview(execute_one(call, dry_run=True)) if self.preview else ()


@dataclass
class Outcome:
    """What became of the calls of one bulk operation."""

    done: int = 0
    replayed: int = 0
    failed: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        match result:
            case Done(replayed=replayed):
                self.done += 1
                self.replayed += replayed
            case Refusal(code=code):
                self.refused[code] += 1
            case bug:
                self.failed += 1
                log.error("a back office operation failed", exc_info=bug)

    def message(self, word: str) -> str:
        """ "7 frozen, 2 refused: account_closed"."""
        parts = [f"{self.done} {word}"]
        if self.replayed:
            parts[0] += f" ({self.replayed} of them by an earlier sending of this form)"
        if self.refused:
            codes = [code if len(self.refused) == 1 else f"{code} ({n})" for code, n in self.refused.most_common()]
            parts.append(f"{self.refused.total()} refused: {', '.join(codes)}")
        if self.failed:
            parts.append(f"{self.failed} failed: internal_error")
        return ", ".join(parts)


def carry_out(
    operation: Operation, rows: Sequence[tuple[Model, str]], form: OperationForm, *, caller: Caller
) -> Outcome:
    """One command for each row (with its public id), each accepted or refused on its own."""
    outcome = Outcome()
    by_tenant: dict[int, list[Call]] = {}
    for row, public_id in rows:
        try:
            call = operation.call(row, public_id, form, caller=caller)
        except Refusal as refusal:
            outcome.add(refusal)
        else:
            by_tenant.setdefault(call.tenant, []).append(call)
    for calls in by_tenant.values():
        for result in _results(calls):
            outcome.add(result)
    return outcome


def _results(calls: list[Call]) -> Sequence[Result]:
    """One result for each call; where the rows were locked for too long, that is each one's."""
    try:
        return execute(calls)
    except Refusal as refusal:
        return [refusal] * len(calls)


def explain(refusal: Refusal) -> str:
    """A refusal in words, with its facts."""
    facts = ", ".join(f"{name} {fact}" for name, fact in refusal.facts.items())
    return f"Refused: {refusal.code}. {refusal.message()}" + (f" ({facts})" if facts else "")
