"""Top-ups: an account that runs low asks once, and the deposit that names the request answers it."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.errors import AccountUnbounded
from holds.models import TopUp, TopUpRequest
from holds.tasks import request_topups
from holds.tests.payments import wanted
from holds.topups import asking
from holds.topups.asking import ask_due
from holds.topups.errors import TopupNotDue, TopupNotExpired, TopupNotFound, TopupNotOpen
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.testing.api import Api, refused
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

HOUR = timedelta(hours=1)


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("ada", "bob", funded=100)
    ledger.open("shop")
    return ledger


def rule(books: Ledger, **given: Any) -> None:
    books.run("set_topup", account="ada", **{"below": 50, "to": 200, **given})


def spend(books: Ledger, amount: int) -> None:
    books.run("transfer", from_account="ada", to_account="shop", amount=amount)


def requests(books: Ledger) -> list[tuple[str, int]]:
    rows = TopUpRequest.objects.filter(tenant=books.tenant).order_by("id")
    return [(row.status, int(row.amount)) for row in rows]


def asked(books: Ledger) -> int:
    """How many requests one sweep makes here; it serves the tenants of other tests, too."""
    before = len(requests(books))
    ask_due()
    return len(requests(books)) - before


def open_request(books: Ledger) -> str:
    return str(TopUpRequest.objects.get(tenant=books.tenant, status="open"))


def deposit(books: Ledger, amount: int, ref: str = "pi_1", **given: Any) -> dict[str, Any]:
    return books.answer("record_deposit", account="ada", amount=amount, source="stripe", external_ref=ref, **given)


def test_crossing_asks_once_and_the_deposit_that_names_it_completes_it(books: Ledger) -> None:
    rule(books, url="https://pay.example/ada")
    assert asked(books) == 0
    spend(books, 60)

    assert [asked(books), asked(books)] == [1, 0]
    assert requests(books) == [("open", 160)]
    assert books.tail() == ["topup.requested"]
    answer = deposit(books, 160, topup=open_request(books))

    assert answer["topup_request"]["status"] == "completed"
    assert answer["topup_request"]["deposit"] == answer["deposit"]["id"]
    assert (books.balance("ada"), requests(books)) == ({"available": 200}, [("completed", 160)])
    request_topups()
    assert replay(books.tenant) == []


def test_sweepers_at_once_make_one_request(books: Ledger) -> None:
    rule(books, amount=70, to=None)
    spend(books, 60)

    together([ask_due] * 6)

    assert requests(books) == [("open", 70)]


def test_a_smaller_deposit_completes_it_and_it_may_ask_again_after_the_cooldown(books: Ledger) -> None:
    rule(books, cooldown=3600)
    spend(books, 60)
    ask_due()
    deposit(books, 5, topup=open_request(books))

    assert asked(books) == 0
    with pytest.raises(TopupNotDue) as refusal:
        books.run("request_topup", account="ada")
    assert refusal.value.facts["reason"] == "the last request was a moment ago"
    with clock.moved(HOUR + HOUR):
        assert asked(books) == 1
    assert requests(books) == [("completed", 160), ("open", 155)]
    assert replay(books.tenant) == []


def test_a_month_has_its_most(books: Ledger) -> None:
    rule(books, amount=30, to=None, at_most_per_month=50, cooldown=0)
    spend(books, 90)
    for n in range(3):
        ask_due()
        if TopUpRequest.objects.filter(tenant=books.tenant, status="open").exists():
            deposit(books, 1, f"pi_{n}", topup=open_request(books))

    assert requests(books) == [("completed", 30), ("completed", 20)]
    with clock.moved(timedelta(days=32)):
        ask_due()
    assert requests(books)[-1] == ("open", 30)


def test_three_failures_switch_it_off_and_the_402_says_so(books: Ledger) -> None:
    rule(books, cooldown=0, url="https://pay.example/ada")
    spend(books, 60)
    for n in range(2):
        ask_due()
        books.run("fail_topup", topup=open_request(books), reason=f"declined {n}")
    ask_due()
    with clock.moved(25 * HOUR):
        assert asked(books) == 0  # the third one's time is over
        assert [status for status, _ in requests(books)] == ["failed"] * 3
        pay = {"from_account": "ada", "to_account": "shop", "amount": 500}
        problem = refused(Api(books).post("/v1/transfers", pay), 402, "insufficient_funds")
        assert (problem["topup_url"], problem["topup_disabled"]) == ("https://pay.example/ada", True)
        rule(books)
        assert asked(books) == 1
    assert replay(books.tenant) == []


def test_a_402_tells_where_to_top_up(books: Ledger) -> None:
    pay = {"from_account": "ada", "to_account": "shop", "amount": 500}
    assert "topup_url" not in refused(Api(books).post("/v1/transfers", pay), 402, "insufficient_funds")
    rule(books, url="https://pay.example/ada")

    problem = refused(Api(books).post("/v1/transfers", pay), 402, "insufficient_funds")
    item = {"command": "transfer", "idempotency_key": "k", "args": pay}
    bulk = Api(books).post("/v1/bulk", {"commands": [item], "atomic": False}).json()["results"][0]["problem"]

    assert problem["topup_url"] == bulk["topup_url"] == "https://pay.example/ada"
    assert "topup_disabled" not in problem


def test_a_deposit_after_the_end_is_an_ordinary_one(books: Ledger) -> None:
    rule(books, expires_in=60)
    spend(books, 60)
    ask_due()
    late = open_request(books)

    with clock.moved(HOUR):
        answer = deposit(books, 160, topup=late)
        assert "topup_request" not in answer
        with pytest.raises(TopupNotOpen):
            books.run("fail_topup", topup=late, reason="too late")
    assert books.balance("ada") == {"available": 200}


def test_a_deposit_names_a_request_of_its_own_account(books: Ledger) -> None:
    rule(books)
    spend(books, 60)
    ask_due()

    with pytest.raises(TopupNotFound):
        books.run("record_deposit", account="bob", amount=5, source="s", external_ref="r", topup=open_request(books))
    with pytest.raises(TopupNotFound):
        deposit(books, 5, topup="top_" + "0" * 32)


def test_an_announced_deposit_completes_it_when_it_is_confirmed(books: Ledger) -> None:
    rule(books)
    spend(books, 60)
    ask_due()
    announced = deposit(books, 160, topup=open_request(books), confirmed=False)["deposit"]["id"]
    assert requests(books) == [("open", 160)]

    books.run("confirm_deposit", deposit=announced)

    assert requests(books) == [("completed", 160)]
    assert replay(books.tenant) == []


def test_a_frozen_account_asks_for_nothing_and_an_ended_rule_neither(books: Ledger) -> None:
    rule(books)
    spend(books, 60)
    books.run("freeze_account", account="ada")
    assert asked(books) == 0
    books.run("unfreeze_account", account="ada")
    books.run("end_topup", account="ada")
    assert asked(books) == 0
    with pytest.raises(TopupNotFound):
        books.run("end_topup", account="ada")


def test_a_rule_has_a_form(books: Ledger) -> None:
    books.run("open_account", name="wide", currency="CRD", unbounded=True)
    with pytest.raises(InvalidRequest):
        rule(books, amount=5)
    with pytest.raises(InvalidRequest):
        rule(books, to=50)
    with pytest.raises(AccountUnbounded):
        books.run("set_topup", account="wide", below=5, to=10)


def test_rules_and_requests_are_read(books: Ledger) -> None:
    api = Api(books)
    made = api.post("/v1/accounts/ada/topup", {"below": 50, "to": 200}, method="PUT")
    assert made.status_code == 201
    spend(books, 60)
    ask_due()

    assert api.get("/v1/accounts/ada/topup").json()["asked"] == "160"
    assert [each["status"] for each in api.get("/v1/topup-requests?account=ada&status=open").json()["results"]] == [
        "open"
    ]
    own = Api(books, "read", account="bob")
    refused(own.get("/v1/accounts/ada/topup"), 404, "account_not_found")
    assert own.get("/v1/topup-requests").json()["results"] == []


def test_rules_are_listed_until_they_end(books: Ledger) -> None:
    api, own = Api(books), Api(books, "read", account="bob")
    rule(books)
    books.run("set_topup", account="bob", below=5, amount=7)

    def listed(reader: Api, address: str = "/v1/topups") -> list[tuple[str, str | None]]:
        return [(each["below"], each["to"]) for each in reader.get(address).json()["results"]]

    assert listed(api) == [("5", None), ("50", "200")]
    first = api.get("/v1/topups?limit=1").json()
    assert listed(api, f"/v1/topups?limit=1&cursor={first['next']}") == [("50", "200")]
    assert listed(api, "/v1/topups?account=ada") == [("50", "200")]
    assert listed(own) == [("5", None)]
    books.run("end_topup", account="ada")
    assert listed(api) == [("5", None)]


def test_a_request_whose_time_is_over_fails_in_an_event_of_its_own(books: Ledger) -> None:
    rule(books, expires_in=60, cooldown=3 * 3600)
    spend(books, 60)
    ask_due()
    over = open_request(books)

    with clock.moved(HOUR):
        assert asked(books) == 0
        assert books.tail() == ["topup.expired"]
    with clock.moved(4 * HOUR):
        assert asked(books) == 1
        assert books.tail() == ["topup.requested"]
    assert requests(books) == [("failed", 160), ("open", 160)]
    assert open_request(books) != over
    assert replay(books.tenant) == []


def test_a_request_of_an_ended_rule_expires_too(books: Ledger) -> None:
    rule(books, expires_in=60)
    spend(books, 60)
    ask_due()
    books.run("end_topup", account="ada")

    with clock.moved(HOUR):
        assert asked(books) == 0
    assert requests(books) == [("failed", 160)]
    assert replay(books.tenant) == []


def test_who_has_had_its_month_stands_in_nobodys_way(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    rule(books, amount=30, to=None, at_most_per_month=30, cooldown=0)
    spend(books, 60)
    ask_due()
    deposit(books, 1, topup=open_request(books))
    books.run("set_topup", account="bob", below=500, amount=7, cooldown=0)
    monkeypatch.setattr(asking, "PAGE", 1)

    assert asked(books) == 1
    assert requests(books) == [("completed", 30), ("open", 7)]


def test_a_deposit_larger_than_asked_completes_it(books: Ledger) -> None:
    rule(books)
    spend(books, 60)
    ask_due()

    answer = deposit(books, 900, topup=open_request(books))

    assert answer["topup_request"]["status"] == "completed"
    assert (books.balance("ada"), requests(books)) == ({"available": 940}, [("completed", 160)])


def test_a_request_is_answered_once(books: Ledger) -> None:
    rule(books, cooldown=0)
    spend(books, 60)
    ask_due()
    request = open_request(books)
    deposit(books, 5, topup=request)
    ask_due()

    again = deposit(books, 5, "pi_2", topup=request)

    assert "topup_request" not in again
    assert requests(books) == [("completed", 160), ("open", 155)]
    assert books.balance("ada") == {"available": 50}


def test_money_and_the_news_that_none_comes_end_a_request_once(books: Ledger) -> None:
    rule(books)
    spend(books, 60)
    ask_due()
    request = open_request(books)

    outcomes = together(
        [
            lambda: books.run("fail_topup", topup=request, reason="declined"),
            lambda: books.run("record_deposit", account="ada", amount=160, source="s", external_ref="r", topup=request),
        ]
    )

    stored = TopUpRequest.objects.get(tenant=books.tenant)
    failed = not isinstance(outcomes[0], Exception)
    assert failed or isinstance(outcomes[0], TopupNotOpen)
    assert not isinstance(outcomes[1], Exception)
    assert (stored.status, stored.deposit is None) == (("failed", True) if failed else ("completed", False))
    assert books.balance("ada") == {"available": 200}
    assert replay(books.tenant) == []


def test_a_deposit_ends_the_row_of_failures(books: Ledger) -> None:
    rule(books, cooldown=0)
    spend(books, 60)
    for n in range(2):
        ask_due()
        books.run("fail_topup", topup=open_request(books), reason=f"declined {n}")
    ask_due()
    deposit(books, 1, topup=open_request(books))
    ask_due()
    failed = books.answer("fail_topup", topup=open_request(books), reason="declined again")

    assert (failed["topup"]["failures"], failed["topup"]["disabled"]) == (1, False)
    assert asked(books) == 1


def test_what_failed_counts_no_longer_in_its_month(books: Ledger) -> None:
    rule(books, amount=30, to=None, at_most_per_month=40, cooldown=0)
    spend(books, 60)
    ask_due()

    failed = books.answer("fail_topup", topup=open_request(books), reason="declined")

    assert failed["topup"]["asked"] == "0"
    assert asked(books) == 1
    assert requests(books) == [("failed", 30), ("open", 30)]


def test_a_month_begins_on_its_first_day_of_utc(books: Ledger) -> None:
    rule(books, amount=30, to=None, at_most_per_month=30, cooldown=0)
    spend(books, 60)
    now = clock.now()
    following = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    minute = timedelta(minutes=1)
    with clock.moved(following - now - 5 * minute):
        ask_due()
        deposit(books, 1, topup=open_request(books))
    with clock.moved(following - now - 3 * minute):
        assert asked(books) == 0
    with clock.moved(following - now + minute):
        assert asked(books) == 1
    assert requests(books) == [("completed", 30), ("open", 30)]


def test_the_cooldown_is_over_to_the_second(books: Ledger) -> None:
    rule(books, cooldown=3600)
    spend(books, 60)
    ask_due()
    request = TopUpRequest.objects.get(tenant=books.tenant)
    deposit(books, 1, topup=str(request))

    since = clock.now() - request.requested_at
    with clock.moved(HOUR - since - timedelta(minutes=1)):
        assert asked(books) == 0
    with clock.moved(HOUR - since + timedelta(seconds=1)):
        assert asked(books) == 1


def test_the_time_of_a_request_is_that_of_its_rule_and_a_day_by_default(books: Ledger) -> None:
    rule(books)
    spend(books, 60)
    ask_due()
    request = TopUpRequest.objects.get(tenant=books.tenant)
    assert request.expires_at - request.requested_at == timedelta(days=1)

    with pytest.raises(TopupNotExpired):
        books.run("expire_topup", topup=str(request))
    with clock.moved(timedelta(hours=23)):
        ask_due()
        assert requests(books) == [("open", 160)]
    with clock.moved(timedelta(hours=25)):
        ask_due()
        assert requests(books) == [("failed", 160), ("open", 160)]


@pytest.mark.parametrize(("shut", "state"), [("freeze_account", "frozen"), ("close_account", "closed")])
def test_the_command_itself_judges_again(books: Ledger, shut: str, state: str) -> None:
    """What a sweeper saw may be over when its command has the lock."""
    rule(books)
    with pytest.raises(TopupNotDue) as enough:
        books.run("request_topup", account="ada")
    spend(books, 100)
    books.run(shut, account="ada")
    with pytest.raises(TopupNotDue) as no:
        books.run("request_topup", account="ada")

    assert enough.value.facts["reason"] == "enough is available"
    assert no.value.facts["reason"] == f"the account is {state}"
    assert (asked(books), requests(books)) == (0, [])


def test_two_who_set_a_rule_at_once_leave_one(books: Ledger) -> None:
    outcomes = together([lambda: rule(books), lambda: rule(books, below=40)] * 2)

    assert [each for each in outcomes if isinstance(each, Exception)] == []
    assert TopUp.objects.filter(tenant=books.tenant).count() == 1
    assert replay(books.tenant) == []


def test_a_rule_that_ended_is_set_again_and_goes_on_where_it_was(books: Ledger) -> None:
    rule(books, amount=30, to=None, at_most_per_month=50, cooldown=0)
    spend(books, 60)
    ask_due()
    deposit(books, 1, topup=open_request(books))
    books.run("end_topup", account="ada")
    rule(books, amount=30, to=None, at_most_per_month=50, cooldown=0)

    assert asked(books) == 1
    assert requests(books) == [("completed", 30), ("open", 20)]


def test_a_402_of_x402_tells_where_to_top_up(books: Ledger) -> None:
    rule(books, url="https://pay.example/ada")
    agent = Api(books, "x402.pay", account="ada")
    asked = wanted(Api(books), 101)

    problem = refused(
        agent.post("/x402/authorize", {"paymentRequirements": asked}, key=None), 402, "insufficient_funds"
    )

    assert (problem["shortfall"], problem["topup_url"]) == ("1", "https://pay.example/ada")
