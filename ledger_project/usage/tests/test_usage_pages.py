"""The back office's pages about budgets, prices and usage."""

import pytest
from django.test import Client

from accounts.models import Account, Budget
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import boss
from ledger_project.usage.admin import change
from ledger_project.usage.models import PriceVersion, Usage


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("team:ada", funded=1000)
    rates = [{"model": "gpt", "metric": "tokens", "price": "2"}, {"model": "old", "metric": "tokens", "price": "1"}]
    ledger.run("publish_prices", book="llm", rates=rates, effective_at="2026-01-01T00:00:00Z")
    rates = [
        {"model": "gpt", "metric": "tokens", "price": "2.5"},
        {"model": "new", "metric": "tokens", "tiers": [{"up_to": 10, "price": "3"}, {"price": "1"}]},
    ]
    ledger.run("publish_prices", book="llm", rates=rates, effective_at="2026-02-01T00:00:00Z")
    ledger.run("set_budget", name="company", window="month", limit=1000, currency="CRD")
    ledger.run(
        "set_budget", name="team", account_prefix="team:", window="day", limit=100, currency="CRD", parent="company"
    )
    used = {"account": "team:ada", "book": "llm", "model": "gpt", "request_id": "r1"}
    usage = ledger.answer("record_usage", metrics={"tokens": 20}, **used)["usage"]["id"]
    ledger.run("correct_usage", usage=usage, metrics={"tokens": 10})
    ledger.run("place_hold", account="team:ada", amount=15)
    return ledger


@pytest.fixture
def staff(books: Ledger) -> Client:
    return boss()


def read(staff: Client, address: str) -> str:
    response = staff.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_budgets_stand_in_their_tree_with_what_is_left(books: Ledger, staff: Client) -> None:
    budget = Budget.objects.get(tenant=books.tenant, name="team")

    page = read(staff, f"/admin/accounts/budget/bud_{budget.pk.hex}/change/")

    assert "40 % of the limit: 25 used, 15 promised" in page
    assert page.index("company") < page.index("└")
    assert "team:…" in read(staff, f"/admin/accounts/budget/?tenant={books.tenant}")


def test_versions_of_prices_stand_side_by_side(books: Ledger, staff: Client) -> None:
    newest = PriceVersion.objects.get(tenant=books.tenant, number=2)

    page = read(staff, f"/admin/usage/priceversion/prv_{newest.pk.hex}/change/")

    for said in ("+25 %", "added", "removed", "up to 10: 3, then 1"):
        assert said in page
    assert "llm" in read(staff, f"/admin/usage/priceversion/?tenant={books.tenant}")


def test_an_accounts_usage_is_a_chart_and_the_same_numbers(books: Ledger, staff: Client) -> None:
    account = Account.objects.get(tenant=books.tenant, name="team:ada")

    page = read(staff, f"/admin/accounts/account/acc_{account.pk.hex}/change/")

    assert '<svg class="lb-chart"' in page
    assert "Usage by day" in page


def test_a_request_shows_its_price_and_its_history(books: Ledger, staff: Client) -> None:
    newest = Usage.objects.filter(tenant=books.tenant).order_by("-pk")[0]

    page = read(staff, f"/admin/usage/usage/usg_{newest.pk.hex}/change/")

    assert "corrected" in page
    assert "recorded" in page
    assert "r1" in read(staff, f"/admin/usage/usage/?tenant={books.tenant}&model=gpt")


def test_changes_are_told_in_words() -> None:
    old, new = {"price": "2", "per": 1000}, {"price": "0.001"}
    assert [change(None, new), change(old, None), change(old, old), change(old, new)] == [
        "added",
        "removed",
        "the same",
        "-50 %",
    ]
    assert change({"price": "0"}, new) == "no longer free"
