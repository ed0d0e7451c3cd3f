"""Statements of others over HTTP, from the file to the last open line."""

import csv
import io

import pytest

from journal.external.tests.story import HEADER, Bank
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def bank(ledger):
    return Bank(ledger)


@pytest.fixture
def api(ledger):
    return Api(ledger)


FILE = f"{HEADER}\n2026-10-01,10,INV-1,deposit\n2026-10-02,-5,,=HYPERLINK(1)\n"


def upload(api, content=FILE, **more):
    return api.post(
        "/v1/external-statements",
        {"account": "bank", "name": "october.csv", "format": "csv", "content": content, **more},
    )


def test_from_the_file_to_the_last_line(bank, api):
    entry = bank.book(10, invoice="inv-1")
    stray = bank.book(99, 2, note="+1")
    made = upload(api).json()["external_statement"]
    at = f"/v1/external-statements/{made['id']}"
    assert {
        name: made[name] for name in ("account_name", "lines", "first_date", "last_date", "money_in", "money_out")
    } == {
        "account_name": "bank",
        "lines": 2,
        "first_date": "2026-10-01",
        "last_date": "2026-10-02",
        "money_in": "10",
        "money_out": "5",
    }

    matching = api.post(f"{at}/match", {"days": 1}).json()["matching"]
    assert (matching["matches"], matching["open_lines"], matching["open_entries"]) == (1, 1, 1)
    (match,) = api.get(f"{at}/matches").json()["results"]
    assert (match["how"], match["lines"], match["entries"]) == ("reference", [1], [entry])
    (line,) = api.get(f"{at}/lines?state=open").json()["results"]
    assert (line["line"], line["amount"], line["external_match"]) == (2, "-5", None)
    (open_entry,) = api.get(f"{at}/open-entries").json()["results"]
    assert (open_entry["entry"], open_entry["amount"]) == (stray, "99")

    explained = api.post(f"{at}/resolutions", {"entries": [stray], "reason": "November"}).json()["external_match"]
    proposal = {"line": 2, "counter_account": "fees", "reason": "fee"}
    adjustment = api.post(f"{at}/adjustments", proposal).json()["adjustment"]
    refused(api.post(f"/v1/adjustments/{adjustment['id']}/approve"), 403, "four_eyes")
    posted = Api(bank.ledger).post(f"/v1/adjustments/{adjustment['id']}/approve").json()
    assert (posted["adjustment"]["status"], posted["entry"]["kind"]) == ("posted", "adjustment")
    assert [row["status"] for row in api.get("/v1/adjustments?status=posted").json()["results"]] == ["posted"]

    assert bank.ledger.balances()["fees"] == {"available": 5}
    shown = api.get(at).json()
    assert {state: part["lines"] for state, part in shown["progress"].items()} == {
        "open": 0,
        "matched": 1,
        "resolved": 0,
        "adjusted": 1,
    }
    assert api.get(f"{at}/open-entries").json()["results"] == []
    api.post(f"/v1/external-matches/{explained['id']}/undo", {"reason": "too soon"})
    assert [row["entry"] for row in api.get(f"{at}/open-entries").json()["results"]] == [stray]
    assert api.get("/v1/external-statements?account=bank").json()["results"] == [made]


def test_the_report_is_for_spreadsheets_and_holds_no_formula(bank, api):
    bank.book(99, 2, note="+1", other='@SUM("x")')
    at = f"/v1/external-statements/{upload(api).json()['external_statement']['id']}"

    response = api.get(f"{at}?format=csv")

    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert [(row["side"], row["amount"], row["state"]) for row in rows] == [
        ("statement", "10", "open"),
        ("statement", "-5", "open"),
        ("books", "99", "open"),
    ]
    assert rows[1]["description"] == "'=HYPERLINK(1)"
    assert not [cell for row in rows for name, cell in row.items() if cell[:1] in "=+@" and cell]


def test_what_is_malformed_is_refused_by_line_and_field(bank, api):
    before = bank.ledger.size()

    problem = refused(upload(api, FILE.replace("-5", "-5.5")), 422, "malformed_statement")

    assert (problem["line"], problem["field"]) == (3, "amount")
    assert problem["reason"] == "'-5.5' has more than 0 decimals"
    for wrong, field in (
        ({"content": 7}, "content"),
        ({"content": ""}, "content"),
        ({"format": "mt940"}, "format"),
        ({"mapping": {"sum": "x"}}, "mapping.sum"),
        ({"mapping": {"decimal": ";"}}, "mapping.decimal"),
    ):
        assert upload(api, **wrong).json()["field"] == field
    assert bank.ledger.size() == before


def test_an_upload_is_rehearsed_and_repeated_like_any_call(bank, api):
    body = {"account": "bank", "name": "october.csv", "format": "csv", "content": FILE}

    rehearsed = api.post("/v1/external-statements?dry_run=true", body)
    first = api.post("/v1/external-statements", body, key="october")
    again = api.post("/v1/external-statements", body, key="october")

    assert rehearsed.json()["external_statement"]["lines"] == 2
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    refused(
        api.post("/v1/external-statements", body | {"content": FILE + "\n"}, key="october"),
        422,
        "idempotency_key_reused",
    )
    problem = refused(api.post("/v1/external-statements", body), 409, "external_statement_exists")
    assert problem["external_statement"] == first.json()["external_statement"]["id"]


def test_pages_of_lines_and_open_entries_are_whole(bank, api):
    entries = [bank.book(n, 1 + n % 3) for n in range(1, 8)]
    lines = "".join(f"2026-10-0{1 + n % 3},{100 + n},,\n" for n in range(7))
    at = f"/v1/external-statements/{upload(api, f'{HEADER}{chr(10)}{lines}').json()['external_statement']['id']}"

    def pages(path):
        found, cursor = [], ""
        while cursor is not None:
            answer = api.get(f"{at}/{path}?limit=3{cursor and '&cursor='}{cursor}").json()
            found += answer["results"]
            cursor = answer["next"]
        return found

    assert [row["line"] for row in pages("lines")] == [1, 2, 3, 4, 5, 6, 7]
    assert [row["entry"] for row in pages("open-entries")] == entries[::-1]
    assert Api(Ledger()).get(at).status_code == 404
