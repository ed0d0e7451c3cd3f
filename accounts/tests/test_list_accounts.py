"""Lists of accounts and currencies."""

import random
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger

TYPES = ["asset", "liability", "equity", "revenue", "expense"]
STATUSES = ["open", "frozen", "closed"]
PREFIXES = ["", "agent:", "agent:1", "Agent:", "0xAb", "did:web:", "%", "_", "\\", "ä", "💰"]


class Directory:
    """Sixty accounts of all kinds, and what is known of each."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.run("register_currency", code="USD", scale=2)
        dice = random.Random(11)
        self.known = []
        for n in range(60):
            account = {
                "name": f"{dice.choice(PREFIXES)}{n}",
                "type": dice.choice(TYPES),
                "currency": dice.choice(["CRD", "USD"]),
                "status": dice.choice(STATUSES),
            }
            self.ledger.run("open_account", **{key: account[key] for key in ("name", "type", "currency")})
            if account["status"] != "open":
                verb = {"frozen": "freeze_account", "closed": "close_account"}[account["status"]]
                self.ledger.run(verb, account=account["name"])
            self.known.append(account)
        self.known.sort(key=lambda account: account["name"].encode())
        self.api = Api(self.ledger)

    def listed(self, limit: int, **filters: str) -> list[dict]:
        found, cursor = [], None
        while True:
            query = urlencode({**filters, "limit": limit, **({"cursor": cursor} if cursor else {})})
            page = self.api.get(f"/v1/accounts?{query}").json()
            found += [
                {key: account[key] for key in ("name", "type", "currency", "status")} for account in page["results"]
            ]
            cursor = page["next"]
            if cursor is None:
                return found
            assert len(page["results"]) == limit


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory()


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "prefix": st.sampled_from([prefix for prefix in PREFIXES if prefix] + ["agent:11", "a", "zzz"]),
        "type": st.sampled_from(TYPES),
        "currency": st.sampled_from(["CRD", "USD", "EUR"]),
        "status": st.sampled_from(STATUSES),
    },
).filter(lambda chosen: len(chosen) >= 2)


@settings(max_examples=100, deadline=None)
@given(chosen=FILTERS, limit=st.sampled_from([1, 4, 500]))
def test_filters_combine_as_a_plain_loop_would(directory, chosen, limit):
    def meets(account: dict, name: str, value: str) -> bool:
        return account["name"].startswith(value) if name == "prefix" else account[name] == value

    expected = [
        account for account in directory.known if all(meets(account, name, value) for name, value in chosen.items())
    ]

    assert directory.listed(limit, **chosen) == expected


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_all_accounts_come_once_and_in_the_order_of_their_names(directory, limit):
    assert directory.listed(limit) == directory.known


def test_an_account_that_is_opened_meanwhile_neither_shifts_nor_repeats_the_others(ledger):
    ledger.open("b", "d", "f", "h")
    api = Api(ledger)

    first = api.get("/v1/accounts?limit=2").json()
    ledger.open("a", "c", "e")
    second = api.get(f"/v1/accounts?limit=2&cursor={first['next']}").json()
    third = api.get(f"/v1/accounts?limit=2&cursor={second['next']}").json()

    assert [[account["name"] for account in page["results"]] for page in (first, second, third)] == [
        ["b", "d"],
        ["e", "f"],
        ["h"],
    ]
    assert third["next"] is None


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("type=bank", "invalid_request", "type"),
        ("status=gone", "invalid_request", "status"),
        ("prefix=", "invalid_request", "prefix"),
        ("prefix=%00", "invalid_request", "prefix"),
        ("prefix=%ED%A0%80", "invalid_request", "prefix"),
        ("currency=" + "x" * 33, "invalid_request", "currency"),
        ("cursor=AAAA", "invalid_request", "cursor"),
        ("limit=5.0", "invalid_request", "limit"),
        ("name=alice", "unknown_field", "name"),
        ("type__in=asset", "unknown_field", "type__in"),
    ],
)
def test_what_the_list_does_not_understand_is_refused_by_name(directory, query, code, field):
    answer = directory.api.get(f"/v1/accounts?{query}")

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field)


def test_currencies_are_listed_by_code(directory):
    answer = directory.api.get("/v1/currencies").json()

    assert [(currency["code"], currency["scale"]) for currency in answer["results"]] == [("CRD", 0), ("USD", 2)]
    assert answer["next"] is None
