"""A Python program that uses the ledger: what it asks, what it is answered, and what the books say then."""

import asyncio
import json

import pytest
from ledger_client import (
    AccountNotFoundError,
    AsyncLedgerClient,
    InsufficientBalanceError,
    LedgerClient,
    LedgerError,
    LedgerUnreachable,
    PaymentRequiredError,
)
from server import answer, lose_the_reply

pytestmark = pytest.mark.slow


@pytest.fixture
def alice(client):
    client.ensure_account("alice", initial_balance=100)
    client.ensure_account("provider")
    return "alice"


def test_the_story_of_the_mesh_ledger(client, ledger):
    client.ensure_account("user1", initial_balance=100)
    client.ensure_account("provider", initial_balance=0)

    assert client.can_pay("user1", 10)
    record = client.charge("user1", "provider", 10, job_id="job_123")

    assert record["from_account"] == "user1"
    assert record["to_account"] == "provider"
    assert (record["amount"], record["job_id"], record["note"]) == (10, "job_123", None)
    assert client.get_balance("user1") == 90
    assert [t["id"] for t in client.get_transfers(account_id="user1", limit=10)] == [record["id"]]
    assert ledger.balance("provider") == {"available": 10}


def test_the_service_names_of_the_mesh_ledger(client, ledger):
    client.create_account_if_missing("alice", initial_balance=100)
    client.create_account_if_missing("provider")

    assert client.require_balance("alice", 10)
    client.charge(payer_id="alice", receiver_id="provider", amount=10, job_id="job_123")

    assert ledger.balance("alice") == {"available": 90}


def test_a_charge_that_cannot_be_paid_says_what_is_missing(client, alice, ledger):
    before = ledger.size()

    with pytest.raises(PaymentRequiredError) as refused:
        client.charge(alice, "provider", 130)

    assert isinstance(refused.value, InsufficientBalanceError)
    assert (refused.value.code, refused.value.status) == ("insufficient_funds", 402)
    body, status, headers = refused.value.to_response()
    assert (status, headers["Content-Type"]) == (402, "application/problem+json")
    assert json.loads(json.dumps(body)) == {
        "type": f"{client.url}/errors/insufficient_funds",
        "title": refused.value.title,
        "status": 402,
        "error": "payment_required",
        "code": "insufficient_funds",
        "account_id": "alice",
        "required": 130,
        "balance": 100,
        "available": 100,
        "shortfall": 30,
        "required_tokens": 130,
        "current_balance": 100,
    }
    assert ledger.size() == before


def test_a_service_raises_payment_required_itself():
    error = PaymentRequiredError(required=10, balance=3, account_id="alice")

    assert error.to_json()["required_tokens"] == 10
    assert error.to_json()["current_balance"] == 3
    assert error.to_json()["shortfall"] == 7


def test_an_account_that_is_not_there(client):
    with pytest.raises(AccountNotFoundError) as refused:
        client.get_balance("nobody")

    assert (refused.value.code, refused.value.status, refused.value.facts["account"]) == (
        "account_not_found",
        404,
        "nobody",
    )
    assert client.can_pay("nobody", 1) is False


def test_a_job_is_charged_once(client, alice, ledger):
    first = client.charge(alice, "provider", 10, job_id="job_1")
    again = client.charge(alice, "provider", 10, job_id="job_1")

    assert again == first
    assert ledger.balance("provider") == {"available": 10}
    with pytest.raises(LedgerError) as refused:
        client.charge(alice, "provider", 11, job_id="job_1")
    assert refused.value.code == "idempotency_key_reused"
    assert client.charge(alice, "provider", 10, job_id="job_2")["id"] != first["id"]


def test_charges_without_a_job_are_two(client, alice, ledger):
    client.charge(alice, "provider", 10)
    client.charge(alice, "provider", 10)

    assert ledger.balance("provider") == {"available": 20}


def test_the_lost_reply_of_a_charge_is_not_a_second_charge(client, alice, server, ledger):
    server.seen.clear()
    server.faults.extend([lose_the_reply, answer("503 Busy"), answer("502 Bad Gateway")])

    client.charge(alice, "provider", 10)

    assert server.seen == ["POST /v1/bulk"] * 4
    assert ledger.balance("alice") == {"available": 90}


def test_retry_after_is_honoured(client, alice, server, monkeypatch):
    waits = []
    monkeypatch.setattr("ledger_client.client.time.sleep", waits.append)
    server.faults.extend([answer("429 Too Many Requests", Retry_After="7"), answer("503 Busy", Retry_After="100000")])

    assert client.get_balance(alice) == 100

    assert waits == [7.0, 60.0]


def test_a_refusal_is_not_tried_again(client, alice, server):
    server.seen.clear()

    with pytest.raises(PaymentRequiredError):
        client.charge(alice, "provider", 1000)

    assert server.seen == ["POST /v1/bulk"]


def test_who_gives_up_knows_the_key(server, api, alice, ledger):
    server.faults.extend([lose_the_reply] * 2)
    with LedgerClient(server.url, api.token, tries=2) as impatient:
        with pytest.raises(LedgerUnreachable) as lost:
            impatient.charge(alice, "provider", 10)

        impatient.charge(alice, "provider", 10, idempotency_key=lost.value.facts["idempotency_key"])

    assert ledger.balance("provider") == {"available": 10}


def test_a_wrong_key_is_a_refusal(server):
    with LedgerClient(server.url, "lk_nobody") as stranger, pytest.raises(LedgerError) as refused:
        stranger.get_balance("alice")

    assert (refused.value.code, refused.value.status) == ("not_authenticated", 401)


def test_amounts_are_integers_to_the_last_digit(client, ledger):
    much = 10**37 + 1
    client.ensure_account("alice", initial_balance=much)

    assert client.get_balance("alice") == much
    assert client.balance("alice")["total_in"] == much
    for nonsense in (1.0, "1.5", True, None):
        with pytest.raises((TypeError, LedgerError)):
            client.credit("alice", nonsense)
    assert ledger.balance("alice") == {"available": much}


def test_create_account_is_new_or_nothing(client, ledger):
    made = client.create_account("alice", 100, metadata={"amount": "100"})

    assert made["balance"]["available"] == 100
    assert made["metadata"] == {"amount": "100"}
    with pytest.raises(LedgerError) as refused:
        client.create_account("alice", 100)
    assert refused.value.code == "account_exists"
    assert ledger.balance("alice") == {"available": 100}


def test_credit_keeps_its_reason(client, alice, ledger):
    client.credit(alice, 50, reason="Initial grant")

    assert ledger.balance("alice") == {"available": 150}
    assert next(iter(client.entries(alice, kind="mint")))["metadata"] == {"reason": "Initial grant"}


def test_can_pay_knows_the_credit_line_and_the_freeze(client, alice):
    client.command("set_credit_limit", account=alice, credit_limit=50)
    assert client.can_pay(alice, 150)
    assert not client.can_pay(alice, 151)

    client.command("freeze_account", account=alice)
    assert not client.can_pay(alice, 1)


def test_a_transfer_on_credit_is_one_amount(client, alice):
    client.command("set_credit_limit", account=alice, credit_limit=50)

    record = client.transfer(alice, "provider", 130)

    assert (record["from_account"], record["to_account"], record["amount"]) == ("alice", "provider", 130)


def test_lists_go_on_over_their_pages(client, alice, server, monkeypatch):
    monkeypatch.setattr("ledger_client.plans.MAX_PAGE", 2)
    for amount in (1, 2, 3, 4, 5):
        client.transfer(alice, "provider", amount)
    server.seen.clear()

    assert [t["amount"] for t in client.history(account=alice)] == [5, 4, 3, 2, 1]
    assert [t["amount"] for t in client.history(account=alice, limit=3)] == [5, 4, 3]
    assert server.seen == ["GET /v1/transfers"] * 5
    assert [a["name"] for a in client.list_accounts(type="liability", prefix="a")] == ["alice"]


def test_a_hold_is_captured_for_what_the_work_cost(client, alice, ledger):
    with client.hold(alice, 80, to_account="provider") as hold:
        assert ledger.balance("alice") == {"available": 20, "held": 80}
        hold.actual = 30

    assert ledger.balance("alice") == {"available": 70}
    assert ledger.balance("provider") == {"available": 30}
    assert (hold.document["captured"], hold.document["released"]) == (30, 50)


def test_a_hold_whose_work_fails_is_released(client, alice, ledger):
    with pytest.raises(ZeroDivisionError), client.authorize(alice, 80, to_account="provider"):
        _ = 1 // 0

    assert ledger.balance("alice") == {"available": 100}


def test_a_hold_for_work_that_cost_nothing_is_released(client, alice, ledger):
    with client.hold(alice, 80, to_account="provider") as hold:
        hold.actual = 0

    assert ledger.balance("alice") == {"available": 100}


def test_a_hold_without_an_actual_is_captured_whole(client, alice, ledger):
    with client.hold(alice, 80, to_account="provider"):
        pass

    assert ledger.balance("provider") == {"available": 80}


def test_a_hold_that_was_resolved_inside_stays_so(client, alice, ledger):
    with client.hold(alice, 80, to_account="provider") as hold:
        hold.capture(10, final=False)
        hold.capture(5)

    assert ledger.balance("provider") == {"available": 15}
    assert ledger.balance("alice") == {"available": 85}


def test_holds_by_their_ids(client, alice, ledger):
    hold = client.hold(alice, 50, to_account="provider")

    client.capture_hold(hold.id, 20, final=False)
    client.release_hold(hold.id)

    assert ledger.balance("provider") == {"available": 20}
    assert [one["status"] for one in client.listing("/v1/holds", account=alice)] == [
        client.read("/v1/holds/{hold}", hold=hold.id)["status"]
    ]


@pytest.fixture
def priced(ledger):
    rates = [
        {"model": "gpt", "metric": "input_tokens", "price": "0.01"},
        {"model": "gpt", "metric": "output_tokens", "price": "0.1"},
        {"model": "free", "metric": "output_tokens", "price": "0"},
    ]
    ledger.run("publish_prices", book="llm", currency="CRD", rates=rates, effective_at="2026-01-01T00:00:00Z")


def test_metered_work_is_permitted_first_and_priced_when_it_is_done(client, alice, priced, ledger):
    with client.metered(alice, "gpt", book="llm", max_input=1000, max_output=500, request_id="r1") as m:
        assert (m.maximum, ledger.balance("alice")) == (60, {"available": 40, "held": 60})
        answer = m.record(input_tokens=200, output_tokens=101)

    assert (answer["usage"]["charged"], answer["usage"]["request_id"]) == (12, "r1")
    assert ledger.balance("alice") == {"available": 88}
    with pytest.raises(PaymentRequiredError):
        client.metered(alice, "gpt", book="llm", max_output=10_000)


def test_metered_work_that_fails_or_is_not_recorded_costs_nothing(client, alice, priced, ledger):
    with pytest.raises(ZeroDivisionError), client.metered(alice, "gpt", book="llm", max_output=500):
        raise ZeroDivisionError
    with client.metered(alice, "gpt", book="llm", max_output=500):
        pass

    assert ledger.balance("alice") == {"available": 100}
    with client.metered(alice, "free", book="llm", max_output=500) as m:
        assert m.record(output_tokens=500)["usage"]["charged"] == 0


def test_usage_is_quoted_recorded_once_and_billed(server, api, alice, priced, ledger):
    with LedgerClient(server.url, api.token, default_book="llm") as client:
        assert client.quote(alice, "gpt", {"output_tokens": 105})["charge"] == 10
        first = client.usage(alice, "gpt", {"output_tokens": 105}, request_id="r1")
        again = client.usage(alice, "gpt", {"output_tokens": 105}, request_id="r1")

        assert (first["usage"]["id"], first["usage"]["charged"]) == (again["usage"]["id"], 10)
        assert client.bill(alice)["charged"] == 10
    with pytest.raises(TypeError), LedgerClient(server.url, api.token) as client:
        client.usage(alice, "gpt", {"output_tokens": 105})


def test_spend_and_refund(client, alice, ledger):
    paid = client.spend(alice, 40, to_account="provider")
    client.refund(paid["entry"]["id"], 15)

    assert ledger.balance("alice") == {"available": 75}
    assert ledger.balance("provider") == {"available": 25}


def test_deposit_and_withdraw(client, alice, ledger):
    client.deposit(alice, 50, "chain", "0xabc")
    with pytest.raises(LedgerError) as refused:
        client.deposit(alice, 50, "chain", "0xabc")
    client.withdraw(alice, 30, "0xalice")

    assert (refused.value.code, refused.value.status) == ("duplicate_deposit", 409)
    assert ledger.balance("alice") == {"available": 120, "held": 30}


def test_a_rehearsal_moves_nothing(client, alice, ledger):
    before = ledger.size()

    rehearsed = client.command("transfer", from_account=alice, to_account="provider", amount=10, dry_run=True)

    assert rehearsed["dry_run"] is True
    assert rehearsed["balances"][0]["available"] == 90
    assert ledger.size() == before


def test_an_atomic_batch_is_all_or_nothing(client, alice, ledger):
    pay = {"from_account": alice, "to_account": "provider"}
    before = ledger.size()

    with pytest.raises(PaymentRequiredError) as refused:
        client.bulk([{"command": "transfer", "args": {**pay, "amount": amount}} for amount in (10, 1000)])

    assert refused.value.facts["index"] == 1
    assert ledger.size() == before
    results = client.bulk(
        [{"command": "transfer", "args": {**pay, "amount": amount}} for amount in (10, 1000)], atomic=False
    )
    assert [result["status"] for result in results] == [201, 402]
    assert ledger.balance("provider") == {"available": 10}


def test_the_async_client_does_the_same(server, api, alice, ledger):
    async def story():
        async with AsyncLedgerClient(server.url, api.token) as client:
            server.faults.append(lose_the_reply)
            await client.charge(alice, "provider", 10, job_id="job_1")
            async with await client.hold(alice, 50, to_account="provider") as hold:
                hold.actual = 20
            with pytest.raises(PaymentRequiredError):
                await client.charge(alice, "provider", 1000)
            names = [account["name"] async for account in client.list_accounts(prefix="alice")]
            books = [piece async for piece in client.download("/v1/exports/csv")]
            return await client.get_balance(alice), names, await client.get_transfers(alice), books

    balance, names, transfers, books = asyncio.run(story())

    assert b"".join(books).startswith(b"entry,kind,effective_at,")
    assert (balance, names, [t["amount"] for t in transfers]) == (70, ["alice"], [10])
    assert ledger.balance("provider") == {"available": 30}


def test_both_clients_have_the_same_names():
    def names(kind):
        return {name for name in dir(kind) if not name.startswith("_")} - {"close", "aclose"}

    assert names(LedgerClient) == names(AsyncLedgerClient)


def test_accounts_are_opened_by_a_charge_where_the_service_wants_it(server, api, ledger):
    options = {"default_provider_account": "my_provider", "auto_create_accounts": True}
    with LedgerClient(server.url, api.token, **options) as client:
        client.ensure_account("alice", initial_balance=100)
        client.charge("alice", amount=10)

    assert ledger.balance("my_provider") == {"available": 10}


def test_a_ledger_on_this_machine_is_found_by_its_file(server, api, alice, tmp_path, monkeypatch):
    (tmp_path / "var").mkdir()
    (tmp_path / "var/up.json").write_text(json.dumps({"url": server.url, "api_key": api.token}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEDGER_URL", raising=False)

    with LedgerClient() as found, LedgerClient(json_path="var/up.json") as named:
        assert found.get_balance(alice) == named.get_balance(alice) == 100
    monkeypatch.setenv("LEDGER_URL", server.url)
    monkeypatch.delenv("LEDGER_API_KEY", raising=False)
    with pytest.raises(ValueError, match="LEDGER_API_KEY"):
        LedgerClient()
