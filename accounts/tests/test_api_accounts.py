"""Accounts over HTTP: names of any shape in the address, and each verb's route."""

from typing import Any
from urllib.parse import quote

import pytest

from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger

NAMES = [
    "did:web:alice",
    "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    "0xdAC17F958D2ee523a2206206994597C13D831ec7",
    "a:b:c",
    "marketplace:cash:USD",
    "bob@example.com",
    "100%",
    "%41",
    "a+b c",
    "?q=1&r=2#top",
    "naïve — 東京 🎌",
    "a;b,c",
    '"quoted"',
    "<script>",
    "..a",
    "-",
    "x" * 255,
]


def at(name: str, verb: str = "") -> str:
    """The account's address, its name encoded as a client must."""
    return f"/v1/accounts/{quote(name, safe='')}{verb and '/' + verb}"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_shape_finds_its_account(api: Api, name: str) -> None:
    opened = api.post("/v1/accounts", {"name": name}).json()["account"]
    ensured = api.post(at(name, "ensure")).json()["account"]
    frozen = api.post(at(name, "freeze"), {"reason": "audit"}).json()["account"]
    by_id = api.post(at(opened["id"], "unfreeze"), {}).json()["account"]

    assert opened["name"] == name
    assert {ensured["id"], frozen["id"], by_id["id"]} == {opened["id"]}
    assert (frozen["status"], by_id["status"]) == ("frozen", "open")


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", ".", "..", "a/b", "acc_" + "0" * 32, "tab\t", "x" * 256, 7, None]
)
def test_what_is_no_name_opens_no_account(api: Api, name: Any) -> None:
    problem = refused(api.post("/v1/accounts", {"name": name}), 422, "invalid_request")

    assert problem["field"] == "name"
    assert api.ledger.tail() == ["api_key.issued"]


def test_an_account_is_opened_with_all_that_was_asked(api: Api) -> None:
    asked = {"name": "cash", "currency": "CRD", "type": "asset", "unbounded": True, "metadata": {"bank": "x", "n": 7}}

    response = api.post("/v1/accounts", asked)

    account = response.json()["account"]
    assert response.status_code == 201
    assert {name: account[name] for name in asked} == asked
    assert (account["normal_balance"], account["scale"], account["status"]) == ("debit", 0, "open")


def test_ensure_opens_once_and_funds_once(api: Api) -> None:
    first = api.post(at("alice", "ensure"), {"initial_balance": "50"}).json()
    second = api.post(at("alice", "ensure"), {"initial_balance": "50"}).json()

    assert first["account"]["balance"]["available"] == second["account"]["balance"]["available"] == "50"
    assert (first["entry"]["kind"], second["entry"]) == ("mint", None)
    assert api.ledger.balance("alice") == {"available": 50}


def test_ensure_in_another_currency_is_refused(api: Api) -> None:
    api.post("/v1/currencies", {"code": "USD", "scale": 2, "name": "US dollar"})
    api.post(at("alice", "ensure"), {"currency": "CRD"})

    problem = refused(api.post(at("alice", "ensure"), {"currency": "USD"}), 422, "currency_mismatch")

    assert (problem["currency"], problem["expected"]) == ("CRD", "USD")


def test_an_account_closes_when_it_is_empty(api: Api) -> None:
    api.ledger.open("alice", funded=5)

    problem = refused(api.post(at("alice", "close")), 409, "account_not_empty")
    api.post("/v1/burns", {"account": "alice", "amount": 5})
    closed = api.post(at("alice", "close"), {"reason": "gone"})

    assert problem["available"] == "5"
    assert closed.json()["account"]["status"] == "closed"
    refused(api.post(at("alice", "freeze")), 409, "account_closed")


def test_the_argument_in_the_address_has_no_second_spelling(api: Api) -> None:
    api.ledger.open("alice", "bob")

    problem = refused(api.post(at("alice", "freeze"), {"account": "bob"}), 422, "unknown_field")

    assert problem["field"] == "account"
    assert api.ledger.tail() == ["account.opened"]


def test_a_currency_is_registered_once(api: Api) -> None:
    registered = api.post("/v1/currencies", {"code": "ETH", "scale": 18, "name": "Ether"})

    assert registered.json()["currency"] | {"created_at": None} == {
        "code": "ETH",
        "scale": 18,
        "name": "Ether",
        "created_at": None,
    }
    refused(api.post("/v1/currencies", {"code": "ETH", "scale": 6}), 409, "currency_exists")
    assert refused(api.post("/v1/currencies", {"code": "XX", "scale": 37}), 422, "invalid_request")["field"] == "scale"


def test_another_tenants_accounts_do_not_exist(api: Api) -> None:
    stranger = Api(Ledger())
    opened = api.post("/v1/accounts", {"name": "alice"}).json()["account"]
    before = api.ledger.size()

    for ref in ("alice", opened["id"]):
        for verb in ("freeze", "unfreeze", "close"):
            refused(stranger.post(at(ref, verb)), 404, "account_not_found")

    assert api.ledger.size() == before
