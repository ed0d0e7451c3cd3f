"""The back office in a real browser: what only scripts, styles and eyes can get wrong."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from journal.models import Entry
from ledger_project.kernel import ids
from ledger_project.testing.staff import PASSWORD, person

pytestmark = pytest.mark.slow

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


@pytest.fixture
def books(ledger):
    ledger.open("alice", funded=1000)
    ledger.open("bob")
    ledger.run("transfer", from_account="alice", to_account="bob", amount=300, description="rent")
    return ledger


def enter(browser, address, user, *, viewport=DESK, to="/admin/"):
    """A page on which `user` has logged in; complaints of the browser and of the server are collected."""
    context = browser.new_context(viewport=viewport)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    page.on("response", lambda got: page.complaints.append(got.url) if got.status >= 400 else None)
    page.on("request", lambda sent: None if sent.url.startswith(address) else page.complaints.append(sent.url))
    page.goto(f"{address}/admin/login/?next={to}")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}{to}")
    return page


def public_id(ledger, name):
    return ids.show("acc", Account.objects.get(tenant=ledger.tenant, name=name).pk)


def test_an_operator_finds_an_account_and_moves_money_once(browser, address, books):
    page = enter(browser, address, person("ledger_operator", password=PASSWORD), to="/admin/accounts/account/")

    page.get_by_placeholder("acc_").fill(public_id(books, "alice"))
    page.keyboard.press("Enter")
    page.get_by_role("link", name="alice", exact=True).click()
    page.get_by_role("link", name="Transfer").click()
    page.get_by_label("To account").fill("bob")
    page.get_by_label("Amount").fill("50")
    page.get_by_label("Reason").fill("second month")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_text("Nothing has been posted yet")).to_be_visible()
    page.get_by_role("button", name="Transfer now").dblclick()

    expect(page.get_by_text("Transferred: alice")).to_be_visible()
    assert books.balance("bob") == {"available": 350}
    assert Entry.objects.filter(tenant=books.tenant, description="second month").count() == 1
    assert page.complaints == []


def test_an_operator_freezes_what_is_ticked(browser, address, books):
    to = f"/admin/accounts/account/?tenant={books.tenant}"
    page = enter(browser, address, person("ledger_operator", password=PASSWORD), to=to)

    for name in ("alice", "bob"):
        page.get_by_role("row", name=name).get_by_role("checkbox").check()
    page.get_by_label("Select action to run").select_option("freeze_account")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Reason").fill("audit")
    page.get_by_role("button", name="Freeze").click()

    expect(page.get_by_text("2 frozen")).to_be_visible()
    assert books.tail(2) == ["account.frozen", "account.frozen"]
    assert page.complaints == []


def test_a_filter_is_applied(browser, address, books):
    page = enter(browser, address, person("ledger_viewer", password=PASSWORD), to="/admin/journal/entry/")

    page.locator("a", has_text="Filters").click()
    page.locator("#id_kind").fill("mint")
    page.get_by_role("button", name="Apply Filters").click()

    page.wait_for_url(re.compile("kind=mint"))
    assert "transfer" not in page.locator("#result_list").inner_text()
    assert page.complaints == []


def test_an_id_is_copied_whole(browser, address, books):
    entry = Entry.objects.filter(tenant=books.tenant).order_by("-pk")[0]
    wanted = ids.show("ent", entry.pk)
    to = f"/admin/journal/entry/{wanted}/change/"
    page = enter(browser, address, person("ledger_viewer", password=PASSWORD), to=to)

    page.get_by_role("button", name=f"Copy {wanted}").first.click()

    assert page.evaluate("navigator.clipboard.readText()") == wanted


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_every_page_fits_its_screen_and_loads_nothing_from_elsewhere(browser, address, books, viewport):
    page = enter(browser, address, person(superuser=True, password=PASSWORD), viewport=viewport)
    entry = Entry.objects.filter(tenant=books.tenant).order_by("-pk")[0].pk
    account = f"accounts/account/{public_id(books, 'alice')}"
    lists = ("accounts/account", "accounts/balancetotal", "journal/entry", "journal/postingline", "log/event")
    pages = [f"{name}/?tenant={books.tenant}" for name in lists]
    pages += ["", f"{account}/change/", f"{account}/do/mint/", f"journal/entry/{entry}/change/"]
    pages += [f"log/event/{entry}/change/", f"accounts/tenant/{books.tenant}/change/", "auth/user/add/", "auth/group/"]

    for name in pages:
        page.goto(f"{address}/admin/{name}")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], f"{name} is {width} wide"

    assert page.complaints == []
