"""The platform's own names: nobody is there before the ledger with an account that would stand in its way."""

import itertools
import uuid

import pytest

from accounts.errors import ReservedName
from accounts.models import Account
from accounts.reserved import TYPES, require_fit
from journal.replay import replay
from ledger_project.kernel.errors import Refusal
from ledger_project.testing.api import Api, refused
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint
from ledger_project.testing.ledger import Ledger

LIST = Account.Type.values
# One verb for each account that the ledger opens by itself, and where its money then stands.
FIRST_USES = [
    ("issuance:CRD", -200, ("mint", {"account": "alice", "amount": 100})),
    ("custody:CRD", 5, ("record_deposit", {"account": "alice", "amount": 5, "source": "bank", "external_ref": "r"})),
    ("revenue:CRD", 5, ("spend", {"account": "alice", "amount": 5})),
    ("fees:CRD", 5, ("charge_fee", {"account": "alice", "amount": 5})),
    ("cash", 5, ("record_payment", {"payment_intent_id": "p", "customer_id": "c", "amount": 5, "currency": "CRD"})),
    ("disputes_held", 5, ("record_dispute", {"dispute_id": "d", "customer_id": "c", "amount": 5, "currency": "CRD"})),
]


def test_whoever_may_only_open_accounts_cannot_stop_a_deposit(ledger: Ledger) -> None:
    ledger.open("alice")
    mallory = Api(ledger, "accounts.open_account", "accounts.open_unbounded", "journal.ensure_account")

    for body in (
        {"name": "platform:custody:CRD"},
        {"name": "platform:custody:CRD", "type": "liability", "unbounded": True},
        {"name": "platform:custody:CRD", "type": "asset", "unbounded": False},
        {"name": "platform:custody:EUR", "type": "asset", "unbounded": True, "currency": "CRD"},
    ):
        problem = refused(mallory.post("/v1/accounts", body), 422, "reserved_name")
        assert (problem["account"], problem["currency"], problem["expected"]) == (body["name"], "CRD", "asset")
    refused(mallory.post("/v1/accounts/platform:custody:CRD/ensure", {"type": "asset"}), 422, "reserved_name")
    refused(mallory.post("/v1/accounts", {"name": "platform:of-mine", "unbounded": True}), 422, "reserved_name")

    ledger.run("record_deposit", account="alice", amount=70, source="bank", external_ref="tx-1")
    assert ledger.balances() == {"alice": {"available": 70}, "platform:custody:CRD": {"available": 70}}
    assert replay(ledger.tenant) == []


def test_money_that_comes_in_does_not_open_one_either(ledger: Ledger) -> None:
    with pytest.raises(ReservedName):
        ledger.run(
            "record_deposit", account="platform:fees:CRD", amount=7, source="x", external_ref="1", open_account=True
        )
    assert ledger.balances() == {}


@pytest.mark.parametrize(("name", "amount", "use"), FIRST_USES, ids=[name for name, _, _ in FIRST_USES])
def test_opened_beforehand_it_serves_as_if_the_ledger_had(ledger: Ledger, name: str, amount: int, use) -> None:
    verb, arguments = use
    ledger.open(f"platform:{name}", type=TYPES[name.split(":")[0]], unbounded=True)
    ledger.open("alice", funded=100)

    ledger.run(verb, **arguments)

    assert sum(ledger.balance(f"platform:{name}").values()) == amount
    assert replay(ledger.tenant) == []


def insertion(ledger: Ledger, name: str, type: str, unbounded: bool) -> str:
    return (
        "INSERT INTO accounts_account (id, tenant_id, name, type, currency, scale, unbounded, stripes, metadata,"
        f" created_at) VALUES ('{uuid.uuid4()}', {ledger.tenant}, '{name}', '{type}', 'CRD', 0, {unbounded}, 1,"
        " '{}', now())"
    )


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_postgresql_forbids_what_python_refuses_and_no_more(ledger: Ledger, alias: str) -> None:
    names = [f"platform:{role}{end}" for role in (*TYPES, "other", "") for end in ("", ":", ":CRD", ":EUR", ":CRD:CRD")]
    allowed = 0

    for name, type, unbounded in itertools.product([*names, "platform", "Platform:cash", "x"], LIST, (True, False)):
        try:
            require_fit(name, currency="CRD", type=type, unbounded=unbounded)
            expected = "account_without_balance"  # the next rule in the way, at the end of the statement
            allowed += 1
        except ReservedName:
            expected = "reserved_name"
        error = attempt(alias, insertion(ledger, name, type, unbounded))
        assert constraint(error) == expected, (name, type, unbounded)

    assert allowed == len(TYPES) * 2 + 3 * len(LIST) * 2
    assert Refusal.by_constraint["reserved_name"] is ReservedName
