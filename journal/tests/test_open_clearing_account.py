"""open_clearing_account: one account per domain and currency, for what its users exchange with others."""

import pytest

from accounts.errors import AccountExists, CurrencyNotFound
from accounts.models import Account
from journal.errors import ClearingAccountExists
from journal.models import ClearingAccount
from ledger_project.testing.ledger import Ledger


def test_a_domain_gets_an_account_that_may_go_below_zero(ledger: Ledger) -> None:
    ledger.open("alice")

    answer = ledger.answer("open_clearing_account", domain="eu.example")
    ledger.run("transfer", from_account="clearing:eu.example", to_account="alice", amount=5)

    made = answer["clearing_account"]
    assert (made["domain"], made["currency"], made["name"]) == ("eu.example", "CRD", "clearing:eu.example")
    account = Account.objects.get(tenant=ledger.tenant, name="clearing:eu.example")
    assert made["account"] == f"acc_{account.id.hex}"
    assert (account.type, account.unbounded) == ("liability", True)
    assert ledger.balance("clearing:eu.example") == {"available": -5}
    assert ClearingAccount.objects.get(tenant=ledger.tenant).domain == "eu.example"


def test_users_and_domains_pay_each_other(ledger: Ledger) -> None:
    ledger.open("alice", funded=10)
    ledger.run("open_clearing_account", domain="eu")

    ledger.run("transfer", from_account="alice", to_account="clearing:eu", amount=10)
    ledger.run("transfer", from_account="clearing:eu", to_account="alice", amount=4)

    assert ledger.balance("clearing:eu") == {"available": 6}
    assert ledger.balance("alice") == {"available": 4}


def test_a_second_currency_has_an_account_of_its_own(ledger: Ledger) -> None:
    ledger.run("register_currency", code="EUR", scale=2)
    ledger.run("open_clearing_account", domain="eu", currency="CRD")

    answer = ledger.answer("open_clearing_account", domain="eu", currency="EUR")

    assert answer["clearing_account"]["name"] == "clearing:eu:EUR"


def test_refusals_open_nothing(ledger: Ledger) -> None:
    ledger.run("open_clearing_account", domain="eu")
    ledger.open("clearing:us")
    before = ledger.size()

    with pytest.raises(CurrencyNotFound):
        ledger.run("open_clearing_account", domain="eu", currency="XXX")
    with pytest.raises(ClearingAccountExists) as refused:
        ledger.run("open_clearing_account", domain="eu", currency="CRD")
    with pytest.raises(AccountExists):
        ledger.run("open_clearing_account", domain="us")

    assert refused.value.facts == {"domain": "eu", "currency": "CRD"}
    assert ledger.size() == before
    assert ClearingAccount.objects.filter(tenant=ledger.tenant).count() == 1
