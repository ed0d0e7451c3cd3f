"""Reserves in the back office: registered, looked at, changed, attested, and how they stand on the first page."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from accounts.models import Tenant
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import staff
from reserves import tiles
from reserves.models import Attestation, ReserveAsset, ReserveSnapshot
from reserves.summary import Standing, standings
from reserves.tests.story import attest, record, register

BANK = {
    "name": "bank:main", "currency": "CRD", "asset_type": "fiat", "provider": "First Bank", "unit": "CRD",
    "custody": "trust account 7", "haircut_bps": "1000", "max_age_seconds": "3600", "is_eligible": "on", "source": "",
}  # fmt: skip


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def submit(client: Any, address: str, **fields: str) -> str:
    """Open an operation's page and send it; what the next page says."""
    page = client.get(address)
    token = re.search(r'name="token" value="([0-9a-f]+)"', page.content.decode())
    assert token is not None, page.status_code
    return text_of(client.post(address, {"token": token[1], **fields}, follow=True))


def asset(ledger: Ledger) -> ReserveAsset:
    return ReserveAsset.objects.get(tenant=ledger.tenant)


def utc(ago: int) -> str:
    return f"{clock.now() - timedelta(seconds=ago):%Y-%m-%d %H:%M:%S}"


def mine(ledger: Ledger) -> Standing:
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    (found,) = [each for each in standings() if each.tenant == slug]
    return found


def test_an_operator_registers_records_changes_and_attests(ledger: Ledger) -> None:
    ledger.open("alice", funded=200)
    sealing.seal()
    client = staff("ledger_operator")

    submit(client, f"/admin/accounts/tenant/{ledger.tenant}/do/register_reserve_asset/", **BANK)
    page = f"/admin/reserves/reserveasset/ras_{asset(ledger).pk.hex}"
    assert "missing" in text_of(client.get(f"{page}/change/"))
    submit(client, f"{page}/do/record_reserve_snapshot/", amount="300", taken_at=utc(9), provenance="statement 7")
    sealing.seal()
    submit(client, f"{page}/do/issue_attestation/")
    made = Attestation.objects.get(tenant=ledger.tenant)
    changes = {name: BANK[name] for name in ("provider", "max_age_seconds")}
    shown = submit(client, f"{page}/do/update_reserve_asset/", **changes, custody="", haircut_bps="10000", source="")

    assert ledger.tail(4) == [
        "reserve_asset.registered", "reserve_snapshot.recorded", "attestation.issued", "reserve_asset.updated",
    ]  # fmt: skip
    assert json.loads(made.document)["coverage_ratio"] == {"num": "270", "den": "200", "decimal": "1.350000"}
    row = asset(ledger)
    assert (row.haircut_bps, row.custody, row.is_eligible, row.source) == (10_000, "", False, {"kind": "manual"})
    assert "ineligible" in shown
    said = text_of(client.get(f"/admin/reserves/attestation/att_{made.pk.hex}/change/"))
    assert "Attestation 1 of CRD" in said
    assert "1.350000" in said
    assert "270" in said
    listed = text_of(client.get(f"/admin/reserves/reserveasset/?tenant={ledger.tenant}"))
    assert "bank:main" in listed
    assert "100.00 %" in listed


def test_a_unit_of_its_own_is_recorded_with_its_price(ledger: Ledger) -> None:
    ledger.open("alice", funded=10)
    register(ledger, unit="USDC")
    client = staff("ledger_operator")
    page = f"/admin/reserves/reserveasset/ras_{asset(ledger).pk.hex}/do/record_reserve_snapshot/"
    given = {"amount": "3", "taken_at": utc(5), "provenance": "custodian"}

    refused = submit(client, page, **given)
    submit(client, page, **given, price_num="9975", price_den="100", price_provenance="exchange")

    assert refused.count("This field is required.") == 3
    [row] = ReserveSnapshot.objects.filter(tenant=ledger.tenant)
    assert (int(row.amount), row.price_num, row.price_den, row.price_provenance) == (3, 9975, 100, "exchange")
    shown = text_of(client.get(f"/admin/reserves/reservesnapshot/{row}/change/"))
    assert "9,975 / 100" in shown


def test_what_the_command_refuses_is_said_and_nothing_is_done(ledger: Ledger) -> None:
    ledger.open("alice", funded=10)
    register(ledger)
    client = staff("ledger_operator")
    page = f"/admin/reserves/reserveasset/ras_{asset(ledger).pk.hex}/do"
    before = ledger.size()

    future = submit(client, f"{page}/record_reserve_snapshot/", amount="5", taken_at=utc(-600), provenance="a seer")
    source = submit(
        client, f"{page}/update_reserve_asset/", provider="x", haircut_bps="1", max_age_seconds="1",
        source='{"kind": "feed", "url": "https://169.254.169.254/", "amount": "/x"}',
    )  # fmt: skip

    assert "it is not taken later than it is recorded" in future
    assert "169.254.169.254 is not" in source
    assert ledger.size() == before


@pytest.mark.parametrize("command", ["update_reserve_asset", "record_reserve_snapshot", "issue_attestation"])
def test_a_viewer_changes_nothing(ledger: Ledger, command: str) -> None:
    ledger.open("alice", funded=10)
    register(ledger)
    client = staff("ledger_viewer")
    page = f"/admin/reserves/reserveasset/ras_{asset(ledger).pk.hex}"

    assert client.get(f"{page}/change/").status_code == 200
    assert client.get(f"{page}/do/{command}/").status_code == 403


def test_a_long_list_reads_as_often_as_a_short_one(ledger: Ledger, django_assert_max_num_queries: Any) -> None:
    ledger.open("alice", funded=10)
    for number in range(12):
        register(ledger, f"bank-{number}")
        record(ledger, f"bank-{number}", ago=number)
    client = staff("ledger_viewer")

    with django_assert_max_num_queries(16):
        listed = text_of(client.get(f"/admin/reserves/reserveasset/?tenant={ledger.tenant}"))

    assert listed.count("bank-") >= 12


def test_the_standing_is_that_of_the_newest_attestation(ledger: Ledger) -> None:
    ledger.open("alice", funded=300)
    register(ledger, haircut_bps=0, is_eligible=True)
    register(ledger, "idle")
    record(ledger, amount=299)
    attest(ledger)
    short = mine(ledger)
    record(ledger, amount=300, ago=1)
    attest(ledger)
    whole = mine(ledger)

    assert (short.eligible, short.owed, short.percent, short.covered) == (299, 300, "99.66 %", False)
    assert (whole.percent, whole.covered) == ("100.00 %", True)
    assert whole.assets == {"counted": 1, "missing": 1}


def test_the_metrics_and_the_first_page_tell_the_coverage(ledger: Ledger) -> None:
    ledger.open("alice", funded=400)
    register(ledger, haircut_bps=0, is_eligible=True)
    record(ledger, amount=1)
    attest(ledger)
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    whose = f'currency="CRD",tenant="{slug}"'

    lines = generate_latest(REGISTRY).decode().splitlines()
    tiles.newest.forget()
    found = tiles.Coverage().number()

    assert f"ledger_reserve_coverage_ratio{{{whose}}} 0.0025" in lines
    assert f'ledger_reserve_assets{{currency="CRD",status="counted",tenant="{slug}"}} 1.0' in lines
    (age,) = [line for line in lines if line.startswith(f"ledger_attestation_age_seconds{{{whose}}}")]
    assert float(age.split()[-1]) < 60
    worst = standings()[0]
    assert (found.figure, found.tone) == (worst.percent, "bad")
    assert f"{worst.currency} of {worst.tenant}" in found.caption
    assert "Reserves" in text_of(staff("ledger_viewer").get("/admin/"))


def test_of_nothing_owed_there_is_no_ratio(ledger: Ledger) -> None:
    ledger.open("alice")
    register(ledger)
    attest(ledger)
    slug = Tenant.objects.get(pk=ledger.tenant).slug

    told = generate_latest(REGISTRY).decode()

    assert (mine(ledger).percent, mine(ledger).covered) == ("nothing owed", True)
    assert f'ledger_reserve_coverage_ratio{{currency="CRD",tenant="{slug}"}}' not in told
    assert f'ledger_attestation_age_seconds{{currency="CRD",tenant="{slug}"}}' in told
