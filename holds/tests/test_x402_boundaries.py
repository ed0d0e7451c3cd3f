"""What a payment of x402 may not become: another's, paid twice, worked for twice, or alive after its key."""

from typing import Any

import pytest

from holds.models import PaymentAuthorization
from holds.tests.payments import TAKEN, authorised, cancelled, judged, named, signed, wanted
from holds.tests.story import Story, later
from holds.tests.test_hostile_sql import BOTH, attempt, constraint
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import system_key
from ledger_project.testing.api import Api, refused
from ledger_project.testing.crowd import together

# One form, and nobody's own spelling of it


def test_an_authorization_has_no_second_spelling(agent: Api, shop: Api, books: Story) -> None:
    """An alias of a member hid another receiver and another amount from whoever had verified the payment."""
    own, asked = wanted(shop, 5, payTo="alice"), wanted(shop, 5)
    payment = authorised(agent, asked)
    aliases = {"receiver": "to", "payer": "from", "valid_before": "validBefore"}

    for alias, member in aliases.items():
        forged = {**payment["payload"], "authorization": {**signed(payment), alias: "acc_" + "0" * 32}}
        body = {"paymentPayload": {**payment, "payload": forged}, "paymentRequirements": asked}
        for verb in ("verify", "settle"):
            problem = refused(shop.post(f"/x402/{verb}", body, key=None), 422, "unknown_field")
            assert problem["field"] == f"paymentPayload.payload.authorization.{alias}"
        moved = {alias if name == member else name: value for name, value in signed(payment).items()}
        body["paymentPayload"] = {**payment, "payload": {**payment["payload"], "authorization": moved}}
        refused(shop.post("/x402/settle", body, key=None), 422, "unknown_field")

    assert judged(Api(books, "x402.settle"), "settle", payment, own)["success"] is False
    assert books.balances()["alice"] == {"available": 95, "held": 5}


def test_nobody_spends_the_key_of_a_settlement_beforehand(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop, 10)
    payment = authorised(agent, asked)
    alice, nonce = signed(payment)["from"], signed(payment)["nonce"]
    thief = Api(books, "journal.transfer", account="bob")
    give = {"from_account": "bob", "to_account": "shop", "amount": 1}
    books.run("mint", account="bob", amount=5)

    assert thief.post("/v1/transfers", give, key=f"x402:{alice}:{nonce}").status_code == 201
    refused(
        thief.post("/v1/transfers", give, key=str(system_key("x402", alice, nonce, "settle_payment"))),
        422,
        "reserved_idempotency_key",
    )

    assert judged(shop, "settle", payment, asked)["success"] is True
    assert books.balance("shop") == {"available": 11}


def test_what_was_paid_under_a_name_before_payments_were_stored_is_not_paid_again(
    agent: Api, shop: Api, books: Story
) -> None:
    """A spend and a hold under the keys that payments had then."""
    alice = authorised(agent, wanted(shop, 1, "exact"))["payload"]["authorization"]["from"]
    old, held, others = "pay_spent_0123456789", "pay_held_0123456789", "pay_others_0123456789"
    books.run("spend", account=alice, to_account="shop", amount=10, reference=old, key=f"x402:{alice}:{old}")
    books.run("place_hold", account=alice, amount=10, references={"x402": held}, key=f"x402:{alice}:{held}:hold")
    books.run("mint", account="bob", amount=5, key=f"x402:{alice}:{others}")

    for name in (old, held):
        body = {"paymentRequirements": wanted(shop, 10, "exact"), "paymentIdentifier": name}
        refused(agent.post("/x402/authorize", body, key=None), 409, "payment_identifier_reused")

    assert authorised(agent, wanted(shop, 10, "exact"), paymentIdentifier=others)


# Once


@pytest.mark.parametrize("scheme", ["upto", "exact"])
def test_a_settlement_is_granted_to_one_of_twenty(scheme: str, agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop, 20, scheme)
    payment = authorised(agent, asked)

    answers = together([lambda: judged(shop, "settle", payment, asked) for _ in range(20)])

    assert sorted(answer["success"] for answer in answers) == [False] * 19 + [True]
    assert {answer.get("errorReason") for answer in answers} == {None, TAKEN}
    assert books.balance("shop") == {"available": 20}


def test_only_who_can_name_it_is_told_of_its_success_again(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop, 20, "exact")
    by_name, by_key, unnamed = (authorised(agent, asked) for _ in range(3))
    body = {"paymentPayload": by_key, "paymentRequirements": asked}

    first, again = (judged(shop, "settle", by_name, named(asked, "one")) for _ in range(2))
    replies = [shop.post("/x402/settle", body, key=key).json() for key in ("k1", "k1", "k2", None)]
    told = [judged(shop, "settle", unnamed, asked)["success"] for _ in range(2)]

    assert (first["success"], again) == (True, first)
    assert [reply["success"] for reply in replies] == [True, True, False, False]
    assert judged(shop, "settle", by_name, asked)["errorReason"] == TAKEN
    assert told == [True, False]
    refused(shop.post("/x402/settle", body, key="x" * 256), 422, "invalid_request")
    assert books.balance("shop") == {"available": 60}
    books.right()


# Claimed


def test_a_claimed_payment_is_for_its_claimer_alone(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    payment = authorised(agent, asked)

    claims = [judged(shop, "claim", payment, named(asked, name)) for name in ("one", "two", "one")]

    assert [claim["isValid"] for claim in claims] == [True, False, True]
    assert claims[1]["invalidReason"] == TAKEN
    assert judged(shop, "verify", payment, asked)["invalidReason"] == TAKEN
    others = [judged(shop, "settle", payment, each) for each in (named(asked, "two"), asked)]
    assert [other["errorReason"] for other in others] == [TAKEN, TAKEN]
    assert judged(shop, "settle", payment, named({**asked, "amount": "25"}, "one"))["success"] is True
    assert judged(shop, "claim", payment, named(asked, "one"))["invalidReason"] == TAKEN, "its work is done"
    assert books.balances()["alice"] == {"available": 75}
    problem = refused(
        shop.post("/x402/claim", {"paymentPayload": payment, "paymentRequirements": asked}, key=None),
        422,
        "invalid_request",
    )
    assert (problem["field"], problem["reason"]) == ("paymentRequirements.extra.settlement", "missing")
    books.right()


@pytest.mark.parametrize("scheme", ["upto", "exact"])
def test_of_thirty_claims_at_once_one_is_granted(scheme: str, agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop, 20, scheme)
    payment = authorised(agent, asked)

    answers = together([lambda n=n: judged(shop, "claim", payment, named(asked, f"work-{n}")) for n in range(30)])

    granted = [n for n, answer in enumerate(answers) if answer["isValid"]]
    assert len(granted) == 1
    settled = [judged(shop, "settle", payment, named(asked, f"work-{n}"))["success"] for n in range(30)]
    assert [n for n, success in enumerate(settled) if success] == granted
    assert books.balance("shop") == {"available": 20}


def test_who_has_promised_money_does_not_take_it_back_from_under_the_work(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop)
    payment = authorised(agent, asked)
    hold = signed(payment)["hold"]
    payer = Api(books, "holds.*", account="alice")
    judged(shop, "claim", payment, named(asked, "one"))

    for verb in ("release", "capture"):
        refused(payer.post(f"/v1/holds/{hold}/{verb}", {}), 409, "payment_claimed")
    refused(cancelled(agent, payment), 409, "payment_claimed")

    assert books.balances()["alice"] == {"available": 40, "held": 60}
    assert judged(shop, "settle", payment, named(asked, "one"))["success"] is True
    assert books.balance("shop") == {"available": 60}


def test_work_that_is_never_finished_costs_nothing(agent: Api, shop: Api, books: Story) -> None:
    """The service claims and dies: the hold ends by itself, and the payer has the money again."""
    asked = wanted(shop)
    payment = authorised(agent, asked)
    payer = Api(books, "holds.*", account="alice")
    judged(shop, "claim", payment, named(asked, "one"))

    with later(seconds=60):
        late = judged(shop, "settle", payment, named(asked, "one"))
        released = payer.post(f"/v1/holds/{signed(payment)['hold']}/release", {})

    assert late["errorReason"] == "invalid_upto_ledger_payload_authorization_valid_before"
    assert released.status_code == 201
    assert books.balance("alice") == {"available": 100}
    books.right()


def test_a_claim_and_a_cancellation_at_one_instant_have_one_winner(agent: Api, shop: Api, books: Story) -> None:
    asked = wanted(shop, 1)
    won: set[bool] = set()
    for n in range(20):
        payment = authorised(agent, asked)
        claim, cancel = together(
            [
                lambda payment=payment, n=n: judged(shop, "claim", payment, named(asked, f"work-{n}"))["isValid"],
                lambda payment=payment: cancelled(agent, payment).status_code == 200,
            ]
        )
        assert claim is not cancel
        paid = judged(shop, "settle", payment, named(asked, f"work-{n}"))["success"]
        assert paid is claim
        won.add(claim)
    sold = books.balance("shop").get("available", 0)
    assert books.balance("alice") == {"available": 100 - sold}
    books.right()


# The key


def test_what_a_revoked_key_authorised_is_worth_nothing(shop: Api, books: Story) -> None:
    parent = Api(books, "*", account="alice")
    made = parent.post("/v1/api-keys", {"name": "agent", "scopes": ["x402.pay"], "account": "alice"}).json()
    child = Api(books, "x402.pay", account="alice")
    child.token, child.id = made["secret"], made["api_key"]["id"]
    exact, upto = wanted(shop, 10, "exact"), wanted(shop, 20)
    payments = [authorised(child, exact), authorised(child, upto)]
    claimed = authorised(child, exact)
    judged(shop, "claim", claimed, named(exact, "one"))
    assert {signed(payment)["key"] for payment in payments} == {child.id}

    books.run("revoke_api_key", api_key=parent.id)

    for payment, asked in zip(payments, (exact, upto), strict=True):
        assert judged(shop, "verify", payment, asked)["invalidReason"] == "payment_key_revoked"
        assert judged(shop, "claim", payment, named(asked, "x"))["invalidReason"] == "payment_key_revoked"
        assert judged(shop, "settle", payment, asked)["errorReason"] == "payment_key_revoked"
    assert judged(shop, "settle", claimed, named(exact, "one"))["success"] is True, "its work was done in good faith"
    assert books.balance("shop") == {"available": 10}


def test_an_authorization_ends_with_its_key_and_within_the_hour(
    agent: Api, shop: Api, books: Story, settings: Any
) -> None:
    brief = Api(books, "x402.pay", account="alice", expires_in=5)
    year = wanted(shop, 10, "exact", maxTimeoutSeconds=365 * 24 * 3600)
    now = clock.now()

    lifetimes = {
        name: int(signed(authorised(key, asked))["validBefore"]) - int(now.timestamp())
        for name, key, asked in [
            ("hour", agent, year),
            ("key", brief, year),
            ("hold", brief, {**year, "scheme": "upto"}),
        ]
    }
    settings.X402_MAX_SECONDS = 120
    longest = int(signed(authorised(agent, year))["validBefore"]) - int(now.timestamp())

    assert 3600 <= lifetimes["hour"] <= 3660
    assert lifetimes["key"] <= 5
    assert lifetimes["hold"] <= 5
    assert 120 <= longest <= 180
    dead = authorised(brief, year)
    with later(seconds=6):
        assert (
            judged(shop, "settle", dead, year)["errorReason"]
            == "invalid_exact_ledger_payload_authorization_valid_before"
        )


# Listed and taken back


def test_a_payer_sees_and_takes_back_what_is_open(agent: Api, shop: Api, books: Story) -> None:
    exact, upto = wanted(shop, 10, "exact"), wanted(shop, 20)
    signed_one, promised = authorised(agent, exact), authorised(agent, upto, resource={"url": "https://shop.example/x"})
    paid = authorised(agent, exact)
    judged(shop, "settle", paid, exact)
    bob = Api(books, "x402.pay", account="bob")

    listed = agent.get("/x402/authorizations").json()["results"]
    answers = [cancelled(agent, payment) for payment in (signed_one, promised, promised, paid)]

    assert [(each["scheme"], each["amount"], each["status"], each["settled"]) for each in listed] == [
        ("exact", "10", "settled", "10"),
        ("upto", "20", "open", None),
        ("exact", "10", "open", None),
    ]
    assert (listed[1]["hold"], listed[1]["resource"]) == (signed(promised)["hold"], "https://shop.example/x")
    assert [answer.status_code for answer in answers] == [200, 200, 200, 409]
    assert answers[1].json() == answers[2].json(), "the same cancellation"
    assert answers[3].json()["code"] == "payment_not_open"
    assert books.balances()["alice"] == {"available": 90}
    for payment, asked in ((signed_one, exact), (promised, upto)):
        assert judged(shop, "verify", payment, asked)["invalidReason"] == TAKEN
        assert judged(shop, "settle", payment, asked)["errorReason"] == TAKEN
    assert agent.get("/x402/authorizations?status=open").json()["results"] == []
    assert bob.get("/x402/authorizations").json()["results"] == []
    assert len(Api(books, "read").get("/x402/authorizations?account=alice").json()["results"]) == 3
    refused(cancelled(bob, promised), 404, "authorization_not_found")
    refused(cancelled(Api(books, "x402.pay"), promised), 403, "forbidden")
    refused(Api(books, "x402.pay").get("/x402/authorizations"), 403, "forbidden")
    books.right()


def test_a_payment_ends_with_its_hold(agent: Api, shop: Api, books: Story) -> None:
    payment = authorised(agent, wanted(shop, 20))

    books.run("release_hold", hold=signed(payment)["hold"])

    assert [each["status"] for each in agent.get("/x402/authorizations").json()["results"]] == ["cancelled"]
    assert judged(shop, "settle", payment, wanted(shop, 20))["errorReason"] == TAKEN
    books.right()


# What else a payer's key sees


def test_a_payers_key_reads_its_own_balance_and_nothing_else(agent: Api, books: Story) -> None:
    assert agent.get("/v1/accounts/alice/balance").json()["available"] == "100"
    refused(agent.get("/v1/accounts/bob/balance"), 404, "account_not_found")
    refused(agent.get("/v1/accounts/alice"), 403, "forbidden")
    refused(Api(books, "x402.pay").get("/v1/accounts/alice/balance"), 403, "forbidden")


# PostgreSQL says the same


@BOTH
def test_postgresql_forbids_what_the_plans_refuse(alias: str, agent: Api, shop: Api, books: Story) -> None:
    asked, exact = wanted(shop, 20), wanted(shop, 10, "exact")
    claimed, settled, unclaimed = authorised(agent, asked), authorised(agent, exact), authorised(agent, exact)
    judged(shop, "claim", claimed, named(asked, "one"))
    judged(shop, "settle", settled, exact)
    books.run("revoke_api_key", api_key=agent.id)

    def forbidden(change: str, payment: dict[str, Any], table: str = "holds_paymentauthorization") -> str | None:
        stored = PaymentAuthorization.objects.get(tenant=books.tenant, nonce=signed(payment)["nonce"])
        return constraint(attempt(alias, f"UPDATE {table} SET {change} WHERE id = '{stored.pk}'"))

    assert forbidden("status = 'cancelled', claim = NULL", claimed) == "payment_claimed"
    assert forbidden("claim = 'two'", claimed) == "payment_not_open"
    assert forbidden("status = 'open'", settled) == "payment_not_open"
    assert forbidden("status = 'claimed', claim = 'one'", unclaimed) == "payment_key_revoked"
    assert forbidden("status = 'settled', settled = 10", unclaimed) == "payment_key_revoked"
    assert forbidden("status = 'cancelled', settled = 1", unclaimed) == "authorization_status"
    assert forbidden("released = amount, status = 'released'", claimed, "holds_hold") == "payment_claimed"
    for name in ("payment_claimed", "payment_not_open", "payment_key_revoked"):
        assert Refusal.by_constraint[name].code == name


@BOTH
def test_nobody_authorises_a_payment_in_raw_sql(alias: str, agent: Api, shop: Api, books: Story) -> None:
    authorised(agent, wanted(shop, 20))
    copied = PaymentAuthorization._meta.get_fields()
    columns = ", ".join(f'"{field.column}"' for field in copied if field.column not in ("id", "nonce"))

    copy = (
        f"INSERT INTO holds_paymentauthorization (id, nonce, {columns}) SELECT gen_random_uuid(), 'forged', {columns}"
        f" FROM holds_paymentauthorization WHERE tenant_id = {books.tenant}"
    )

    assert constraint(attempt(alias, copy)) == "authorization_out_of_place"
    gone = attempt(alias, f"DELETE FROM holds_paymentauthorization WHERE tenant_id = {books.tenant}")
    assert constraint(gone) == "append_only" or "permission denied" in str(gone)
