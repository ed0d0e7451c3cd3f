"""GET /v1/exports/{export}: the books of the key's own tenant, streamed, for the period that is asked for."""

import pytest

from journal.exports.formats import FORMATS
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def paid(api):
    """Alice paid in September and in October."""
    api.ledger.open("alice", funded=100)
    api.ledger.open("shop")
    for month, amount in ((9, 30), (10, 7)):
        moment = f"2026-{month:02}-30T23:59:59.999999Z"
        api.ledger.run("transfer", from_account="alice", to_account="shop", amount=amount, effective_at=moment)
    return api


def body(answer):
    return b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize("export", FORMATS)
def test_every_format_is_streamed_as_a_file_of_its_kind(paid, export):
    answer = paid.get(f"/v1/exports/{export}")

    assert (answer.status_code, answer.streaming) == (200, True)
    assert answer["Content-Type"] == FORMATS[export].content_type
    assert answer["Content-Disposition"] == f'attachment; filename="books.{FORMATS[export].ending}"'
    assert answer["Cache-Control"] == "no-store"
    assert "shop" in body(answer).lower()


def test_a_period_has_its_own_entries(paid):
    october = body(paid.get("/v1/exports/csv?period=2026-10")).splitlines()
    same = body(paid.get("/v1/exports/csv?from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z")).splitlines()

    assert october == same
    assert len(october) == 3
    assert ",alice,liability,CRD,0,false,available,7,7" in october[1]


def test_the_neighbours_books_are_not_in_it(paid):
    theirs = Api(Ledger())
    theirs.ledger.open("mallory", funded=5)

    assert "mallory" not in body(paid.get("/v1/exports/jsonl"))
    assert "alice" not in body(theirs.get("/v1/exports/beancount")).lower()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("period=2026-13", "period"),
        ("period=2026-00", "period"),
        ("period=2026-11-00", "period"),
        ("period=2026-00-00", "period"),
        ("period=0000", "period"),
        ("period=2026-10&from=2026-10-01T00:00:00Z", "period"),
        ("from=yesterday", "from"),
        ("from=2026-10-02T00:00:00Z&to=2026-10-01T00:00:00Z", "to"),
    ],
)
def test_what_is_no_period_is_refused_by_name(api, query, field):
    assert refused(api.get(f"/v1/exports/csv?{query}"), 422, "invalid_request")["field"] == field


def test_strangers_unknown_formats_and_unknown_parameters_are_refused(api):
    assert refused(api.get("/v1/exports/excel"), 404, "not_found")["export"] == "excel"
    assert refused(api.get("/v1/exports/csv?since=now"), 422, "unknown_field")["field"] == "since"
    refused(api.client.get("/v1/exports/csv"), 401, "not_authenticated")
    refused(Api(api.ledger, "journal.transfer").get("/v1/exports/csv"), 403, "forbidden")
