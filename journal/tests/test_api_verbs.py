"""The money verbs over HTTP: every address once, then lists, and what is refused."""

from typing import Any

import pytest

from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def api(ledger: Ledger) -> Api:
    ledger.open("alice", funded=100)
    ledger.open("shop", "treasury")
    return Api(ledger)


def posted(response: Any) -> dict[str, Any]:
    assert response.status_code == 201, response.content
    return dict(response.json())


def results(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    return list(response.json()["results"])


def buckets(answer: dict[str, Any], name: str) -> dict[str, str]:
    [balance] = [balance for balance in answer["balances"] if balance["name"] == name]
    return {bucket: balance[bucket] for bucket in ("available", "promo", "credit_used")}


def test_a_credit_line(api: Api) -> None:
    limit = posted(api.post("/v1/accounts/alice/credit-limit", {"credit_limit": "50"}, method="PUT"))
    assert limit["account"]["balance"]["credit_limit"] == "50"

    drawn = posted(api.post("/v1/credit-draws", {"account": "alice", "amount": "30"}))
    repaid = posted(api.post("/v1/credit-repayments", {"account": "alice", "amount": "10"}))

    assert buckets(drawn, "alice") == {"available": "130", "promo": "0", "credit_used": "30"}
    assert buckets(repaid, "alice") == {"available": "120", "promo": "0", "credit_used": "20"}
    problem = refused(api.post("/v1/credit-draws", {"account": "alice", "amount": 31}), 422, "credit_limit_exceeded")
    assert problem["left"] == "30"
    refused(api.post("/v1/credit-repayments", {"account": "alice", "amount": 21}), 422, "repayment_exceeds_credit")


def test_fees(api: Api) -> None:
    posted(api.post("/v1/fees", {"account": "alice", "amount": 10, "escrow": "esc_1"}))
    body = {"from_account": "platform:fees:CRD", "to_account": "treasury", "amount": 6}
    handed = posted(api.post("/v1/fee-transfers", body))
    posted(api.post("/v1/fee-burns", {"account": "platform:fees:CRD", "amount": 4}))

    assert buckets(handed, "treasury")["available"] == "6"
    refused(api.post("/v1/fee-burns", {"account": "platform:fees:CRD", "amount": 1}), 402, "insufficient_funds")


def test_promotional_money(api: Api) -> None:
    grant = posted(api.post("/v1/promo-mints", {"account": "alice", "amount": 30, "expires_in": 60}))["promo_grant"]
    burned = posted(api.post("/v1/promo-burns", {"account": "alice", "amount": 5}))

    assert burned["promo"] == [{"grant": grant["id"], "amount": "5"}]
    [listed] = results(api.get("/v1/promo-grants?account=alice"))
    assert (listed["id"], listed["left"], listed["burned"]) == (grant["id"], "25", "5")
    assert results(api.get("/v1/promo-grants?account=shop")) == []
    refused(api.post(f"/v1/promo-grants/{grant['id']}/expire"), 409, "promo_not_expired")


def test_a_session_key_from_issue_to_revocation(api: Api) -> None:
    body = {"account": "alice", "max_total": "50", "allowed_receivers": ["shop"], "expires_in": 60}
    key = posted(api.post("/v1/session-keys", body))["session_key"]
    spend = {"account": "alice", "to_account": "shop", "session_key": key["id"]}

    spent = posted(api.post("/v1/spends", {**spend, "amount": "30"}))

    assert results(api.get("/v1/session-keys?account=alice")) == [spent["session_key"]]
    assert spent["session_key"]["spent_total"] == "30"
    problem = refused(api.post("/v1/spends", {**spend, "amount": 21}), 422, "spend_cap_exceeded")
    assert (problem["cap"], problem["left"]) == ("max_total", "20")
    other = {**spend, "to_account": "treasury", "amount": 1}
    refused(api.post("/v1/spends", other), 422, "receiver_not_allowed")
    posted(api.post(f"/v1/session-keys/{key['id']}/revoke"))
    refused(api.post("/v1/spends", {**spend, "amount": 1}), 409, "session_key_revoked")
    assert posted(api.post("/v1/spends", {"account": "alice", "amount": 1}))["session_key"] is None


def test_a_refund(api: Api) -> None:
    paid = posted(api.post("/v1/spends", {"account": "alice", "to_account": "shop", "amount": 30}))["entry"]["id"]

    back = posted(api.post("/v1/refunds", {"entry": paid, "amount": "10", "reason": "late"}))

    assert back["refund"]["left"] == "20"
    problem = refused(api.post("/v1/refunds", {"entry": paid, "amount": 21}), 422, "refund_exceeds_original")
    assert (problem["original"], problem["refunded"], problem["left"]) == ("30", "10", "20")
    refused(api.post(f"/v1/entries/{paid}/reverse"), 409, "already_refunded")
    refused(api.post("/v1/refunds", {"entry": back["entry"]["id"]}), 409, "not_refundable")


def test_the_billing_engine(api: Api) -> None:
    customer = {"customer_id": "cus_1", "currency": "CRD"}
    paid = posted(api.post("/v1/payments", {"payment_intent_id": "pi_1", "amount": "100", "fees": "3", **customer}))
    back = {"refund_id": "re_1", "amount": 40, "payment_intent_id": "pi_1", **customer}
    refund = posted(api.post("/v1/payment-refunds", back))
    posted(api.post("/v1/accounts/merchant_settlement:mer_1/ensure"))
    body = {"from_account": "customer_balance:cus_1", "to_account": "merchant_settlement:mer_1", "amount": 20}
    posted(api.post("/v1/transfers", body))
    payout = {"payout_id": "po_1", "merchant_id": "mer_1", "amount": 20, "currency": "CRD"}
    assert posted(api.post("/v1/payouts", payout))["payout"] == {**payout, "amount": "20"}
    dispute = posted(api.post("/v1/disputes", {"dispute_id": "dp_1", "amount": 5, **customer}))

    assert refund["payment_refund"] == {**back, "amount": "40"}
    assert dispute["dispute"]["dispute_id"] == "dp_1"
    again = {"payment_intent_id": "pi_1", "amount": 1, **customer}
    problem = refused(api.post("/v1/payments", again), 409, "duplicate_record")
    assert (problem["entry"], problem["payment_intent_id"]) == (paid["entry"]["id"], "pi_1")
    found = results(api.get("/v1/entries?references.payment_intent_id=pi_1"))
    assert [entry["kind"] for entry in found] == ["payment_refund", "payment"]
    cash = api.get("/v1/accounts/platform:cash/balance").json()
    assert cash["available"] == "35"


def test_clearing_and_settlement(api: Api) -> None:
    for domain in ("eu", "us"):
        made = posted(api.post("/v1/clearing-accounts", {"domain": domain, "currency": "CRD"}))["clearing_account"]
        assert made in results(api.get(f"/v1/clearing-accounts?domain={domain}"))
    for n, (payer, receiver) in enumerate(
        [("alice", "clearing:eu"), ("clearing:us", "shop"), ("alice", "clearing:eu")]
    ):
        body = {"from_account": payer, "to_account": receiver, "amount": 10 + n}
        posted(api.post("/v1/transfers", body))

    done = posted(api.post("/v1/settlements", {"netting_batch_id": "net-1"}))["settlement"]

    assert [(each["domain"], each["net"]) for each in done["positions"]] == [("eu", "22"), ("us", "-11")]
    [listed] = results(api.get("/v1/settlements?netting_batch_id=net-1"))
    assert listed == api.get(f"/v1/settlements/{done['id']}").json()
    assert listed["positions"] == done["positions"]
    assert results(api.get("/v1/settlements?netting_batch_id=net-2")) == []
    first = api.get(f"/v1/settlements/{done['id']}/entries?limit=2").json()
    rest = api.get(f"/v1/settlements/{done['id']}/entries?limit=2&cursor={first['next']}").json()
    entries = [*first["results"], *rest["results"]]
    assert [int(entry["postings"][0]["amount"]) for entry in entries] == [12, 11, 10]
    assert rest["next"] is None
    refused(api.post("/v1/settlements", {"netting_batch_id": "net-1"}), 409, "settlement_exists")
    refused(api.post("/v1/settlements", {"netting_batch_id": "net-2"}), 409, "nothing_to_settle")
    refused(api.post("/v1/settlements", {"netting_batch_id": "n", "window": {"until": "x"}}), 422, "unknown_field")


def test_batches_are_listed_newest_first_in_pages(api: Api) -> None:
    posted(api.post("/v1/clearing-accounts", {"domain": "eu"}))
    for n in range(3):
        posted(api.post("/v1/transfers", {"from_account": "alice", "to_account": "clearing:eu", "amount": 1}))
        posted(api.post("/v1/settlements", {"netting_batch_id": f"net-{n}"}))

    first = api.get("/v1/settlements?limit=2").json()
    rest = api.get(f"/v1/settlements?limit=2&cursor={first['next']}").json()

    names = [each["netting_batch_id"] for each in [*first["results"], *rest["results"]]]
    assert names == ["net-2", "net-1", "net-0"]


def test_another_tenant_sees_nothing_and_touches_nothing(api: Api) -> None:
    key = posted(api.post("/v1/session-keys", {"account": "alice"}))["session_key"]["id"]
    grant = posted(api.post("/v1/promo-mints", {"account": "alice", "amount": 5}))["promo_grant"]["id"]
    paid = posted(api.post("/v1/spends", {"account": "alice", "to_account": "shop", "amount": 5}))["entry"]["id"]
    posted(api.post("/v1/clearing-accounts", {"domain": "eu"}))
    posted(api.post("/v1/transfers", {"from_account": "alice", "to_account": "clearing:eu", "amount": 1}))
    batch = posted(api.post("/v1/settlements", {"netting_batch_id": "n"}))["settlement"]["id"]
    before = api.ledger.size()
    mallory = Api(Ledger())

    for address in ("session-keys", "promo-grants", "clearing-accounts", "settlements"):
        assert results(mallory.get(f"/v1/{address}")) == []
    assert results(mallory.get("/v1/session-keys?account=alice")) == []
    refused(mallory.post(f"/v1/session-keys/{key}/revoke"), 404, "session_key_not_found")
    refused(mallory.post(f"/v1/promo-grants/{grant}/expire"), 404, "promo_grant_not_found")
    refused(mallory.post("/v1/refunds", {"entry": paid}), 404, "entry_not_found")
    refused(mallory.get(f"/v1/settlements/{batch}"), 404, "settlement_not_found")
    refused(mallory.get(f"/v1/settlements/{batch}/entries"), 404, "settlement_not_found")
    refused(
        mallory.post("/v1/accounts/alice/credit-limit", {"credit_limit": 1}, method="PUT"), 404, "account_not_found"
    )
    assert api.ledger.size() == before


def test_a_key_needs_the_scope_of_each_verb(api: Api) -> None:
    reader = Api(api.ledger, "read", "journal.spend")

    posted(reader.post("/v1/spends", {"account": "alice", "to_account": "shop", "amount": 5}))
    refused(reader.post("/v1/promo-mints", {"account": "alice", "amount": 5}), 403, "forbidden")
    refused(reader.post("/v1/session-keys", {"account": "alice"}), 403, "forbidden")
    assert results(reader.get("/v1/settlements")) == []


def test_verbs_share_a_bulk_request(api: Api) -> None:
    commands = [
        ("promo_mint", {"account": "alice", "amount": 10}),
        ("spend", {"account": "alice", "to_account": "shop", "amount": 25, "use_promo": True}),
        ("charge_fee", {"account": "shop", "amount": 5}),
        ("record_payment", {"payment_intent_id": "pi", "customer_id": "c", "amount": 9, "currency": "CRD"}),
        ("record_refund", {"refund_id": "re", "customer_id": "c", "amount": 9, "currency": "CRD"}),
        ("open_clearing_account", {"domain": "eu"}),
        ("transfer", {"from_account": "shop", "to_account": "treasury", "amount": 1}),
    ]
    body = [{"command": name, "idempotency_key": f"b{n}", "args": args} for n, (name, args) in enumerate(commands)]

    rehearsed = api.post("/v1/bulk?dry_run=true", {"commands": body}).json()
    done = api.post("/v1/bulk", {"commands": body}).json()

    assert [each["status"] for each in rehearsed["results"]] == [200] * 7
    assert [each["status"] for each in done["results"]] == [201] * 7
    assert api.ledger.balance("alice") == {"available": 85}
    assert api.ledger.balance("shop") == {"available": 19}


def test_a_replay_answers_to_the_byte(api: Api) -> None:
    body = {"account": "alice", "amount": 30, "expires_in": 60}
    posted(api.post("/v1/promo-mints", body, key="mint"))
    spend = {"account": "alice", "to_account": "shop", "amount": 50, "use_promo": True}

    first = api.post("/v1/spends", spend, key="spend")
    again = api.post("/v1/spends", spend, key="spend")

    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
