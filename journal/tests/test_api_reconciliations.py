"""Reconciliations over HTTP: asked for, listed, and reported as JSON, CSV and PDF."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from journal.models import Finding, ReconciliationRun
from journal.reconciliation import reports, running
from journal.tests.test_reconciliations import SPOIL, as_owner
from ledger_project.testing.api import Api, refused
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

HOSTILE = '=HYPERLINK("http://evil.example")#[*bold*]'


@pytest.fixture
def api() -> Iterator[Api]:
    with own_database():
        ledger = Ledger()
        ledger.open("alice", funded=100)
        yield Api(ledger)


def asked(api: Api, body: Any = None) -> dict[str, Any]:
    response = api.post("/v1/reconciliations", body)
    assert response.status_code == 201, response.content
    made: dict[str, Any] = response.json()["reconciliation"]
    return made


def done(api: Api) -> str:
    key = str(asked(api)["id"])
    running.run_waiting()
    return f"/v1/reconciliations/{key}"


def test_a_reconciliation_is_asked_for_once_at_a_time_and_listed(api: Api) -> None:
    first = asked(api, {"reason": "month end"})
    assert (first["status"], first["reason"], first["checks"]) == ("requested", "month end", [])
    problem = refused(api.post("/v1/reconciliations"), 409, "reconciliation_under_way")
    assert problem["reconciliation"] == first["id"]
    running.run_waiting()
    second = asked(api)

    listed = api.get("/v1/reconciliations?limit=1").json()

    assert [(each["id"], each["status"]) for each in listed["results"]] == [(second["id"], "requested")]
    (older,) = api.get(f"/v1/reconciliations?limit=1&cursor={listed['next']}").json()["results"]
    assert (older["id"], older["status"], older["mismatches"]) == (first["id"], "matched", 0)


def test_a_rehearsal_asks_for_nothing(api: Api) -> None:
    assert api.post("/v1/reconciliations?dry_run=true").json()["dry_run"] is True
    assert ReconciliationRun.objects.count() == 0


def test_the_report_has_each_check_with_its_words_and_each_difference(api: Api) -> None:
    as_owner(SPOIL, api.ledger.tenant)

    report = api.get(done(api)).json()

    assert (report["status"], report["mismatches"]) == ("mismatched", 2)
    red = [check for check in report["checks"] if check["found"]]
    assert red == [
        {
            "name": "balances_equal_postings",
            "found": 2,
            "says": "every bucket and the drawn credit is the sum of its postings",
        }
    ]
    account = api.get("/v1/accounts/alice").json()["id"]
    facts = {"check": "balances_equal_postings", "account": account}
    assert report["findings"] == [
        facts | {"subject": "alice available", "stored": "99", "replayed": "100"},
        facts | {"subject": "alice fee_pool", "stored": "1", "replayed": "0"},
    ]


@pytest.mark.parametrize("how", ["format", "accept"])
def test_the_csv_has_a_line_for_each_difference_and_each_green_check(api: Api, how: str) -> None:
    as_owner(SPOIL, api.ledger.tenant)
    address = done(api)

    response = api.get(f"{address}?format=csv") if how == "format" else api.get(address, Accept="text/csv")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].endswith('.csv"')
    header, *lines = csv.reader(io.StringIO(response.content.decode()))
    assert tuple(header) == reports.HEADER
    assert len(lines) == len(running.checks()) + 1
    assert [line[3:7] for line in lines if line[3] != "0"] == [
        ["2", "alice available", "99", "100"],
        ["2", "alice fee_pool", "1", "0"],
    ]


@pytest.mark.parametrize("how", ["format", "accept"])
def test_the_pdf_is_one_and_the_same_every_time(api: Api, how: str) -> None:
    address = done(api)

    def pdf() -> Any:
        return api.get(f"{address}?format=pdf") if how == "format" else api.get(address, Accept="application/pdf")

    assert pdf()["Content-Type"] == "application/pdf"
    assert pdf().content.startswith(b"%PDF-")
    assert pdf().content == pdf().content


def test_what_a_text_says_is_not_a_formula_and_not_markup(api: Api) -> None:
    api.ledger.open(HOSTILE.replace("/", "|"), funded=100)
    as_owner(SPOIL, api.ledger.tenant)
    address = done(api)

    lines = list(csv.reader(io.StringIO(api.get(f"{address}?format=csv").content.decode())))

    subjects = [line[4] for line in lines]
    assert f"'{HOSTILE.replace('/', '|')} available" in subjects
    assert api.get(f"{address}?format=pdf").content.startswith(b"%PDF-")
    assert reports.inert("-5") == "-5"
    assert reports.inert("-5+cmd") == "'-5+cmd"


def test_a_report_of_a_thousand_differences_is_still_a_document(api: Api) -> None:
    done(api)
    run = ReconciliationRun.objects.get()
    asked(api)
    waiting = ReconciliationRun.objects.exclude(pk=run.pk).get()
    Finding.objects.bulk_create(
        Finding(
            run=waiting, tenant=run.tenant, seq=n, check_name="balances_equal_postings", subject="x" * 300,
            stored="9" * 38, replayed="0",
        )
        for n in range(1000)
    )  # fmt: skip
    as_owner(
        "UPDATE journal_reconciliationrun SET started_at = now(), finished_at = now(), log_size = 0, mismatches = 1000,"
        """ checks = '[{"name": "balances_equal_postings", "found": 1000}]' WHERE finished_at IS NULL"""
    )

    assert api.get(f"/v1/reconciliations/{waiting}?format=pdf").content.startswith(b"%PDF-")
    assert len(api.get(f"/v1/reconciliations/{waiting}").json()["findings"]) == 1000


def test_what_is_another_tenants_or_malformed_is_not_found(api: Api) -> None:
    address = done(api)
    mallory = Api(Ledger())

    for reading in (mallory.get(address), mallory.get(f"{address}?format=pdf"), api.get("/v1/reconciliations/nothing")):
        refused(reading, 404, "reconciliation_not_found")
    assert mallory.get("/v1/reconciliations").json()["results"] == []
    refused(api.get(f"{address}?format=xml"), 422, "invalid_request")
    refused(api.get(f"{address}?what=ever"), 422, "unknown_field")


def test_asking_needs_its_permission(api: Api) -> None:
    reader = Api(api.ledger, "read")

    refused(reader.post("/v1/reconciliations"), 403, "forbidden")
    assert reader.get("/v1/reconciliations").status_code == 200
