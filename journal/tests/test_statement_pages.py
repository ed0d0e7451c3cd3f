"""Statements in the back office: those that were issued, and those of an account's months to take away."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from accounts.rows import look_up
from journal.models import IssuedStatement
from journal.statements.issuing import issue_due
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.log.queries import read
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import boss, staff

pytestmark = pytest.mark.slow

SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def alice():
    """Alice was paid 12.34 in September, of which a statement was issued; it is October."""
    ledger = Ledger(scale=2)
    with clock.stopped(SEPTEMBER + timedelta(days=3)):
        ledger.open("alice", funded=1234)
    sealing.seal()
    with clock.stopped(SEPTEMBER + timedelta(days=33)):
        issue_due(clock.now(), ledger.tenant)
        yield look_up(ledger.tenant, ["alice"], read)["alice"]


def text(client, address):
    response = client.get(address)
    assert response.status_code == 200, response
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_an_accounts_page_offers_its_months(alice):
    client = boss()
    page = client.get(f"/admin/accounts/account/{alice.ref}/change/").content.decode()

    for month in ("2026-09", "2026-10"):
        for form in ("json", "csv", "pdf", "html"):
            address = f"/admin/journal/issuedstatement/of/{alice.ref}/{month}.{form}"
            assert f'href="{address}"' in page
            assert client.get(address).status_code == 200
    assert "2026-08." not in page
    assert "not issued yet" in page
    pdf = b"".join(client.get(f"/admin/journal/issuedstatement/of/{alice.ref}/2026-09.pdf").streaming_content)
    assert pdf.startswith(b"%PDF-")


def test_what_was_issued_has_a_page(alice):
    link = IssuedStatement.objects.get(account=alice.id)
    client = boss()
    page = text(client, f"/admin/journal/issuedstatement/{link}/change/")

    assert "Statement of alice, 2026-09" in page
    assert bytes(link.hash).hex() in page
    assert "12.34" in page
    assert "alice" in text(client, f"/admin/journal/issuedstatement/?q={link}")


def test_who_may_not_see_statements_is_given_none(alice):
    nobody = staff()

    assert nobody.get(f"/admin/journal/issuedstatement/of/{alice.ref}/2026-09.csv").status_code == 403
    client = boss()
    for wrong in ("acc_0/2026-09.csv", f"{alice.ref}/2026-13.csv", f"{alice.ref}/2026-09.docx"):
        assert client.get(f"/admin/journal/issuedstatement/of/{wrong}").status_code == 404
