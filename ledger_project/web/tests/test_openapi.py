"""The API is as its document says: schemathesis calls it with what the document allows, and with what it does not."""

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from io import StringIO
from typing import Any

import pytest
import schemathesis
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client, override_settings
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ledger_project.log import sealing
from ledger_project.log.command import COMMANDS
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api.bulk import bulk_commands
from ledger_project.wsgi import application

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
    ignored_auth,
]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))  # of each operation


@lru_cache(maxsize=1)
def document() -> Any:
    return Client(SERVER_NAME="localhost").get("/openapi.json").json()


@lru_cache(maxsize=1)
def schema() -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", application)


@lru_cache(maxsize=1)
def operations() -> dict[str, Any]:
    load_all_checks()
    return {found.ok().label: found.ok() for found in schema().get_all_operations()}


@pytest.fixture(autouse=True)
def hurry() -> Iterator[None]:
    """Nobody seals here, so whoever waits for it waits in vain."""
    with override_settings(SEAL_WAIT=0.05):
        yield


@lru_cache(maxsize=1)
def caller() -> tuple[Api, dict[str, str]]:
    """A caller with something to lose, and values that exist, by the name of the field that they fit."""
    api = Api(Ledger())
    api.ledger.open("alice", "bob", funded=10**30)
    entry = api.post("/v1/transfers", {"from_account": "alice", "to_account": "bob", "amount": 1}).json()["entry"]["id"]
    sealing.seal()
    accounts = dict.fromkeys(("account", "from_account"), "alice") | {"to_account": "bob"}
    return api, {
        **accounts,
        "currency": "CRD",
        "entry": entry,
        "event": entry.replace("ent_", "evt_"),
        "api_key": api.id,
    }


def use_what_exists(case: Any, known: dict[str, str]) -> None:
    """Every second time, names that exist instead of random ones: else all that is tested are the 404s."""
    if case.meta.generation.mode.is_positive:
        for values in (case.body, case.path_parameters):
            for name, value in values.items() if isinstance(values, dict) else ():
                if isinstance(value, str) and len(value) % 2 == 0:
                    values[name] = known.get(name, value)


def as_documented(case: Any) -> None:
    api, known = caller()
    use_what_exists(case, known)
    case.call_and_validate(headers={"Authorization": f"Bearer {api.token}"}, checks=CHECKS)


@pytest.mark.parametrize(
    "operation", [f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods]
)
def test_every_operation_is_as_it_is_documented(operation: str) -> None:
    """Its cases are made here: `schema.parametrize` makes those of all operations where tests are collected, which
    each worker does."""
    drawing = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    build_operation_test(
        config=schema().config,
        operation=operations()[operation],
        test_func=as_documented,
        given_kwargs={},
        feedback=FeedbackSources(),
        explicit_settings=drawing,
    )()


def described(operation_id: str) -> Any:
    operations = (each for methods in document()["paths"].values() for each in methods.values())
    return next(each for each in operations if each["operationId"] == operation_id)


def refusals(operation: Any, status: str) -> list[str]:
    """The codes that an operation tells for a status, in its order."""
    response = operation["responses"][status]
    if "$ref" in response:
        response = document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return re.findall(r"- `(\w+)`", response["description"])


def test_the_document_is_valid_and_makes_no_warning() -> None:
    out, err = StringIO(), StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out, stderr=err)

    assert err.getvalue() == ""
    assert json.loads(out.getvalue()) == document()
    validate_schema(document())
    assert document()["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere() -> None:
    found = document()
    references = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', json.dumps(found)))

    assert {(kind, name) for kind, name in references if name not in found["components"].get(kind, {})} == set()


def test_operations_are_named_once_and_commands_by_their_own_name() -> None:
    names = [each["operationId"] for methods in document()["paths"].values() for each in methods.values()]

    assert len(names) == len(set(names))
    assert {"transfer", "open_account", "reverse_entry", "issue_api_key", "bulk"} <= set(names)


def test_a_commands_refusals_are_told_by_status_in_their_order() -> None:
    transfer = described("transfer")
    own = [refusal.code for refusal in COMMANDS["transfer"].refuses]

    told = {code for status in transfer["responses"] if status >= "400" for code in refusals(transfer, status)}
    conflicts = refusals(transfer, "409")

    assert set(own) <= told
    assert refusals(transfer, "402") == ["insufficient_funds"]
    assert conflicts == [code for code in own if code in conflicts]
    assert refusals(transfer, "400") == ["bad_request", "malformed_json", "idempotency_key_required"]


def test_what_operations_have_in_common_is_told_once() -> None:
    assert described("transfer")["responses"]["429"] == described("mint")["responses"]["429"]
    assert refusals(described("mint"), "429") == ["rate_limited"]
    assert len(json.dumps(document())) < 10_000 * len(document()["paths"])


def test_what_the_interface_gives_is_not_asked_for() -> None:
    body = described("issue_api_key")["requestBody"]["content"]["application/json"]["schema"]

    assert set(body["properties"]) == {"name", "scopes", "expires_in", "account"}
    assert "issue_api_key" not in bulk_commands()


def test_the_document_is_cached_by_its_etag() -> None:
    first = Client().get("/openapi.json")

    assert Client().get("/openapi.json", headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_swagger_needs_no_other_server_and_no_inline_script() -> None:
    page = Client().get("/docs").content.decode()
    script = Client().get("/docs?script=")

    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    local = [source.removeprefix("/static/") for source in sources if source.startswith("/static/")]
    assert len(local) >= 3
    assert all(source.startswith("/") for source in sources)
    assert all(finders.find(source) for source in local)
    assert "<script>" not in page
    assert "<style" not in page
    assert script["Content-Type"].startswith("application/javascript")
    assert "/openapi.json" in script.content.decode()
