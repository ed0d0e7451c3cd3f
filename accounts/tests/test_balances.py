"""Balances: one account's, every account's, and sums over them."""

from urllib.parse import quote, urlencode

import pytest

from accounts.models import BalanceTotal
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import BUCKETS, Ledger

DID = "did:web:agents.example:alice"


def spent(balance: dict) -> dict:
    """The amounts that are not zero."""
    return {name: balance[name] for name in (*BUCKETS, "posted", "total_in", "total_out") if balance[name] != "0"}


@pytest.fixture
def api(ledger) -> Api:
    ledger.open(DID, "shop", funded=100)
    ledger.run("transfer", from_account=DID, to_account="shop", amount=30)
    ledger.run(
        "post_entry",
        postings=[{"account": DID, "amount": 5}, {"account": DID, "bucket": "fee_pool", "amount": -5}],
    )
    return Api(ledger, "read")


def test_a_balance_is_shown_by_bucket(api):
    balance = api.get(f"/v1/accounts/{DID}/balance").json()

    assert spent(balance) == {"available": "65", "fee_pool": "5", "posted": "70", "total_in": "100", "total_out": "30"}
    assert (balance["name"], balance["currency"], balance["scale"], balance["status"]) == (DID, "CRD", 0, "open")
    assert (balance["version"], balance["credit_limit"]) == (4, "0")


def test_an_account_is_known_by_its_name_encoded_or_not_and_by_its_id(api):
    account = api.get(f"/v1/accounts/{DID}").json()

    for ref in (quote(DID, safe=""), account["id"]):
        found = api.get(f"/v1/accounts/{ref}").json()
        assert found["balance"].pop("as_of")
        assert found == account | {"balance": {k: v for k, v in account["balance"].items() if k != "as_of"}}
    assert account["id"] == account["balance"]["account"]


def test_reading_shows_what_the_command_answered(ledger):
    api = Api(ledger)
    opened = api.post("/v1/accounts", {"name": "bob", "metadata": {"tier": "gold", "n": 3}}).json()["account"]
    minted = api.post("/v1/mints", {"account": "bob", "amount": 12}).json()["balances"]

    shown = api.get("/v1/accounts/bob").json()

    assert {**shown, "balance": None} == {**opened, "balance": None}
    [after] = [balance for balance in minted if balance["name"] == "bob"]
    assert {**shown["balance"], "as_of": None} == {**after, "as_of": None}
    assert shown["balance"]["as_of"] > after["as_of"]


def test_an_unbounded_accounts_balance_is_the_sum_of_its_stripes(ledger):
    ledger.run("open_account", name="cash", type="asset", unbounded=True)
    ledger.run("open_account", name="shop")
    for amount in range(1, 20):
        ledger.run(
            "post_entry",
            postings=[{"account": "cash", "amount": amount}, {"account": "shop", "amount": -amount}],
        )
    api = Api(ledger)

    account = api.get("/v1/accounts/cash").json()
    [listed] = api.get("/v1/balances?account=cash").json()["results"]

    assert account["unbounded"] is True
    assert spent(account["balance"]) == {"available": "190", "posted": "190", "total_in": "190"}
    assert account["balance"]["version"] == 19
    assert {**listed, "as_of": None} == {**account["balance"], "as_of": None}


def test_a_frozen_and_a_closed_account_say_so(ledger):
    ledger.open("alice", "bob")
    ledger.run("open_account", name="cash", unbounded=True)
    ledger.run("freeze_account", account="cash")
    ledger.run("close_account", account="bob")
    api = Api(ledger)

    assert api.get("/v1/accounts/cash/balance").json()["status"] == "frozen"
    assert api.get("/v1/accounts/bob").json()["status"] == "closed"
    assert [a["name"] for a in api.get("/v1/accounts?status=open&prefix=a").json()["results"]] == ["alice"]


def test_38_digits_are_shown_exactly_and_their_sums_too():
    ledger = Ledger(currency="WEI", scale=18)
    ledger.open("alice", "bob")
    half = 5 * 10**37 - 1
    for name in ("alice", "bob"):
        ledger.run("mint", account=name, amount=str(half))
    api = Api(ledger)

    assert api.get("/v1/accounts/alice/balance").json()["available"] == "4" + "9" * 37
    assert api.get("/v1/accounts/platform:issuance:WEI/balance").json()["available"] == str(-2 * half)
    [sums] = api.get("/v1/balances?group_by=prefix:1&prefix=alice").json()["results"]
    assert sums["available"] == str(half)
    # More accounts at the limit than a bucket could hold alone: the sum is still exact.
    others = Ledger(currency="WEI", scale=18)
    most = 10**38 - 1
    for name in ("a", "b", "c"):
        others.open(name)
        others.run("open_account", name=f"from:{name}", unbounded=True, type="asset")
        legs = [{"account": f"from:{name}", "amount": str(most)}, {"account": name, "amount": str(-most)}]
        others.run("post_entry", postings=legs)
    sums = Api(others).get("/v1/balances?group_by=currency").json()["results"]
    assert [(each["normal_balance"], each["available"]) for each in sums] == [
        ("credit", str(3 * most)),
        ("debit", str(3 * most)),
    ]


@pytest.mark.parametrize("ref", ["nobody", "acc_" + "0" * 32, "%00", "a" * 3000, "Shop"])
@pytest.mark.parametrize("tail", ["", "/balance", "/entries"])
def test_an_account_that_is_not_there_is_not_found(api, ref, tail):
    answer = api.get(f"/v1/accounts/{ref}{tail}")

    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


def test_balances_are_listed_by_name_and_filtered(api):
    def names(**filters: str) -> list[str]:
        answer = api.get("/v1/balances?" + urlencode(filters))
        return [balance["name"] for balance in answer.json()["results"]]

    assert names() == [DID, "platform:issuance:CRD", "shop"]
    assert names(account=DID) == [DID]
    assert names(account=DID, prefix="did:web:") == [DID]
    assert names(account=DID, prefix="shop") == []
    assert names(prefix="did:", currency="CRD") == [DID]
    assert names(currency="USD") == []
    assert names(account="nobody") == []
    assert names(prefix="%") == []


class TestSums:
    """Agents in two regions and two currencies, with what they are owed by and what was paid for them."""

    @pytest.fixture(scope="class")
    def api(self) -> Api:
        ledger = Ledger()
        ledger.run("register_currency", code="USD", scale=2)
        for name, currency, amount in [
            ("agent:eu:alice", "CRD", 10),
            ("agent:eu:bob", "CRD", 20),
            ("agent:us:carol", "CRD", 40),
            ("agent:us:dave", "USD", 500),
            ("agent", "CRD", 1),
        ]:
            ledger.run("open_account", name=name, currency=currency)
            ledger.run("mint", account=name, amount=amount)
        ledger.run("open_account", name="bank", currency="USD", type="asset")
        ledger.run("open_account", name="sales", currency="USD", type="revenue")
        ledger.run(
            "post_entry",
            postings=[{"account": "bank", "amount": 700}, {"account": "sales", "amount": -700}],
        )
        return Api(ledger)

    @staticmethod
    def sums(api: Api, query: str) -> list[tuple]:
        return [
            (each["group"], each["currency"], each["normal_balance"], each["accounts"], each["available"])
            for each in api.get(f"/v1/balances?{query}").json()["results"]
        ]

    def test_by_currency_debits_equal_credits(self, api):
        assert self.sums(api, "group_by=currency") == [
            ("CRD", "CRD", "credit", 5, "0"),
            ("USD", "USD", "credit", 3, "700"),
            ("USD", "USD", "debit", 1, "700"),
        ]

    def test_by_type(self, api):
        assert self.sums(api, "group_by=type&currency=USD") == [
            ("asset", "USD", "debit", 1, "700"),
            ("equity", "USD", "credit", 1, "-500"),
            ("liability", "USD", "credit", 1, "500"),
            ("revenue", "USD", "credit", 1, "700"),
        ]

    def test_by_the_first_segments_of_the_name(self, api):
        assert self.sums(api, "group_by=prefix:2&prefix=agent") == [
            ("agent", "CRD", "credit", 1, "1"),
            ("agent:eu", "CRD", "credit", 2, "30"),
            ("agent:us", "CRD", "credit", 1, "40"),
            ("agent:us", "USD", "credit", 1, "500"),
        ]
        assert self.sums(api, "group_by=prefix:1&prefix=agent&currency=CRD") == [("agent", "CRD", "credit", 4, "71")]
        assert self.sums(api, "group_by=prefix:3&account=agent:eu:bob") == [("agent:eu:bob", "CRD", "credit", 1, "20")]
        assert self.sums(api, "group_by=type&account=nobody") == []

    def test_a_sum_has_all_that_a_balance_has(self, api):
        [group] = api.get("/v1/balances?group_by=prefix:1&account=bank").json()["results"]

        assert group.pop("as_of")
        assert group == {
            "group": "bank",
            "normal_balance": "debit",
            "currency": "USD",
            "scale": 2,
            "accounts": 1,
            **dict.fromkeys(BUCKETS, "0"),
            "available": "700",
            "posted": "700",
            "total_in": "700",
            "total_out": "0",
        }

    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_sums_come_in_pages_too(self, api, limit):
        everything = self.sums(api, "group_by=prefix:2")
        listed, cursor = [], ""
        while cursor is not None:
            address = f"/v1/balances?group_by=prefix:2&limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            page = api.get(address).json()
            assert len(page["results"]) <= limit
            listed += [(each["group"], each["currency"], each["normal_balance"]) for each in page["results"]]
            cursor = page["next"]

        assert listed == [each[:3] for each in everything]

    @pytest.mark.parametrize("how", ["", "name", "prefix", "prefix:0", "prefix:17", "prefix:x", "prefix:1:2", "Type"])
    def test_another_way_of_summing_is_refused_by_name(self, api, how):
        answer = api.get(f"/v1/balances?group_by={how}")

        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
            422,
            "invalid_request",
            "group_by",
        )


def test_the_view_has_one_row_per_account(ledger):
    ledger.open("alice", funded=7)

    rows = {row.name: row for row in BalanceTotal.objects.filter(tenant=ledger.tenant)}

    assert {name: row.available for name, row in rows.items()} == {"alice": 7, "platform:issuance:CRD": -7}
    assert rows["alice"].account.name == "alice"
