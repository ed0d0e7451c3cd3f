"""The second factor of staff: a one-time password of an app (TOTP), or a backup code.

With `STAFF_SECOND_FACTOR` nobody is in the back office before this session has shown one. Who has none yet sets it up
after their first password; the backup codes are shown then, once.
"""

import logging
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django_otp import login as remember
from django_otp import match_token
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.widgets import BASE_INPUT_CLASSES

from ledger_project.web.backoffice.logins import address_of

BACKUP_CODES = 10
NAME = "authenticator"

log = logging.getLogger(__name__)


class CodeForm(forms.Form):
    """Six digits of the app, or one of the backup codes."""

    code = forms.CharField(
        max_length=16,
        widget=forms.TextInput(
            {
                "class": " ".join(BASE_INPUT_CLASSES),
                "autocomplete": "one-time-code",
                "autofocus": "",
                "spellcheck": "false",
                "autocapitalize": "off",
            }
        ),
    )

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).replace(" ", "").lower()


def missing(request: HttpRequest) -> bool:
    """Whether this session has yet to show its second factor."""
    return settings.STAFF_SECOND_FACTOR and not request.user.is_verified()  # type: ignore[union-attr]


def second_factor(request: HttpRequest, context: dict[str, Any], onward: str) -> HttpResponse:
    """The page: asks for a code, or sets the factor up; then goes on to `onward`."""
    device = TOTPDevice.objects.filter(user=request.user, name=NAME, confirmed=True).first()
    if device is not None:
        return _ask(request, context, onward)
    return _set_up(request, context, onward)


def _ask(request: HttpRequest, context: dict[str, Any], onward: str) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if form.is_valid():
        used = match_token(request.user, form.cleaned_data["code"])
        if used is not None:
            if isinstance(used, StaticDevice):
                left = used.token_set.count()
                _tell(request, f"Logged in with a backup code; {left} are left.")
            return _let_in(request, used, onward)
        log.warning("wrong second factor of %r from %s", request.user.get_username(), address_of(request))
        form.add_error("code", "This code is not right, or was used before. After a wrong one, wait a little.")
    return TemplateResponse(request, "admin/second_factor.html", {**context, "form": form, "title": "Second factor"})


def _set_up(request: HttpRequest, context: dict[str, Any], onward: str) -> HttpResponse:
    form = CodeForm(request.POST or None)
    with transaction.atomic():
        user = User.objects.select_for_update().get(username=request.user.get_username())  # two tabs are one set-up
        device, _ = TOTPDevice.objects.get_or_create(user=user, name=NAME, defaults={"confirmed": False})
        if not device.confirmed and form.is_valid():
            if device.verify_token(form.cleaned_data["code"]):
                device.confirmed = True
                device.save(update_fields=["confirmed"])
                codes = _new_codes(user)
                _tell(request, "Second factor set up.")
                _let_in(request, device, onward)
                shown = {**context, "codes": codes, "onward": onward, "title": "Backup codes"}
                return TemplateResponse(request, "admin/second_factor.html", shown)
            form.add_error("code", "This code is not right. Is the clock of your device?")
    if device.confirmed:
        return HttpResponseRedirect(request.get_full_path())
    shown = {**context, "form": form, "title": "Set up the second factor", "qr": _qr(device), "secret": _secret(device)}
    return TemplateResponse(request, "admin/second_factor.html", shown)


def _let_in(request: HttpRequest, device: Any, onward: str) -> HttpResponse:
    request.session.cycle_key()
    remember(request, device)
    log.info("second factor of %r from %s", request.user.get_username(), address_of(request))
    return HttpResponseRedirect(onward)


def _new_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="backup codes")
    codes = [StaticToken.random_token() for _ in range(BACKUP_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def reset(user: User) -> bool:
    """Take a person's second factor away, so that they set up another; whether there was one."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        removed, _ = TOTPDevice.objects.filter(user=user).delete()
    return removed > 0


def onward_of(request: HttpRequest, fallback: str) -> str:
    """Where the person wanted to go, if that is a place of ours."""
    wanted = request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else fallback


def _tell(request: HttpRequest, message: str) -> None:
    person = User.objects.get(username=request.user.get_username())
    LogEntry.objects.log_actions(person.pk, [person], CHANGE, message, single_object=True)


def _qr(device: TOTPDevice) -> str:
    """The QR code as an SVG of black on white, which cameras read in dark themes, too."""
    code = segno.make(device.config_url, error="m")
    return mark_safe(code.svg_inline(border=4, light="#fff", omitsize=True, title="QR code"))  # noqa: S308


def _secret(device: TOTPDevice) -> str:
    """What the QR code holds, for typing: base32 in groups of four."""
    secret = device.config_url.partition("secret=")[2].partition("&")[0]
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
