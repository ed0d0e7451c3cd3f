"""The second factor: nobody is in before it was shown, it is shown once, and it can be taken away."""

import re
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect

from ledger_project.testing.staff import PASSWORD, person, session
from ledger_project.web.tests.test_backoffice_browser import DESK, PHONE

pytestmark = pytest.mark.slow

PAGE = "/admin/second-factor/"


@pytest.fixture(autouse=True)
def required():
    with override_settings(STAFF_SECOND_FACTOR=True):
        yield


def code_of(user, *, later=0):
    """The code that this person's app shows, `later` times 30 seconds from now."""
    device = TOTPDevice.objects.get(user=user)
    return f"{TOTP(device.bin_key, drift=later).token():06d}"


def set_up(user):
    """A person with a second factor: their session, and their backup codes."""
    client = session(user)
    client.get(PAGE)
    page = client.post(PAGE, {"code": code_of(user)})
    return client, re.findall(r"<li><code>(\w+)</code>", page.content.decode())


def test_a_password_alone_opens_nothing():
    client = session(person(superuser=True))

    for address in ("/admin/", "/admin/accounts/account/", "/admin/auth/user/add/", "/admin/password_change/"):
        answer = client.get(address, follow=True)
        assert answer.redirect_chain[-1][0].startswith(PAGE), address
    assert client.post("/admin/auth/user/add/", {"username": "x"}).status_code == 302


def test_the_factor_is_set_up_once_and_the_codes_are_shown_once():
    user = person("ledger_viewer")
    client = session(user)
    first = client.get(f"{PAGE}?next=/admin/accounts/account/").content.decode()

    assert "<svg" in first
    wrong = client.post(PAGE, {"code": "000000"})
    assert "not right" in wrong.content.decode()
    TOTPDevice.objects.filter(user=user).update(throttling_failure_count=0, throttling_failure_timestamp=None)
    page = client.post(f"{PAGE}?next=/admin/accounts/account/", {"code": code_of(user)})

    assert len(re.findall(r"<li><code>\w{8}</code>", page.content.decode())) == 10
    assert page.context["onward"] == "/admin/accounts/account/"
    assert client.get("/admin/accounts/account/").status_code == 200
    assert client.get(PAGE).status_code == 302, "nothing is shown again"
    assert LogEntry.objects.get(user=user).get_change_message() == "Second factor set up."


def test_the_next_session_shows_a_code_that_was_not_used():
    user = person("ledger_viewer")
    set_up(user)
    used, again = code_of(user), session(user)

    page = again.get(PAGE).content.decode()
    assert "<svg" not in page
    assert "not right" in again.post(PAGE, {"code": used}).content.decode(), "each code is good once"
    TOTPDevice.objects.filter(user=user).update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert again.post(PAGE, {"code": code_of(user, later=1)}).status_code == 302
    assert again.get("/admin/").status_code == 200


def test_a_backup_code_opens_once():
    user = person("ledger_viewer")
    _, codes = set_up(user)
    first, second = session(user), session(user)

    assert first.post(PAGE, {"code": f" {codes[0].upper()} "}).status_code == 302
    assert first.get("/admin/").status_code == 200
    assert second.post(PAGE, {"code": codes[0]}).status_code == 200
    assert second.get("/admin/").status_code == 302
    assert StaticToken.objects.filter(device__user=user).count() == 9
    messages = [entry.get_change_message() for entry in LogEntry.objects.filter(user=user).order_by("pk")]
    assert messages == ["Second factor set up.", "Logged in with a backup code; 9 are left."]


def test_codes_are_not_guessed():
    user = person("ledger_viewer")
    set_up(user)
    client = session(user)

    client.post(PAGE, {"code": "000000"})
    answer = client.post(PAGE, {"code": code_of(user, later=1)})

    assert answer.status_code == 200, "after a wrong code even the right one waits"
    assert client.get("/admin/").status_code == 302


def test_one_persons_code_is_not_anothers():
    alice, bob = person("ledger_viewer"), person("ledger_viewer")
    set_up(alice)
    set_up(bob)

    assert session(bob).post(PAGE, {"code": code_of(alice, later=1)}).status_code == 200


def test_a_lost_factor_is_removed_from_a_shell():
    user, out = person("ledger_viewer"), StringIO()
    client, _ = set_up(user)

    call_command("reset_second_factor", user.username, stdout=out)

    assert "sets up a second factor" in out.getvalue()
    assert client.get("/admin/").status_code == 302, "the session that it had opened is shut"
    assert "<svg" in session(user).get(PAGE).content.decode()
    assert not StaticToken.objects.filter(device__user=user).exists()


def test_strangers_and_foreign_places_get_nothing(client):
    assert client.get(PAGE).headers["Location"] == "/admin/"
    user = person("ledger_viewer")
    page = session(user)
    page.get(PAGE)
    shown = page.post(f"{PAGE}?next=https://evil.example/", {"code": code_of(user)})
    assert shown.context["onward"] == "/admin/"


@override_settings(STAFF_SECOND_FACTOR=False)
def test_a_demo_asks_for_none():
    assert session(person("ledger_viewer")).get("/admin/").status_code == 200


def test_no_page_of_the_back_office_shows_a_secret():
    user = person(superuser=True)
    client, _ = set_up(user)
    device = TOTPDevice.objects.get(user=user)

    for address in ("/admin/otp_totp/totpdevice/", f"/admin/otp_totp/totpdevice/{device.pk}/change/"):
        page = client.get(address, follow=True)
        assert page.status_code == 200
        assert device.key not in page.content.decode()
    assert client.get("/admin/otp_static/staticdevice/").status_code == 404


def test_the_app_may_keep_factors_and_nothing_more():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, has_table_privilege('otp_totp_totpdevice', 'TRUNCATE')")
        assert cursor.fetchone() == ("ledger_app", False)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_in_a_browser(browser, address, viewport):
    user = person("ledger_viewer", password=PASSWORD)
    page = browser.new_context(viewport=viewport).new_page()
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(f"{address}/admin/accounts/account/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Scan this")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    drawn, shown = page.locator(".lb-qr svg").evaluate("svg => [svg.getBBox().width, svg.viewBox.baseVal.width]")
    assert drawn == shown > 40, "a camera reads the whole of it at every width"
    page.get_by_label("Code").fill(code_of(user))
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Keep these")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()

    page.wait_for_url(f"{address}/admin/accounts/account/")
    assert complaints == []
