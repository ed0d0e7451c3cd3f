"""x402 over the ledger: alice's agent authorises, the shop's service is paid, and nobody else can do either."""

import copy
from typing import Any

import pytest

from holds.tests.payments import ID, authorised, judged, wanted
from holds.tests.story import Story, later
from ledger_project.testing.api import Api, refused
from ledger_project.testing.crowd import together


def test_up_to_the_amount_that_was_authorised_what_was_used_is_paid(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    payment = authorised(agent, asked, resource={"url": "https://shop.example/scan"})

    assert books.balances()["alice"] == {"available": 40, "held": 60}
    assert judged(shop, "verify", payment, asked) == {"isValid": True, "payer": "alice"}
    settled = judged(shop, "settle", payment, {**asked, "amount": "25"})

    assert (settled["success"], settled["payer"], settled["amount"]) == (True, "alice", "25")
    assert (books.balance("alice"), books.balance("shop")) == ({"available": 75}, {"available": 25})
    event = Api(books, "read").get(f"/v1/events/{settled['transaction']}").json()
    assert (event["type"], event["actor"]) == ("payment.settled", f"key:{shop.prefix}")
    assert settled["extensions"]["ledger-receipt"]["info"]["receipt"] == f"/v1/events/{event['id']}/receipt"


def test_exactly_the_amount_is_paid_when_it_is_settled(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop, scheme="exact")
    payment = authorised(agent, asked)

    assert books.balance("alice") == {"available": 100}, "nothing is set aside"
    assert judged(shop, "verify", payment, asked) == {"isValid": True, "payer": "alice"}
    first, second = judged(shop, "settle", payment, asked), judged(shop, "settle", payment, asked)

    assert first["success"] is True
    assert (second["success"], second["errorReason"]) == (False, "invalid_transaction_state"), (
        "nobody knows whose it is"
    )
    assert (books.balance("alice"), books.balance("shop")) == ({"available": 40}, {"available": 60})
    assert judged(shop, "verify", payment, asked)["invalidReason"] == "invalid_transaction_state"


def test_of_nothing_used_nothing_is_paid(agent: Api, shop: Api, books: Story) -> None:
    payment = authorised(agent, wanted(shop))

    settled = judged(shop, "settle", payment, wanted(shop, amount=0))

    assert (settled["success"], settled["amount"]) == (True, "0")
    assert (books.balance("alice"), books.balance("shop")) == ({"available": 100}, {})
    again = judged(shop, "settle", payment, wanted(shop, amount=1))
    assert (again["success"], again["errorReason"]) == (False, "invalid_transaction_state")


def test_the_same_settlement_again_is_the_first_one_also_after_its_time(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    payment = authorised(agent, asked)
    body = {"paymentPayload": payment, "paymentRequirements": {**asked, "amount": "25"}}
    first = shop.post("/x402/settle", body, key="attempt-1")

    with later(seconds=61):
        second = shop.post("/x402/settle", body, key="attempt-1")
        other = shop.post("/x402/settle", body, key="attempt-2").json()

    assert (second.content, second["Idempotent-Replayed"]) == (first.content, "true")
    assert "Idempotent-Replayed" not in first
    assert (other["success"], other["errorReason"]) == (False, "invalid_transaction_state")
    assert books.balance("shop") == {"available": 25}


def test_of_two_servers_that_did_the_work_one_is_paid_and_knows_it(agent: Api, shop: Api, books: Story) -> None:
    payment = authorised(agent, wanted(shop))
    first, second = (wanted(shop, 25, extra={"settlement": name}) for name in ("one", "two"))

    settled = judged(shop, "settle", payment, first)

    assert settled["success"] is True
    assert judged(shop, "settle", payment, first) == settled, "a lost reply is asked for again"
    assert judged(shop, "settle", payment, second)["errorReason"] == "invalid_transaction_state"
    assert books.balance("shop") == {"available": 25}
    body = {"paymentPayload": payment, "paymentRequirements": wanted(shop, 25, extra={"settlement": 1})}
    refused(shop.post("/x402/settle", body, key=None), 422, "invalid_request")


def test_more_than_was_authorised_is_never_paid(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    payment = authorised(agent, asked)
    before = books.picture()

    over = judged(shop, "settle", payment, {**asked, "amount": "61"})
    early = judged(shop, "verify", payment, {**asked, "amount": "61"})

    assert over["errorReason"] == "invalid_upto_ledger_payload_settlement_exceeds_amount"
    assert (over["success"], over["transaction"]) == (False, "")
    assert early["invalidReason"] == "invalid_upto_ledger_payload_authorization_value"
    assert books.picture() == before


def test_many_settlements_of_one_authorization_at_once_are_one(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    payment = authorised(agent, asked)
    keys = [Api(books, "x402.settle", account="shop") for _ in range(32)]
    amounts = ["25"] * 16 + [str(26 + n) for n in range(16)]
    body = [{"paymentPayload": payment, "paymentRequirements": {**asked, "amount": amount}} for amount in amounts]

    answers = together([lambda n=n: keys[n].post("/x402/settle", body[n], key=None) for n in range(32)])

    paid = [answer.json() for answer in answers if answer.json()["success"]]
    assert {answer.status_code for answer in answers} == {200}
    assert len(paid) == 1
    assert not any("Idempotent-Replayed" in answer for answer in answers)
    assert books.balance("shop") == {"available": int(paid[0]["amount"])}
    assert books.balance("alice") == {"available": 100 - int(paid[0]["amount"])}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("to", "acc_" + "0" * 32),
        ("from", "bob"),
        ("value", "100"),
        ("asset", "USD"),
        ("validBefore", "9999999999"),
        ("nonce", ID),
        ("hold", "hld_" + "0" * 32),
        ("scheme", "exact"),
        ("sessionKey", "ssk_" + "0" * 32),
    ],
)
def test_nobody_changes_what_was_signed(member: str, value: str, agent: Api, books: Story) -> None:
    cashier = Api(books, "x402.settle")
    payment = authorised(agent, wanted(cashier))
    forged = copy.deepcopy(payment)
    forged["payload"]["authorization"][member] = value
    forged.pop("extensions")
    before = books.picture()

    no = judged(cashier, "settle", forged, wanted(cashier))

    assert (no["success"], no["errorReason"]) == (False, "invalid_upto_ledger_payload_signature")
    assert books.picture() == before


def test_a_payment_is_for_one_ledger_one_receiver_and_one_asset(agent: Api, books: Story) -> None:
    cashier = Api(books, "x402.settle")
    asked = wanted(cashier)
    payment = authorised(agent, asked)
    stranger = Api(Story(), "x402.settle")

    def reason(requirements: dict[str, Any], *, accepted: dict[str, Any] | None = None, by: Api = cashier) -> str:
        return judged(by, "settle", {**payment, "accepted": accepted or requirements}, requirements)["errorReason"]

    assert reason({**asked, "payTo": "bob"}) == "invalid_upto_ledger_payload_recipient_mismatch"
    assert reason({**asked, "payTo": "nobody"}) == "invalid_upto_ledger_payload_recipient_mismatch"
    assert reason({**asked, "asset": "USD"}) == "invalid_payment_requirements"
    assert reason({**asked, "asset": "USD"}, accepted=asked) == "invalid_payment_requirements"
    assert reason({**asked, "network": "eip155:8453"}) == "invalid_network"
    assert reason({**asked, "scheme": "deferred"}) == "unsupported_scheme"
    assert reason(asked, by=stranger) == "invalid_network"
    assert reason(wanted(stranger), by=stranger) == "invalid_payment_requirements"
    assert judged(cashier, "settle", {**payment, "x402Version": 1}, asked)["errorReason"] == "invalid_x402_version"
    assert books.balances()["alice"] == {"available": 40, "held": 60}


def test_after_its_time_an_authorization_is_worth_nothing(agent: Api, shop: Api, books: Story) -> None:
    upto, exact = wanted(shop), wanted(shop, amount=10, scheme="exact")
    promised, signed = authorised(agent, upto), authorised(agent, exact)

    with later(seconds=60):
        reasons = [judged(shop, "settle", promised, upto), judged(shop, "settle", signed, exact)]
        books.run("expire_hold", hold=promised["payload"]["authorization"]["hold"])

    assert [no["errorReason"] for no in reasons] == [
        "invalid_upto_ledger_payload_authorization_valid_before",
        "invalid_exact_ledger_payload_authorization_valid_before",
    ]
    assert books.balances()["alice"] == {"available": 100}


def test_who_has_too_little_is_told_so(agent: Api, shop: Api, books: Story) -> None:
    problem = refused(
        agent.post("/x402/authorize", {"paymentRequirements": wanted(shop, 101)}, key=None), 402, "insufficient_funds"
    )
    asked = wanted(shop, 101, "exact")
    payment = authorised(agent, asked)
    verified, settled = judged(shop, "verify", payment, asked), judged(shop, "settle", payment, asked)

    assert problem["shortfall"] == "1"
    assert (verified["isValid"], verified["invalidReason"]) == (False, "insufficient_funds")
    assert (settled["success"], settled["errorReason"], settled["payer"]) == (False, "insufficient_funds", "alice")
    assert books.balance("alice") == {"available": 100}


def test_a_session_key_bounds_what_its_agent_authorises(agent: Api, shop: Api, books: Story) -> None:
    issued = books.run("issue_session_key", account="alice", max_total=50, allowed_receivers=["shop"])
    session = issued.document["result"]["session_key"]["id"]
    asked = wanted(shop, 30, "exact")
    first, second = (authorised(agent, asked, sessionKey=session) for _ in range(2))

    assert judged(shop, "settle", first, asked)["success"] is True
    assert judged(shop, "settle", second, asked)["errorReason"] == "spend_cap_exceeded"
    assert books.balance("shop") == {"available": 30}
    books.right()


def test_a_payment_identifier_names_one_payment(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    first, second = (authorised(agent, asked, paymentIdentifier=ID) for _ in range(2))
    other = {"paymentRequirements": wanted(shop, 61), "paymentIdentifier": ID}

    assert first == second
    assert books.balances()["alice"] == {"available": 40, "held": 60}, "held once"
    problem = refused(agent.post("/x402/authorize", other, key=None), 409, "payment_identifier_reused")
    assert problem["fields"] == ["amount"]
    renamed = {**first, "extensions": {"payment-identifier": {"info": {"id": ID + "0"}}}}
    body = {"paymentPayload": renamed, "paymentRequirements": asked}
    refused(shop.post("/x402/settle", body, key=None), 409, "payment_identifier_reused")


def test_keys_do_what_they_are_for(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    payment = authorised(agent, asked)
    body = {"paymentPayload": payment, "paymentRequirements": asked}
    bobs = Api(books, "x402.settle", account="bob")
    anybodys = Api(books, "x402.pay")

    refused(agent.post("/x402/settle", body, key=None), 403, "forbidden")
    refused(agent.post("/v1/holds", {"account": "bob", "amount": 1}), 403, "forbidden")
    refused(shop.post("/x402/authorize", {"paymentRequirements": asked}, key=None), 403, "forbidden")
    assert (
        "no account's"
        in refused(anybodys.post("/x402/authorize", {"paymentRequirements": asked}, key=None), 403, "forbidden")[
            "reason"
        ]
    )
    assert "to that account" in refused(bobs.post("/x402/settle", body, key=None), 403, "forbidden")["reason"]
    refused(agent.client.get("/x402/supported"), 401, "not_authenticated")
    assert judged(shop, "settle", payment, asked)["success"] is True


def test_what_is_not_of_x402s_form_is_named(agent: Api, shop: Api) -> None:
    asked = wanted(shop)
    body = {"paymentPayload": authorised(agent, asked), "paymentRequirements": {**asked, "amount": "1.5"}}

    refused(shop.post("/x402/settle", body, key=None), 422, "invalid_amount")
    assert refused(shop.post("/x402/settle", {}, key=None), 422, "invalid_request")["field"] == "paymentPayload"
    refused(shop.post("/x402/settle?dry_run=true", body, key=None), 422, "unknown_field")
    refused(agent.client.get("/x402/nowhere"), 404, "not_found")
