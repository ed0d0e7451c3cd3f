"""Balances and the trial balance over the API, now and at moments before and after an entry that was dated back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from accounts.models import Tenant
from ledger_project.kernel import clock
from ledger_project.testing.api import refused

START = datetime(2026, 10, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(days):
    return clock.stamp(START + days * DAY)


@pytest.fixture
def dated(api):
    """On the 10th it turns out that agent 1 paid the shop 30 on the 3rd."""
    with clock.stopped(START):
        api.ledger.run("open_account", name="cash", type="asset", unbounded=True)
        api.ledger.open("agent:1", "agent:2", "shop")
        for agent in ("agent:1", "agent:2"):
            lines = [{"account": "cash", "amount": 100}, {"account": agent, "amount": -100}]
            api.ledger.run("post_entry", kind="deposit", postings=lines)
    with clock.stopped(START + 9 * DAY):
        api.ledger.run("transfer", from_account="agent:1", to_account="shop", amount=30, effective_at=at(2))
    return api


@pytest.mark.parametrize(
    ("query", "available", "version"),
    [
        ("", "70", 2),
        (f"?as_of={at(1)}", "100", 1),
        (f"?as_of={at(2)}", "70", 2),
        (f"?known_at={at(5)}", "100", 1),
        (f"?known_at={at(9)}", "70", 2),
        (f"?as_of={at(5)}&known_at={at(5)}", "100", 1),
        (f"?as_of={at(-1)}", "0", 0),
    ],
)
def test_a_balance_at_a_moment(dated, query, available, version):
    one = dated.get(f"/v1/accounts/agent:1/balance{query}").json()
    assert (one["available"], one["posted"], one["version"]) == (available, available, version)

    many = dated.get(f"/v1/balances{query or '?'}&prefix=agent:").json()["results"]
    assert {each["name"]: each["available"] for each in many}["agent:1"] == available

    [group] = dated.get(f"/v1/balances{query or '?'}&prefix=agent:1&group_by=prefix:1").json()["results"]
    assert (group["group"], group["available"]) == ("agent", available)


def rows(answer):
    [side] = [each for each in answer.json()["currencies"] if each["currency"] == "CRD"]
    return {row["name"]: (row["debit"], row["credit"], row["accounts"]) for row in side["rows"]}, side


def test_the_tree_adds_up_at_any_moment(dated):
    now, total = rows(dated.get("/v1/trial-balance"))
    then, before = rows(dated.get(f"/v1/trial-balance?known_at={at(5)}"))

    assert now["agent"] == ("0", "170", 2)
    assert now["agent:1"] == ("0", "70", 1)
    assert now["shop"] == ("0", "30", 1)
    assert now["cash"] == ("200", "0", 1)
    assert (then["agent:1"], then["shop"]) == (("0", "100", 1), ("0", "0", 1))
    assert total["debit"] == total["credit"] == before["debit"] == before["credit"] == "200"


def test_a_tree_of_one_depth_under_a_prefix(dated):
    tree, total = rows(dated.get("/v1/trial-balance?prefix=agent&depth=1&currency=CRD"))

    assert tree == {"agent": ("0", "170", 2)}
    assert (total["debit"], total["credit"]) == ("0", "170")


def test_what_is_no_moment_is_refused_by_name(dated):
    for address in ("/v1/balances", "/v1/trial-balance", "/v1/accounts/shop/balance"):
        assert refused(dated.get(f"{address}?as_of=soon"), 422, "invalid_request")["field"] == "as_of"
        assert refused(dated.get(f"{address}?when=now"), 422, "unknown_field")["field"] == "when"
    assert refused(dated.get(f"/v1/accounts/nobody/balance?as_of={at(1)}"), 404, "account_not_found")
    assert refused(dated.get("/v1/trial-balance?depth=0"), 422, "invalid_request")["field"] == "depth"


def test_the_command_prints_the_tree_with_units_and_sums(dated, capsys):
    slug = Tenant.objects.get(pk=dated.ledger.tenant).slug
    call_command("trial_balance", tenant=slug, known_at=at(5), depth=1)

    assert capsys.readouterr().out.splitlines() == [
        "CRD      debit  credit",
        "  agent      0     200",
        "  cash     200       0",
        "  shop       0       0",
        "total      200     200",
    ]
