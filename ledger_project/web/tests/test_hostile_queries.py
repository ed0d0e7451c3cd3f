"""No query string is a 500: every list of the API and of the back office, with what no reader means to ask.

Where a value meets code that others have met already, one of them stands for all, another one each time; `make fuzz`
sends each of them everywhere.
"""

import os
import re
import zlib
from collections.abc import Collection
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client

from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import boss

pytestmark = pytest.mark.slow

HOSTILE = {
    "NUL": "%00",
    "NUL within": "a%00b",
    "not UTF-8": "%ff%fe",
    "half a character": "%ed%a0%80",
    "no day": "2026-13-45",
    "year 0": "0000-00-00",
    "year 9999": "9999-12-31",
    "zero month": "2026-00",
    "endless digits": "9" * 400,
    "minus": "-1",
    "exponent": "1e999",
    "a digit that is no number": "%C2%B2",
    "quote": "'%22%5C",
    "list": "1&{name}=2",
    "brackets": "%5B%5D",
    "empty": "",
    "bidi": "%E2%80%AE",
}

SEGMENTS = ("alice", "%00", "evt_" + "0" * 32, "%ff")  # in the place of a name or an identifier
# A page of the back office takes ten times as long as an answer of the API.
OF_PAGES = ("NUL", "NUL within", "not UTF-8", "no day", "endless digits", "a digit that is no number", "list")
EVERYWHERE = "FUZZ_EXAMPLES" in os.environ


def some(values: Collection[str], *, at: str, known: bool) -> list[str]:
    """All of them, or one where they are `known`: always the same at one place."""
    if EVERYWHERE or not known:
        return [*values]
    return [[*values][zlib.crc32(at.encode()) % len(values)]]


@cache
def readings() -> list[tuple[str, tuple[str, ...]]]:
    """Every address that is read, with its parameters and some that it does not have."""
    paths = Client(SERVER_NAME="localhost").get("/openapi.json").json()["paths"]
    found = []
    for path, methods in paths.items():
        if "get" in methods and path != "/v1/events/stream":
            named = [each["name"] for each in methods["get"].get("parameters", []) if each.get("in") == "query"]
            found.append((path, (*named, "cursor", "limit", "nonsense")))
    return found


@pytest.fixture(scope="module")
def api() -> Api:
    ledger = Ledger()
    ledger.open("alice", funded=5)
    return Api(ledger)


@pytest.mark.parametrize(("path", "names"), readings(), ids=lambda given: given if isinstance(given, str) else "")
def test_no_reading_of_the_api_fails(api: Api, path: str, names: tuple[str, ...]) -> None:
    for segment in SEGMENTS:
        address = re.sub(r"{\w+}", segment, path)
        for name in names:
            for what in some(HOSTILE, at=f"{address}?{name}", known=segment != SEGMENTS[0]):
                value = HOSTILE[what]
                answer = api.get(f"{address}?{name}={value.replace('{name}', name)}")
                assert answer.status_code < 500, (address, name, what, answer.content[:300])
        if address == path:
            break


def changelists() -> list[Any]:
    return sorted(admin.site._registry.values(), key=lambda each: each.model._meta.label)


@pytest.fixture(scope="module")
def chief() -> Client:
    client = boss()
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("listed", changelists(), ids=lambda each: each.model._meta.label)
def test_no_list_of_the_back_office_fails(chief: Client, listed: Any) -> None:
    label = f"/admin/{listed.model._meta.app_label}/{listed.model._meta.model_name}/"
    names = {"q", "p", "o", "all", "nonsense", "pk", "id__exact", "pk__in", "tenant__slug"}
    for each in listed.get_list_filter(None):
        name = getattr(each, "parameter_name", None) or (each[0] if isinstance(each, tuple) else each)
        names |= {str(name), f"{name}_from", f"{name}_to", f"{name}__exact"}
    for name in sorted(names):
        for what in some(OF_PAGES, at=f"{label}?{name}", known=name != "q"):  # filters are of a few kinds
            value = HOSTILE[what]
            answer = chief.get(f"{label}?{name}={value.replace('{name}', name)}")
            assert answer.status_code < 500, (label, name, what)


def test_every_page_of_the_back_office_opens(chief: Client) -> None:
    """Lists, and the forms by which something is added, of every model that the back office shows."""
    shown = [each for each in changelists() if apps.is_installed(each.model._meta.app_config.name)]
    assert len(shown) > 20
    for each in shown:
        label = f"/admin/{each.model._meta.app_label}/{each.model._meta.model_name}/"
        for page in ("", "add/", "%00/change/", "0/change/", "key_%00/change/"):
            answer = chief.get(label + page)
            assert answer.status_code < 500, label + page
