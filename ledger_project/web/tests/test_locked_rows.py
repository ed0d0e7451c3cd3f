"""A row that somebody holds, seen from outside: its callers are told, everybody else is served."""

import json
import threading

import pytest

from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.serving import THREADS, ask, serve

pytestmark = pytest.mark.slow


def test_callers_of_a_locked_row_leave_threads_to_all_others(api: Api, ledger: Ledger) -> None:
    ledger.open("alice", "bob", "shop", funded=50)
    other = Api(Ledger())
    other.ledger.open("carol", "shop", funded=50)
    told: list[int] = []

    def pay(whose: Api, payer: str, key: str) -> int:
        body = json.dumps({"from_account": payer, "to_account": "shop", "amount": 1}).encode()
        sent = {"Authorization": f"Bearer {whose.token}", "Idempotency_Key": key, "Request_Timeout": "15"}
        status, _ = ask(port, "/v1/transfers", "POST", body, Content_Type="application/json", **sent)
        return status

    with serve(workers=1) as port:
        with ledger.locked("alice"):
            crowd = [
                threading.Thread(target=lambda n=n: told.append(pay(api, "alice", f"a{n}")))  # type: ignore[misc]
                for n in range(8 * THREADS)
            ]
            for each in crowd:
                each.start()
            for n in range(10):
                assert pay(api, "bob", f"b{n}") == 201
                assert pay(other, "carol", f"c{n}") == 201
                assert ask(port, "/healthz")[0] == 200
        for each in crowd:
            each.join(30)

    assert set(told) <= {201, 503}
    assert told.count(201) >= 1
    assert ledger.balance("alice") == {"available": 50 - told.count(201)}
    assert ledger.balance("bob") == {"available": 40}


def test_a_caller_says_how_long_a_call_may_take(api: Api, ledger: Ledger) -> None:
    ledger.open("alice", "shop", funded=50)
    body = {"from_account": "alice", "to_account": "shop", "amount": 1}
    with ledger.locked("alice"):
        response = api.post("/v1/transfers", body, key="k", Request_Timeout="0.3")
    refused(response, 503, "busy")
    assert response.headers["Retry-After"] == "1"
    assert api.post("/v1/transfers", body, key="k", Request_Timeout="5").status_code == 201
    assert ledger.balance("alice") == {"available": 49}


@pytest.mark.parametrize("seconds", ["", "x", "-1", "1e3", "1,5", "nan", "Infinity", "0x10", "\u0661"])
def test_what_is_no_number_of_seconds_is_refused(api: Api, ledger: Ledger, seconds: str) -> None:
    problem = refused(api.post("/v1/transfers", {}, key="k", Request_Timeout=seconds), 422, "invalid_request")
    assert problem["field"] == "Request-Timeout"
