"""Reconciliations in the back office, on the command line and in the metrics."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from prometheus_client import REGISTRY, generate_latest

from accounts.models import Tenant
from journal.models import ReconciliationRun
from journal.reconciliation import running
from journal.tests.test_reconciliations import SPOIL, as_owner, ask, newest, opened
from journal.tiles import Reconciliation
from ledger_project.log.models import Event
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import staff

pytestmark = pytest.mark.slow

LIST = "/admin/journal/reconciliationrun/"
UNSPOIL = (
    "UPDATE accounts_balance SET available = available + 1, fee_pool = fee_pool - 1"
    " WHERE tenant_id = %s AND fee_pool = 1"
)


@pytest.fixture
def books() -> Iterator[Ledger]:
    with own_database():
        yield opened()


def reconcile(books: Ledger) -> ReconciliationRun:
    ask(books)
    running.run_waiting()
    return newest(books)


def tile() -> tuple[str, str]:
    number = Reconciliation().number()
    return number.figure, number.tone


def text(client: Any, address: str) -> str:
    """What a page says, without its markup."""
    response = client.get(address)
    assert response.status_code == 200, response
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_the_tile_is_red_until_the_newest_run_of_every_tenant_is_green(books: Ledger) -> None:
    other = opened()
    assert tile() == ("Never", "")
    reconcile(books)
    assert tile() == ("Matched", "good")
    as_owner(SPOIL, other.tenant)
    red = reconcile(other)
    assert tile() == ("2 off", "bad")
    assert str(red) in Reconciliation().number().href
    reconcile(books)
    assert tile() == ("2 off", "bad")
    ask(other)
    assert tile() == ("2 off", "bad")
    as_owner(UNSPOIL, other.tenant)
    running.run_waiting()

    assert tile() == ("Matched", "good")


def test_the_tile_is_red_when_no_run_has_ended_since_yesterday(books: Ledger) -> None:
    reconcile(books)
    as_owner("ALTER TABLE journal_reconciliationrun DISABLE TRIGGER USER")
    as_owner("UPDATE journal_reconciliationrun SET finished_at = finished_at - interval '27 hours'")

    assert tile() == ("Overdue", "bad")
    assert "last run 20" in text(staff("ledger_auditor"), "/admin/")


def test_a_page_shows_checks_differences_and_reports(books: Ledger) -> None:
    as_owner(SPOIL, books.tenant)
    run = reconcile(books)
    auditor = staff("ledger_auditor")

    page = text(auditor, f"{LIST}{run}/change/")

    assert "mismatched 2 balances_equal_postings every bucket and the drawn credit is the sum of its postings" in page
    assert "matched 0 versions_unbroken the postings of a balance row are numbered 1, 2, 3 … up to its version" in page
    assert "balances_equal_postings alice available 99 100" in page
    assert "Reconcile again" not in page
    assert "mismatched" in text(auditor, f"{LIST}?status=mismatched")
    assert str(run) not in auditor.get(f"{LIST}?status=matched").content.decode()
    for form, begins in {"json": b"{", "csv": b"reconciliation,", "pdf": b"%PDF-"}.items():
        response = auditor.get(f"{LIST}{run}/report.{form}")
        assert (response.status_code, response.content.startswith(begins)) == (200, True)
        assert response["Content-Disposition"] == f'attachment; filename="{run}.{form}"'
    assert auditor.get(f"{LIST}{run}/report.exe").status_code == 404
    assert auditor.get(f"{LIST}rec_{'0' * 32}/report.csv").status_code == 404


def test_reports_are_for_those_who_may_see_the_run(books: Ledger) -> None:
    run = reconcile(books)

    assert staff().get(f"{LIST}{run}/report.csv").status_code == 403


def test_a_run_is_asked_for_from_the_tenants_page_with_a_reason(books: Ledger) -> None:
    operator = staff("ledger_operator")
    address = f"/admin/accounts/tenant/{books.tenant}/do/request_reconciliation/"
    (token,) = re.findall(r'name="token" value="([0-9a-f]{32})"', operator.get(address).content.decode())
    form = {"token": token, "reason": "month end", "confirmed": "yes"}

    assert operator.post(address, form).status_code == 302
    assert operator.post(address, form).status_code == 302  # a double click is one request

    (event,) = Event.objects.filter(tenant=books.tenant, type="reconciliation.requested")
    assert (event.actor.partition(":")[0], event.payload) == ("user", {"reason": "month end"})
    assert "requested" in text(operator, f"/admin/accounts/tenant/{books.tenant}/change/")
    refused = operator.post(address, form | {"token": "0" * 32})
    assert "Refused: reconciliation_under_way" in refused.content.decode()
    assert staff("ledger_auditor").get(address).status_code == 403


def test_the_command_runs_and_tells(books: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    slug = Tenant.objects.get(pk=books.tenant).slug
    ask(books)  # the run that waits is the one that is done
    call_command("reconcile")
    checks = len(running.checks())
    assert capsys.readouterr().out == f"{slug}: 0 differences in {checks} checks, {newest(books)}\n"
    as_owner(SPOIL, books.tenant)

    with pytest.raises(SystemExit) as stopped:
        call_command("reconcile", tenant=slug, json=True)

    assert stopped.value.code == 1
    assert json.loads(capsys.readouterr().out)["mismatches"] == 2
    assert books.tail() == ["reconciliation.mismatched"]
    with pytest.raises(CommandError, match="there is no tenant 'nobody'"):
        call_command("reconcile", tenant="nobody")


def test_the_metrics_tell_how_old_and_how_red(books: Ledger) -> None:
    assert "ledger_reconciliation_age_seconds " not in generate_latest(REGISTRY).decode().replace("# ", "#")
    other = opened()
    as_owner(SPOIL, other.tenant)
    reconcile(books)
    reconcile(other)

    lines = generate_latest(REGISTRY).decode().splitlines()

    assert 'ledger_reconciliation_mismatches{check="balances_equal_postings"} 2.0' in lines
    (age,) = [line for line in lines if line.startswith("ledger_reconciliation_age_seconds ")]
    assert float(age.split()[1]) < 60
