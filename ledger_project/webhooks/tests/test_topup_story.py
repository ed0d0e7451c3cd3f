"""docs/topups.md, from end to end: a webhook asks, a payment provider is charged, and the deposit answers."""

import json

from holds.topups.asking import ask_due
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks.tests.conftest import Register, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Receiver


def test_a_webhook_asks_and_a_deposit_answers(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    ledger.open("scout", funded=400)
    register("topup.requested")
    api = Api(ledger)
    rule = {"below": 500, "to": 2000, "cooldown": 0, "expires_in": 60, "url": "https://pay.example/scout"}
    assert api.post("/v1/accounts/scout/topup", rule, method="PUT").status_code == 201
    ask_due()
    ask_due()
    seal_and_deliver()

    (asked,) = receiver.received
    request = json.loads(asked.body)["data"]["result"]["topup_request"]
    assert (request["amount"], request["url"], request["status"]) == ("1600", "https://pay.example/scout", "open")
    paid = {"account": request["account"], "amount": 1600, "source": "stripe", "external_ref": "pi_1"}
    answer = api.post("/v1/deposits", {**paid, "topup": request["id"]})

    assert answer.status_code == 201
    assert answer.json()["topup_request"]["status"] == "completed"
    assert ledger.balance("scout") == {"available": 2000}
    assert api.post("/v1/deposits", {**paid, "topup": request["id"]}, key="again").json()["code"] == "duplicate_deposit"
    ask_due()
    seal_and_deliver()
    assert len(receiver.received) == 1


def test_what_fails_or_expires_asks_nobody_to_pay(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    ledger.open("scout", funded=400)
    register("topup.requested")
    ledger.run("set_topup", account="scout", below=500, amount=100)
    ask_due()
    seal_and_deliver()
    request = json.loads(receiver.received[0].body)["data"]["result"]["topup_request"]["id"]

    assert Api(ledger).post(f"/v1/topup-requests/{request}/fail", {"reason": "card_declined"}).status_code == 201
    seal_and_deliver()

    assert len(receiver.received) == 1
