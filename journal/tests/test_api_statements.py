"""GET /v1/accounts/{account}/statement in its four forms, and `manage.py statement`."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant
from journal.statements import formats as forms
from journal.statements.issuing import issue_due
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def paid():
    """Alice is paid 12.34 in September; in October she pays the shop for a job, and reserves some."""
    api = Api(Ledger(scale=2))
    with clock.stopped(OCTOBER - timedelta(days=9)):
        api.ledger.open("alice", "shop")
        api.ledger.run("mint", account="alice", amount=1234_56)
    with clock.stopped(OCTOBER + timedelta(days=9)):
        job = {"job_id": "job_1", "description": '=HYPERLINK("http://evil")<b>&'}
        api.ledger.run("transfer", from_account="alice", to_account="shop", amount=30, **job)
        api.ledger.run("place_hold", account="alice", amount=100)
    return api


def body(answer):
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    return b"".join(answer.streaming_content)


def test_a_month_of_an_account(paid):
    made = json.loads(body(paid.get("/v1/accounts/alice/statement?period=2026-10")))

    assert made["period"] == {"from": "2026-10-01T00:00:00.000000Z", "to": "2026-11-01T00:00:00.000000Z"}
    assert (made["opening"]["posted"], made["closing"]["posted"]) == ("123456", "123426")
    assert (made["closing"]["available"], made["closing"]["held"]) == ("123326", "100")
    assert (made["total_in"], made["total_out"], made["count"]) == ("0", "30", 3)
    told = [(line["kind"], line["bucket"], line["amount"], line["balance"], line["posted"]) for line in made["lines"]]
    assert told[0] == ("transfer", "available", "-30", "123426", "123426")
    assert sorted(told[1:]) == [
        ("hold", "available", "-100", "123326", "123326"),
        ("hold", "held", "100", "100", "123426"),
    ]
    assert made["lines"][0]["references"] == {"job_id": "job_1"}
    assert (made["name"], made["currency"], made["scale"]) == ("alice", "CRD", 2)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/pdf", "application/pdf"),
        ("text/html", "text/html; charset=utf-8"),
    ],
)
def test_a_form_is_asked_for_by_accept_or_by_name(paid, accept, kind):
    by_accept = paid.get("/v1/accounts/alice/statement?period=2026-10", Accept=accept)
    by_name = paid.get(f"/v1/accounts/alice/statement?period=2026-10&format={accept.rpartition('/')[2]}")

    assert by_accept["Content-Type"] == by_name["Content-Type"] == kind
    assert body(by_accept) == body(by_name)


def test_the_csv_runs_nothing_and_the_page_is_no_markup(paid):
    text = body(paid.get("/v1/accounts/alice/statement?period=2026-10&format=csv")).decode()
    page = body(paid.get("/v1/accounts/alice/statement?period=2026-10&format=html")).decode()

    assert ',"\'=HYPERLINK(""http://evil"")<b>&",available,-30,123426,123426,-0.30\r\n' in text
    assert text.splitlines()[-1].endswith(",closing,,held,,100,123426,1.00")
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert '<td class="figure">1,234.26</td>' in page


def test_the_pdf_is_the_same_each_time_and_not_endless(paid, monkeypatch):
    pdf = body(paid.get("/v1/accounts/alice/statement?period=2026-10&format=pdf"))
    assert pdf.startswith(b"%PDF-")
    assert body(paid.get("/v1/accounts/alice/statement?period=2026-10&format=pdf")) == pdf

    monkeypatch.setattr(forms, "PRINTED", 2)
    answer = paid.get("/v1/accounts/alice/statement?period=2026-10&format=pdf")
    assert refused(answer, 422, "statement_too_long")["lines"] == 2
    assert body(paid.get("/v1/accounts/alice/statement?period=2026-09&format=pdf")).startswith(b"%PDF-")


def test_without_a_period_it_is_the_whole_history(paid):
    made = json.loads(body(paid.get("/v1/accounts/alice/statement")))

    assert (made["opening"]["posted"], made["closing"]["posted"], made["count"]) == ("0", "123426", 4)
    assert (made["total_in"], made["total_out"]) == ("123456", "30")


def test_before_the_account_there_is_nothing(paid):
    made = json.loads(body(paid.get("/v1/accounts/alice/statement?period=2025")))

    assert (made["opening"], made["count"], made["total_in"]) == (made["closing"], 0, "0")
    assert set(made["closing"].values()) == {"0"}


def test_the_end_of_time_is_a_time(paid):
    end = "9999-12-31T23:59:59.999999Z"

    assert json.loads(body(paid.get(f"/v1/accounts/alice/statement?to={end}")))["count"] == 4
    assert json.loads(body(paid.get("/v1/accounts/alice/statement?period=9998")))["opening"]["posted"] == "123426"
    for moments in (f"as_of={end}", f"known_at={end}", f"as_of={end}&known_at={end}"):
        assert paid.get(f"/v1/accounts/alice/balance?{moments}").json()["posted"] == "123426"
        assert paid.get(f"/v1/trial-balance?{moments}").status_code == 200


def test_what_was_issued_is_listed_and_named(paid):
    with clock.stopped(OCTOBER + timedelta(days=1)):
        sealing.seal()
        issue_due(clock.now(), paid.ledger.tenant)
    [listed] = paid.get("/v1/statements?account=alice").json()["results"]
    made = json.loads(body(paid.get("/v1/accounts/alice/statement?period=2026-09")))

    assert {name: made[name] for name in listed if name not in ("id", "event")} == {
        name: value for name, value in listed.items() if name not in ("id", "event")
    }
    assert made["issued"] == {name: listed[name] for name in ("id", "event", "hash")}
    assert paid.get(f"/v1/events/{listed['event']}").json()["type"] == "statement.issued"
    assert len(paid.get("/v1/statements").json()["results"]) == 3  # the shop's, and that of issuance
    assert Api(Ledger()).get("/v1/statements").json()["results"] == []


def test_what_is_asked_for_wrongly_is_refused_by_name(paid):
    address = "/v1/accounts/alice/statement"
    assert refused(paid.get(f"{address}?period=October"), 422, "invalid_request")["field"] == "period"
    assert refused(paid.get(f"{address}?format=docx"), 422, "invalid_request")["field"] == "format"
    assert refused(paid.get(f"{address}?month=10"), 422, "unknown_field")["field"] == "month"
    assert refused(paid.get("/v1/accounts/nobody/statement"), 404, "account_not_found")
    theirs = Api(Ledger())
    assert refused(theirs.get(f"{address}?period=2026-10"), 404, "account_not_found")


def test_the_command_writes_what_the_api_answers(paid, tmp_path):
    slug, file = Tenant.objects.get(pk=paid.ledger.tenant).slug, tmp_path / "alice.json"
    call_command("statement", "alice", tenant=slug, period="2026-10", output=file)

    assert file.read_bytes() == body(paid.get("/v1/accounts/alice/statement?period=2026-10"))
    with pytest.raises(CommandError, match="no such account"):
        call_command("statement", "nobody", tenant=slug, output=tmp_path / "nobody")
