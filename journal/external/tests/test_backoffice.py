"""Finance reconciles a bank's statement in the back office: one uploads, matches and proposes, another approves."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Account
from journal.external.models import ExternalAdjustment, ExternalMatch, ExternalStatement
from journal.external.tests.story import Bank
from ledger_project.kernel import ids
from ledger_project.log.models import Event
from ledger_project.testing.staff import person, session, staff

AT = "/admin/journal/externalstatement/"
FILE = "Tag;Betrag;Zweck\n01.10.2026;10;Müller\n04.10.2026;-5;<b>fee\n"
HOW = {"format": "csv", "encoding": "cp1252", "date": "Tag", "amount": "Betrag", "reference": "Zweck"}
HOW |= {"date_order": "DMY", "decimal": ",", "delimiter": ";"}


@pytest.fixture
def bank(ledger):
    return Bank(ledger)


def send(client, url, **answers):
    (token,) = re.findall(r'name="token" value="([0-9a-f]{32})"', client.get(url).content.decode())
    return client.post(url, answers | {"token": token, "confirmed": "yes"})


def upload(client, bank, content=FILE, **how):
    key = Account.objects.get(tenant=bank.ledger.tenant, name="bank").pk
    url = f"/admin/accounts/account/{ids.show('acc', key)}/do/upload_external_statement/"
    file = SimpleUploadedFile("october.csv", content.encode("cp1252"))
    return send(client, url, file=file, **HOW | how)


def test_a_statement_is_uploaded_matched_and_adjusted_by_two(bank):
    entry = bank.book(10)
    clerk = person("ledger_operator")
    operator, approver = session(clerk), staff("ledger_approver")

    assert upload(operator, bank).status_code == 302
    row = ExternalStatement.objects.get(tenant=bank.ledger.tenant)
    assert (row.name, row.content) == ("october.csv", FILE)
    page = f"{AT}{row}/"
    assert send(operator, f"{page}do/match_external_statement/", tolerance="0", days="3").status_code == 302
    asked = {"line": "2", "counter_account": "fees", "reason": "bank fee"}
    assert send(operator, f"{page}do/propose_adjustment/", **asked).status_code == 302

    adjustment = ExternalAdjustment.objects.get(tenant=bank.ledger.tenant)
    decide = f"/admin/journal/externaladjustment/{adjustment}/do/approve_adjustment/"
    assert operator.get(decide).status_code == 403
    assert "fees" in approver.get(f"{page}change/").content.decode()
    assert send(approver, decide).status_code == 302

    assert bank.ledger.balances()["fees"] == {"available": 5}
    assert bank.matches(str(row)) == [
        ("amount", [1], [entry]),
        ("adjustment", [2], [f"ent_{ExternalAdjustment.objects.get(pk=adjustment.pk).posted.hex}"]),
    ]
    assert Event.objects.get(pk=row.pk).actor == f"user:{clerk.username}"
    text = operator.get(f"{page}change/").content.decode()
    assert "Every line is accounted for." in text
    assert operator.get(f"{page}report.csv").content.decode().count("\r\n") == 3


def test_who_may_do_both_still_does_not_do_both(bank):
    chief = staff("ledger_admin")
    upload(chief, bank)
    row = ExternalStatement.objects.get(tenant=bank.ledger.tenant)
    send(chief, f"{AT}{row}/do/propose_adjustment/", line="2", counter_account="fees", reason="bank fee")
    adjustment = ExternalAdjustment.objects.get(tenant=bank.ledger.tenant)

    refused = send(chief, f"/admin/journal/externaladjustment/{adjustment}/do/approve_adjustment/")

    assert "Refused: four_eyes." in refused.content.decode()
    assert not bank.ledger.balances()["fees"]


def test_lines_are_matched_and_explained_by_hand_and_taken_back(bank):
    entry = bank.book(10, 20)
    operator = staff("ledger_operator")
    upload(operator, bank)
    row = ExternalStatement.objects.get(tenant=bank.ledger.tenant)
    page = f"{AT}{row}/do/"

    wrong = send(operator, f"{page}match_external_items/", lines="one", entries=entry, reason="late")
    assert "Write numbers of lines" in wrong.content.decode()
    send(operator, f"{page}match_external_items/", lines="1", entries=entry, reason="late")
    send(operator, f"{page}resolve_external_items/", lines="2", entries="", reason="our bank's mistake")
    assert [how for how, *_ in bank.matches(str(row))] == ["person", "person"]
    match = ExternalMatch.objects.get(statement=row, kind="matched")
    send(operator, f"/admin/journal/externalmatch/{match}/do/undo_external_match/", reason="wrong one")

    assert bank.matches(str(row)) == [("person", [2], [])]


def test_what_is_wrong_with_a_file_is_told_on_its_form(bank):
    operator = staff("ledger_operator")

    assert "line 3, field Betrag" in upload(operator, bank, FILE.replace("-5", "x")).content.decode()
    assert "choose the file" in upload(operator, bank, encoding="utf-8").content.decode()
    upload(operator, bank)
    assert "Refused: external_statement_exists." in upload(operator, bank).content.decode()

    assert ExternalStatement.objects.filter(tenant=bank.ledger.tenant).count() == 1


def test_a_pages_texts_are_no_markup(bank):
    viewer = staff("ledger_viewer")
    upload(staff("ledger_operator"), bank)
    row = ExternalStatement.objects.get(tenant=bank.ledger.tenant)

    text = viewer.get(f"{AT}{row}/change/").content.decode()

    assert "&lt;b&gt;fee" in text
    assert "<b>fee" not in text
    assert "/do/" not in text
    assert viewer.get(AT).status_code == 200
