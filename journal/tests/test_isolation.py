"""Tenant A sees nothing of tenant B: 404 for what has a name, an empty list for the rest, on every GET."""

from datetime import UTC, datetime

import pytest
from django.urls import URLPattern

from accounts.api import urls as accounts
from journal.api import urls as journal
from journal.external.tests.story import Bank
from ledger_project.kernel import clock
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger

EMPTY = [
    "/v1/accounts",
    "/v1/accounts?prefix=alice",
    "/v1/balances",
    "/v1/balances?account={account}",
    "/v1/balances?account=alice",
    "/v1/balances?group_by=currency",
    "/v1/balances?group_by=prefix:1&account={account}",
    "/v1/currencies",
    "/v1/entries",
    "/v1/entries?account={account}",
    "/v1/entries?account=alice&kind=transfer",
    "/v1/entries?prefix=al",
    "/v1/entries?reference=r-1",
    "/v1/entries?references.job_id=j-1",
    "/v1/entries?idempotency_key=sold",
    "/v1/transfers",
    "/v1/transfers?account={account}",
    "/v1/transfers?job_id=j-1",
    "/v1/events?type=transfer.posted",
    "/v1/events?idempotency_key=sold",
    "/v1/events?command=open_account",
    "/v1/session-keys",
    "/v1/session-keys?account={account}",
    "/v1/budgets",
    "/v1/budgets?account={account}",
    "/v1/budgets?account=alice&name=alices",
    "/v1/price-books",
    "/v1/price-books?book=llm",
    "/v1/usage",
    "/v1/usage?account={account}",
    "/v1/usage?request_id=r-1",
    "/v1/grants",
    "/v1/grants?account=alice",
    "/v1/promo-grants",
    "/v1/promo-grants?account=alice",
    "/v1/clearing-accounts",
    "/v1/clearing-accounts?domain=eu",
    "/v1/settlements",
    "/v1/settlements?netting_batch_id=net-1",
    "/v1/monitors",
    "/v1/reconciliations",
    "/v1/statements",
    "/v1/external-statements",
    "/v1/adjustments",
]
MISSING = [
    ("/v1/accounts/{account}/bill", "account_not_found"),
    ("/v1/accounts/{account}", "account_not_found"),
    ("/v1/accounts/alice", "account_not_found"),
    ("/v1/accounts/{account}/balance", "account_not_found"),
    ("/v1/accounts/alice/balance", "account_not_found"),
    ("/v1/accounts/{account}/entries", "account_not_found"),
    ("/v1/accounts/alice/entries", "account_not_found"),
    ("/v1/accounts/{account}/statement?period=2026-10", "account_not_found"),
    ("/v1/budgets/alices", "budget_not_found"),
    ("/v1/budgets/{budget}", "budget_not_found"),
    ("/v1/entries/{entry}", "entry_not_found"),
    ("/v1/events/{event}", "event_not_found"),
    ("/v1/external-statements/{external_statement}", "external_statement_not_found"),
    ("/v1/external-statements/{external_statement}/lines", "external_statement_not_found"),
    ("/v1/external-statements/{external_statement}/matches", "external_statement_not_found"),
    ("/v1/external-statements/{external_statement}/open-entries", "external_statement_not_found"),
    ("/v1/reconciliations/{reconciliation}", "reconciliation_not_found"),
    ("/v1/settlements/{settlement}", "settlement_not_found"),
    ("/v1/settlements/{settlement}/entries", "settlement_not_found"),
]
# Tested where they are made.
ELSEWHERE = {"v1/api-keys", "v1/exports/<str:export>", "v1/trial-balance", "v1/audit-archive"}


class Neighbours:
    """B has books; A has a key and nothing else. What is asked for exists, which B's own key shows."""

    def __init__(self) -> None:
        mine, theirs = Ledger(currency=None), Ledger()
        month = {"since": "2020-01-01T00:00:00Z", "until": "2020-02-01T00:00:00Z"}
        with clock.stopped(datetime(2020, 1, 9, tzinfo=UTC)):
            theirs.open("old")
        theirs.run("issue_statement", account="old", **month)
        theirs.open("shop", funded=100)
        bank = Bank(theirs)
        theirs.run("mint", account="alice", amount=100)
        said = bank.say("1,-3,b-1,fee")
        bank.propose(said, line=1)
        theirs.run("mint", account="alice", amount=5, reference="r-1")
        sold = theirs.run("transfer", key="sold", from_account="alice", to_account="shop", amount=30, job_id="j-1")
        theirs.run("issue_session_key", account="alice")
        budget = theirs.answer("set_budget", name="alices", account="alice", window="day", limit=500)
        rates = [{"model": "*", "metric": "requests", "price": "1"}]
        theirs.run("publish_prices", book="llm", rates=rates)
        used = {"book": "llm", "model": "m", "metrics": {"requests": 1}}
        theirs.run("record_usage", account="alice", request_id="r-1", **used)
        theirs.run("promo_mint", account="alice", amount=5)
        theirs.run("register_monitor", account="alice", operator="lt", value=10)
        theirs.run("open_clearing_account", domain="eu")
        theirs.run("transfer", from_account="alice", to_account="clearing:eu", amount=1)
        asked = theirs.answer("request_reconciliation")
        settled = theirs.answer("settle_batch", netting_batch_id="net-1")
        self.a, self.b = Api(mine), Api(theirs)
        self.names = {
            "account": self.b.get("/v1/accounts/alice").json()["id"],
            "budget": budget["budget"]["id"],
            "entry": "ent_" + sold.document["id"][4:],
            "event": sold.document["id"],
            "external_statement": said,
            "reconciliation": asked["reconciliation"]["id"],
            "settlement": settled["settlement"]["id"],
        }


@pytest.fixture(scope="module")
def neighbours() -> Neighbours:
    return Neighbours()


@pytest.mark.parametrize("address", EMPTY)
def test_a_list_is_empty(neighbours, address):
    address = address.format(**neighbours.names)

    assert neighbours.b.get(address).json()["results"]
    answer = neighbours.a.get(address)
    assert (answer.status_code, answer.json()) == (200, {"results": [], "next": None})


@pytest.mark.parametrize(("address", "code"), MISSING)
def test_what_has_a_name_is_not_found(neighbours, address, code):
    address = address.format(**neighbours.names)

    assert neighbours.b.get(address).status_code == 200
    answer = neighbours.a.get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


def test_a_trial_balance_adds_up_nothing_of_anothers(neighbours):
    assert neighbours.b.get("/v1/trial-balance").json()["currencies"]
    assert neighbours.a.get("/v1/trial-balance").json()["currencies"] == []


def test_every_address_that_reads_is_tested_here():
    tested = {address.partition("?")[0] for address in [*EMPTY, *(address for address, _ in MISSING)]}
    for pattern in [*accounts.urlpatterns, *journal.urlpatterns]:
        assert isinstance(pattern, URLPattern)
        if hasattr(pattern.callback.view_class, "get") and str(pattern.pattern) not in ELSEWHERE:
            assert "/" + str(pattern.pattern).replace("<str:", "{").replace(">", "}") in tested
