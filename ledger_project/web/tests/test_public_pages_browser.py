"""The public pages in a real browser, on a screen and on a phone, in light and dark: legible, and for everybody."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.test import override_settings

from accounts.models import Tenant
from ledger_project.kernel import clock
from ledger_project.log import sealing

pytestmark = pytest.mark.slow

SCREENS = [(1280, "light"), (390, "dark")]


@pytest.fixture
def attested(api):
    """A tenant whose reserves cover all, then half of what is owed, in amounts that need room."""
    big = 10**24
    api.ledger.open("alice", funded=big)
    bank = {"asset_type": "fiat", "provider": "First Bank", "unit": "CRD", "currency": "CRD", "haircut_bps": 0}
    api.ledger.run("register_reserve_asset", name="bank", is_eligible=True, max_age_seconds=3600, **bank)
    api.ledger.run("register_reserve_asset", name="vault-" + "x" * 60, max_age_seconds=3600, **bank)
    for ago, amount in ((20, big), (10, big // 2)):
        taken = clock.stamp(clock.now() - timedelta(seconds=ago))
        api.ledger.run("record_reserve_snapshot", asset="bank", amount=amount, taken_at=taken, provenance="statement")
        sealing.seal()
        made = api.post("/v1/attestations", {"currency": "CRD"}).json()["attestation"]["id"]
    cache.delete("landing")
    with override_settings(ATTESTATION_TENANT=Tenant.objects.get(pk=api.ledger.tenant).slug):
        yield made
    cache.delete("landing")


def test_the_pages_fit_load_only_their_own_and_pass_axe(browser, address, attested):
    paths = ["/", f"/attestation/reserve/{attested}", "/attestation/reserve/history", "/verify"]
    paths += ["/errors/insufficient_funds", "/attestation/reserve?currency=NONE"]
    axe = Axe()
    for width, scheme in SCREENS:
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        page = context.new_page()
        complaints, asked = [], []
        page.on("console", lambda said, complaints=complaints: complaints.append(said.text))
        page.on("request", lambda sent, asked=asked: asked.append(sent.url))
        for path in paths:
            page.goto(address + path)

            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            found = axe.run(page)
            assert found.violations_count == 0, (path, width, scheme, found.generate_report())
        assert {url for url in asked if not url.startswith(f"{address}/")} == set()
        assert [said for said in complaints if "404" not in said] == []  # one of them is meant to be missing
        assert context.cookies() == []
        context.close()


def test_the_pages_are_whole_without_scripts(browser, address, attested):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.get_by_role("link", name="Reserves", exact=True).first.click()
    page.wait_for_url("**/attestation/reserve")

    assert page.locator("h1").inner_text() == "What stands behind CRD"
    assert page.locator(".verdict .number").inner_text() == "50.00 %"
    assert page.get_by_role("img", name="Coverage over time").is_visible()
    page.get_by_role("link", name="All attestations").click()
    page.wait_for_url("**/history?currency=CRD")
    assert [row.inner_text() for row in page.locator("tbody td:nth-child(3)").all()] == ["50.00 %", "100.00 %"]
    context.close()
