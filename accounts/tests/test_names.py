"""Names are compared as what they mean: one address is one account, and nothing invisible tells two names apart."""

import pytest

from accounts.errors import AccountExists, ReservedName
from accounts.models import Account, Currency
from journal.replay import replay
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.testing.api import Api, refused
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint
from ledger_project.testing.ledger import Ledger

SHOWN = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # the first example of EIP-55
SPELLINGS = [SHOWN, SHOWN.lower(), "0x" + SHOWN[2:].upper(), "0X" + SHOWN[2:].upper()]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_is_one_account_in_any_case(ledger: Ledger, spelling: str) -> None:
    ledger.open(SHOWN, funded=100)
    ledger.open("bob")

    with pytest.raises(AccountExists):
        ledger.open(spelling)
    ledger.run("ensure_account", account=spelling, currency="CRD", initial_balance=100)
    ledger.run("transfer", from_account=spelling, to_account="bob", amount=30)
    ledger.run("transfer", from_account="bob", to_account=spelling, amount=10)
    ledger.run("freeze_account", account=spelling)

    assert ledger.balance(SHOWN) == {"available": 80}, "shown as it was first written"
    assert Account.objects.filter(tenant=ledger.tenant, name__istartswith="0x").count() == 1
    assert replay(ledger.tenant) == []


def test_in_one_batch_too(ledger: Ledger) -> None:
    ledger.open("bob", funded=100)
    results = ledger.execute(
        ledger.call("open_account", name=SPELLINGS[1]),
        *(ledger.call("transfer", from_account="bob", to_account=each, amount=10) for each in SPELLINGS),
        ledger.call("open_account", name=SHOWN),
    )

    assert [type(each).__name__ for each in results] == ["Done"] * 5 + ["AccountExists"]
    assert ledger.balance(SPELLINGS[1]) == {"available": 40}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_way_to_ask_finds_it(ledger: Ledger, spelling: str) -> None:
    ledger.open(SHOWN, funded=100)
    api = Api(ledger, "*")

    for path in ("", "/balance", "/balance?as_of=2100-01-01T00:00:00Z"):
        assert api.get(f"/v1/accounts/{spelling}{path}").json()["name"] == SHOWN
    assert [each["name"] for each in api.get(f"/v1/balances?account={spelling}").json()["results"]] == [SHOWN]
    [group] = api.get(f"/v1/balances?account={spelling}&group_by=currency").json()["results"]
    assert (group["accounts"], group["available"]) == (1, "100")
    assert len(api.get(f"/v1/entries?account={spelling}").json()["results"]) == 1
    assert api.get(f"/v1/agents/{spelling}/balance").json()["agentAddr"] == SHOWN


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_agents_deposit_and_withdrawal_find_it_and_show_it_as_it_was_first_written(
    ledger: Ledger, spelling: str
) -> None:
    ledger.open(SHOWN)
    api = Api(ledger, "*")

    paid = {"agentAddress": spelling, "amount": "50", "txHash": "0xfeed"}
    assert api.post("/v1/admin/deposits", paid).json()["deposit"]["agentAddr"] == SHOWN
    withdrawn = api.post(f"/v1/agents/{spelling}/withdraw", {"amount": "20"}).json()["withdrawal"]
    assert (withdrawn["agentAddr"], withdrawn["destination"]) == (SHOWN, SHOWN)
    assert len(api.get(f"/v1/agents/{spelling}/ledger").json()["entries"]) == 2
    assert ledger.balance(SHOWN) == {"available": 30, "held": 20}


def test_a_did_with_an_address_in_it_and_a_customer_of_an_address_are_one_too(ledger: Ledger) -> None:
    ledger.open(f"did:pkh:eip155:1:{SHOWN}")
    with pytest.raises(AccountExists):
        ledger.open(f"did:pkh:eip155:1:{SHOWN.lower()}")
    for number, spelling in enumerate(SPELLINGS):
        ledger.run("record_payment", payment_intent_id=f"pi_{number}", customer_id=spelling, amount=5, currency="CRD")

    assert ledger.balance(f"customer_balance:{SHOWN}") == {"available": 20}
    assert replay(ledger.tenant) == []


def test_elsewhere_capitals_count(ledger: Ledger) -> None:
    ledger.open("alice", "Alice", "0xfeed", "0xFEED", "ab" * 20, "AB" * 20)


@pytest.mark.parametrize("odd", ["\u00ad", "\u200b", "\u202e", "\u2066", "\ufeff", "\u3164", "\ufe0f", "\U000e0041"])
def test_what_nobody_sees_makes_no_name(ledger: Ledger, odd: str) -> None:
    api = Api(ledger, "*")
    for name in (f"plat{odd}form:issuance:CRD", f"{odd}alice", f"alice{odd}"):
        refused(api.post("/v1/accounts", {"name": name}), 422, "invalid_request")
        refused(api.post(f"/v1/accounts/{name}/ensure", {"currency": "CRD"}), 422, "invalid_request")
        deposit = {"account": name, "amount": 5, "source": "x", "external_ref": "1", "open_account": True}
        refused(api.post("/v1/deposits", deposit), 422, "invalid_request")
    assert not Account.objects.filter(tenant=ledger.tenant).exists()


def test_an_accent_written_in_two_ways_is_one(ledger: Ledger) -> None:
    ledger.open("caf\u00e9", funded=5)
    with pytest.raises(AccountExists):
        ledger.open("cafe\u0301")
    assert Api(ledger, "*").get("/v1/accounts/cafe\u0301/balance").json()["available"] == "5"


@pytest.mark.parametrize("name", ["platform:mine", "platform:cash"])
def test_a_name_of_the_platforms_is_judged_by_what_it_means(ledger: Ledger, name: str) -> None:
    with pytest.raises(ReservedName):
        ledger.open(name)


@pytest.mark.parametrize("code", ["eur", "Eur", "E", "EUR-1", "USD.e", "EURO_CENTS", "ABCDEFGHIJKLM", "\u0415UR"])
def test_a_currency_is_two_to_twelve_capitals_and_digits(ledger: Ledger, code: str) -> None:
    ledger.run("register_currency", code="EUR", scale=2)
    with pytest.raises(InvalidRequest):
        ledger.run("register_currency", code=code, scale=2)
    assert set(Currency.objects.filter(tenant=ledger.tenant).values_list("code", flat=True)) == {"CRD", "EUR"}


@pytest.mark.parametrize("role", [APP, OWNER])
def test_postgresql_says_the_same(ledger: Ledger, role: str) -> None:
    ledger.open(SHOWN)
    assert constraint(attempt(role, _opening(ledger, SHOWN.lower()))) == "account_exists"
    assert constraint(attempt(role, _opening(ledger, "plat\u00adform:mine"))) == "account_name"
    assert constraint(attempt(role, _opening(ledger, "cafe\u0301"))) == "account_name"
    assert constraint(attempt(role, _opening(ledger, " alice"))) == "account_name"
    assert constraint(attempt(role, _opening(ledger, "platform:mine"))) == "reserved_name"
    registering = f"INSERT INTO accounts_currency (tenant_id, code, scale, name) VALUES ({ledger.tenant}, 'eur', 2, '')"
    assert constraint(attempt(role, registering)) == "currency_code"


def _opening(ledger: Ledger, name: str) -> str:
    return (
        "INSERT INTO accounts_account"
        " (id, tenant_id, name, type, currency, scale, unbounded, stripes, metadata, created_at)"
        f" VALUES (gen_random_uuid(), {ledger.tenant}, '{name}', 'liability', 'CRD', 0, false, 1, '{{}}', now())"
    )
