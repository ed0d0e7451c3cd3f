"""The agent platform's addresses: its words, its decimals, the same books."""

import pytest

from holds.tests.story import Story
from ledger_project.testing.api import Api, refused

AGENT = "0xA11CE"


@pytest.fixture
def usdc() -> Story:
    """A platform in USDC, with six decimals."""
    story = Story(currency="USDC", scale=6)
    story.open(AGENT, "0xb0b")
    return story


@pytest.fixture
def api(usdc: Story) -> Api:
    return Api(usdc)


def deposit(api: Api, amount: str, tx: str = "0xfeed", agent: str = AGENT, **options):
    return api.post("/v1/admin/deposits", {"agentAddress": agent, "amount": amount, "txHash": tx}, **options)


def test_a_deposit_is_credited_to_the_decimal(api: Api, usdc: Story) -> None:
    response = deposit(api, "10.50")

    made = response.json()
    assert response.status_code == 201
    assert made["deposit"] == {
        "id": made["deposit"]["id"],
        "agentAddr": AGENT,
        "amount": "10.500000",
        "txHash": "0xfeed",
        "status": "confirmed",
        "createdAt": made["event"]["recorded_at"],
    }
    assert made["event"]["type"] == "deposit.recorded"
    assert usdc.balance(AGENT) == {"available": 10_500_000}


def test_a_transaction_is_credited_once(api: Api, usdc: Story) -> None:
    first = deposit(api, "10").json()

    problem = refused(deposit(api, "10"), 409, "duplicate_deposit")

    assert problem["deposit"] == first["deposit"]["id"]
    assert usdc.balance(AGENT) == {"available": 10_000_000}


def test_the_same_call_again_is_a_replay(api: Api) -> None:
    first, again = deposit(api, "10", key="once"), deposit(api, "10.0", key="once")

    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    refused(deposit(api, "11", key="once"), 422, "idempotency_key_reused")


def test_an_agents_first_deposit_opens_its_account(api: Api, usdc: Story) -> None:
    response = deposit(api, "1.25", agent="0xnew")

    assert response.status_code == 201, response.content
    assert usdc.balance("0xnew") == {"available": 1_250_000}
    assert deposit(api, "1", agent="0xnew", tx="0x2").status_code == 201
    assert usdc.balance("0xnew") == {"available": 2_250_000}
    usdc.right()


def test_a_rehearsed_deposit_opens_nothing(api: Api, usdc: Story) -> None:
    body = {"agentAddress": "0xnew", "amount": "1", "txHash": "0x9"}

    response = api.post("/v1/admin/deposits?dry_run=true", body)

    assert (response.status_code, response.json()["dry_run"]) == (200, True)
    assert response.json()["deposit"]["amount"] == "1.000000"
    refused(api.get("/v1/agents/0xnew/balance"), 404, "account_not_found")


def test_which_currency_a_new_agent_has_must_be_clear(api: Api, usdc: Story) -> None:
    usdc.run("register_currency", code="EUR", scale=2)

    refused(deposit(api, "1", agent="0xnew"), 422, "agent_currency_not_set")
    assert deposit(api, "1").status_code == 201


def test_a_balance_has_every_number_of_the_platform(api: Api, usdc: Story) -> None:
    deposit(api, "100")
    usdc.run("set_credit_limit", account=AGENT, credit_limit="5000000")
    usdc.make("lock_escrow", buyer=AGENT, seller="0xb0b", amount="20000001", reference="svc_1")
    usdc.make("place_hold", account=AGENT, amount="1500000")
    usdc.deposit("250000", account=AGENT, confirmed=False)
    usdc.run("transfer", from_account=AGENT, to_account="0xb0b", amount="8000000")

    balance = api.get(f"/v1/agents/{AGENT}/balance").json()

    assert balance.pop("balances") == [balance]
    assert balance.pop("updatedAt")
    assert balance == {
        "agentAddr": AGENT,
        "currency": "USDC",
        "available": "70.499999",
        "pending": "1.750000",
        "held": "1.500000",
        "pendingDeposits": "0.250000",
        "escrowed": "20.000001",
        "bonded": "0.000000",
        "promo": "0.000000",
        "creditLimit": "5.000000",
        "creditUsed": "0.000000",
        "totalIn": "100.000000",
        "totalOut": "8.000000",
    }


def test_a_withdrawal_goes_to_the_agents_address(api: Api, usdc: Story) -> None:
    deposit(api, "100")

    made = api.post(f"/v1/agents/{AGENT}/withdraw", {"amount": "40.25"}).json()["withdrawal"]

    assert (made["agentAddr"], made["destination"], made["amount"]) == (AGENT, AGENT, "40.250000")
    assert (made["status"], made["txHash"]) == ("pending", None)
    assert usdc.balance(AGENT) == {"available": 59_750_000, "held": 40_250_000}
    problem = refused(api.post(f"/v1/agents/{AGENT}/withdraw", {"amount": "59.750001"}), 402, "insufficient_funds")
    assert problem["shortfall"] == "1"
    usdc.run("confirm_withdrawal", withdrawal=made["id"], external_ref="0xpaid")
    assert api.get(f"/v1/agents/{AGENT}/balance").json()["totalOut"] == "40.250000"


def test_the_ledger_is_the_agents_side_of_each_entry(api: Api, usdc: Story) -> None:
    deposit(api, "100")
    usdc.run("transfer", from_account=AGENT, to_account="0xb0b", amount=1_000_000, reference="svc_1")
    withdrawal = api.post(f"/v1/agents/{AGENT}/withdraw", {"amount": "40"}).json()["withdrawal"]["id"]
    usdc.run("confirm_withdrawal", withdrawal=withdrawal, external_ref="0xpaid")

    ledger = api.get(f"/v1/agents/{AGENT}/ledger").json()

    shown = [(e["type"], e["direction"], e["amount"], e["txHash"], e["reference"]) for e in ledger["entries"]]
    assert shown == [
        ("withdrawal", "out", "40.000000", "0xpaid", withdrawal),
        ("withdrawal_request", "none", "40.000000", None, withdrawal),
        ("transfer", "out", "1.000000", None, "svc_1"),
        ("deposit", "in", "100.000000", "0xfeed", None),
    ]
    assert {entry["agentAddr"] for entry in ledger["entries"]} == {AGENT}
    assert ledger["next"] is None
    page = api.get(f"/v1/agents/{AGENT}/ledger?limit=3").json()
    rest = api.get(f"/v1/agents/{AGENT}/ledger?limit=3&cursor={page['next']}").json()
    assert page["entries"] + rest["entries"] == ledger["entries"]


@pytest.mark.parametrize(
    "amount", [10, "1e3", "-1", "1.0000001", "", ".5", "0x10", "\u0661", "NaN", "1_000", True, None]
)
def test_amounts_are_plain_decimal_strings(api: Api, usdc: Story, amount: object) -> None:
    before = usdc.size()

    for response in (deposit(api, amount), api.post(f"/v1/agents/{AGENT}/withdraw", {"amount": amount})):  # type: ignore[arg-type]
        assert response.status_code == 422
        assert response.json()["field"] == "amount"
    assert usdc.size() == before


def test_nothing_is_not_an_amount(api: Api) -> None:
    refused(deposit(api, "0.000000"), 422, "invalid_amount")
    refused(deposit(api, "9" * 39), 422, "invalid_amount")


def test_the_refusals_of_the_platforms_addresses(api: Api, usdc: Story) -> None:
    for address in ("balance", "ledger"):
        refused(api.get(f"/v1/agents/0xnobody/{address}"), 404, "account_not_found")
        refused(api.get(f"/v1/agents/%00/{address}"), 404, "account_not_found")
    refused(api.post("/v1/agents/0xnobody/withdraw", {"amount": "1"}), 404, "account_not_found")
    refused(deposit(api, "1", key=None), 400, "idempotency_key_required")
    for body, field in (({"txHash": "0x1"}, "agentAddress"), ({"agentAddress": AGENT, "amount": "1", "x": 1}, "x")):
        assert api.post("/v1/admin/deposits", body).json()["field"] == field
    refused(Api(usdc, "read").post(f"/v1/agents/{AGENT}/withdraw", {"amount": "1"}), 403, "forbidden")
    other = Api(Story())
    refused(other.get(f"/v1/agents/{AGENT}/balance"), 404, "account_not_found")
    assert api.get(f"/v1/agents/{AGENT}/withdraw").status_code == 405


# Several currencies.


@pytest.fixture
def two(usdc: Story) -> Story:
    """The platform has credits as well."""
    usdc.run("register_currency", code="CRD", scale=0)
    return usdc


def test_in_several_currencies_the_tenant_says_which_one_agents_have(two: Story, api: Api) -> None:
    refused(deposit(api, "10.50", agent="0xnew"), 422, "agent_currency_not_set")

    said = api.post("/v1/agent-currency", {"currency": "USDC"}, method="PUT")

    assert said.json()["agent_currency"]["currency"] == "USDC"
    assert deposit(api, "10.50", agent="0xnew").json()["deposit"]["amount"] == "10.500000"
    assert two.balance("0xnew") == {"available": 10_500_000}
    refused(api.post("/v1/agent-currency", {"currency": "EUR"}, method="PUT"), 404, "currency_not_found")


def test_an_agent_has_one_account_a_currency_under_one_address(two: Story, api: Api) -> None:
    two.run("set_agent_currency", currency="USDC")
    deposit(api, "10.50", "0x1")

    made = deposit(api, "7", "0x2", key="k")
    credits = api.post(
        "/v1/admin/deposits", {"agentAddress": AGENT, "amount": "3", "txHash": "0x3", "currency": "CRD"}
    ).json()["deposit"]

    assert (made.status_code, credits["agentAddr"], credits["amount"]) == (201, AGENT, "3")
    balance = api.get(f"/v1/agents/{AGENT}/balance").json()
    assert (balance["currency"], balance["available"]) == ("USDC", "17.500000")
    assert [(each["agentAddr"], each["currency"], each["available"]) for each in balance["balances"]] == [
        (AGENT, "USDC", "17.500000"),
        (AGENT, "CRD", "3"),
    ]
    assert api.get(f"/v1/agents/{AGENT}/balance?currency=CRD").json()["available"] == "3"
    refused(api.get("/v1/agents/0xb0b/balance?currency=CRD"), 404, "account_not_found")
    assert [each["amount"] for each in api.get(f"/v1/agents/{AGENT}/ledger?currency=CRD").json()["entries"]] == ["3"]
    assert len(api.get(f"/v1/agents/{AGENT}/ledger").json()["entries"]) == 2

    taken = api.post(f"/v1/agents/{AGENT}/withdraw", {"amount": "2", "currency": "CRD"}).json()["withdrawal"]
    assert (taken["agentAddr"], taken["destination"], taken["amount"]) == (AGENT, AGENT, "2")
    assert two.balance(f"{AGENT}#CRD") == {"available": 1, "held": 2}


def test_nobody_takes_the_place_of_an_agents_further_account(two: Story, api: Api) -> None:
    two.run("set_agent_currency", currency="USDC")
    refused(deposit(api, "1", agent=f"{AGENT}#CRD"), 422, "invalid_request")
    refused(api.get(f"/v1/agents/{AGENT}%23CRD/balance"), 404, "account_not_found")


def test_what_agents_have_can_be_changed_for_those_to_come(two: Story, api: Api) -> None:
    two.run("set_agent_currency", currency="USDC")
    two.run("set_agent_currency", currency="CRD")
    deposit(api, "5", agent="0xnew")
    assert two.balance("0xnew") == {"available": 5}
    assert api.get(f"/v1/agents/{AGENT}/balance").json()["currency"] == "USDC", "it has no other account"
