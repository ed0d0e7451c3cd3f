"""What a page costs: always as many queries, by index, and rows in proportion to the page and not to the ledger."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from journal import history
from ledger_project.kernel import clock
from ledger_project.log.executor import Call
from ledger_project.log.models import Event
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api import authentication

pytestmark = pytest.mark.slow

ENTRIES = 20_000
AGENTS = 100
LARGE = {"journal_entry", "journal_posting", "log_event"}
LIMIT = 50


class Books:
    """Twenty thousand entries: mostly agents who pay one shop, every tenth a sale for cash, and a few reversals.

    Beside them a second tenant with as many accounts of the same names and a tenth of the entries.
    """

    def __init__(self) -> None:
        self.ledger, self.others = Ledger(), Ledger()
        for ledger in (self.ledger, self.others):
            ledger.run("open_account", name="cash", type="asset", unbounded=True)
            ledger.open("shop:main", "shop:other", *(f"agent:{n:03}" for n in range(AGENTS)), funded=10**9)
        for start in range(0, ENTRIES, 1000):
            self.ledger.execute(*(self.any_call(self.ledger, n) for n in range(start, start + 1000)))
            self.others.execute(*(self.any_call(self.others, n) for n in range(start, start + 100)))
        for _ in range(3):
            done = self.ledger.run("transfer", from_account="agent:007", to_account="shop:other", amount=1)
            self.ledger.run("reverse_entry", entry="ent_" + done.document["id"][4:])
        # The last thousand are the others': who has most of the rows is silent for a while.
        self.others.execute(*(self.any_call(self.others, n) for n in range(ENTRIES, ENTRIES + 1000)))
        with connections["owner"].cursor() as cursor:
            cursor.execute("ANALYZE accounts_account, accounts_balance, journal_entry, journal_posting, log_event")
        self.api = Api(self.ledger)

    @staticmethod
    def any_call(ledger: Ledger, n: int) -> Call:
        if n % 10 == 0:
            sale = [{"account": "cash", "amount": 2}, {"account": "shop:main", "amount": -2}]
            return ledger.call("post_entry", kind="sale", postings=sale, references={"order": f"o{n}"})
        agent = f"agent:{n % AGENTS:03}"
        return ledger.call("transfer", from_account=agent, to_account="shop:main", amount=1, job_id=f"job-{n}")

    def cursor_of_page(self, number: int, address: str) -> str:
        cursor = ""
        for _ in range(number - 1):
            page = self.api.get(f"{address}?limit=100" + (f"&cursor={cursor}" if cursor else "")).json()
            cursor = page["next"]
        return cursor

    def halfway(self) -> str:
        """When half of it all had been recorded."""
        events = Event.objects.filter(tenant=self.ledger.tenant).order_by("id")
        return clock.stamp(events[ENTRIES // 2].recorded_at)


@pytest.fixture(scope="module")
def books() -> Books:
    return Books()


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Scan" in node["Node Type"]:
        yield node
    for below in node.get("Plans", ()):
        yield from scans(below)


def rows(scan: dict[str, Any]) -> int:
    """All that a scan looked at, in all its loops."""
    seen = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    return seen * scan["Actual Loops"]


def plans(queries: CaptureQueriesContext) -> Iterator[dict[str, Any]]:
    for query in queries.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query["sql"].replace("%", "%%"), [])
            plan = cursor.fetchone()[0]
            yield (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


ADDRESSES = [
    # address, the most queries, the most rows that one scan of a large table may read for each row of the page
    ("/v1/entries", 5, 8),
    ("/v1/entries?kind=sale", 5, 8),
    ("/v1/entries?kind=transfer", 5, 8),
    ("/v1/entries?kind=reversal", 5, 8),
    ("/v1/entries?reference=none", 5, 8),
    ("/v1/entries?references.order=o5000", 5, 8),
    ("/v1/entries?account=agent:013", 6, 8),
    ("/v1/entries?account=shop:main&kind=transfer", 6, 8),
    ("/v1/entries?account=shop:main&references.order=o5000", 6, 8),
    ("/v1/entries?prefix=shop:o", 6, 8),
    ("/v1/entries?prefix=agent:01", 6, 220),  # gathers the few thousand postings of ten accounts
    ("/v1/accounts/shop:main/entries", 7, 8),
    ("/v1/accounts/cash/entries", 8, 60),  # sixteen stripes, a page of each
    ("/v1/transfers", 5, 8),
    ("/v1/transfers?job_id=job-777", 5, 8),
    ("/v1/events", 2, 4),
    ("/v1/events?type=transfer.posted", 2, 8),
    ("/v1/events?type=account.opened", 1, 4),
    ("/v1/events?command=reverse_entry", 1, 4),
    ("/v1/events?idempotency_key=key-5", 2, 4),
]


@pytest.fixture(autouse=True)
def known_key(books, settings):
    """The caller's key is found before anything is counted, and not again while it is."""
    settings.API_KEY_CACHE_SECONDS = 600
    authentication._cache._found.clear()
    books.api.get("/v1/currencies")


@pytest.mark.parametrize(("address", "most_queries", "rows_each"), ADDRESSES)
def test_a_page_is_found_by_index_in_few_queries(books, address, most_queries, rows_each):
    sign = "&" if "?" in address else "?"
    with CaptureQueriesContext(connection) as queries:
        answer = books.api.get(f"{address}{sign}limit={LIMIT}")

    assert answer.status_code == 200
    assert len(queries) <= most_queries
    for plan in plans(queries):
        for scan in scans(plan):
            if scan.get("Relation Name") in LARGE:
                assert scan["Node Type"] != "Seq Scan", plan
                assert rows(scan) <= rows_each * (LIMIT + 1), plan


@pytest.mark.parametrize("address", ["/v1/entries", "/v1/accounts/shop:main/entries", "/v1/transfers", "/v1/events"])
def test_a_deep_page_costs_what_the_first_does(books, address):
    cursor = books.cursor_of_page(20, address)
    with CaptureQueriesContext(connection) as first:
        books.api.get(f"{address}?limit={LIMIT}")
    with CaptureQueriesContext(connection) as later:
        page = books.api.get(f"{address}?limit={LIMIT}&cursor={cursor}").json()

    assert len(page["results"]) == LIMIT
    assert len(later) == len(first)
    for plan in plans(later):
        for scan in scans(plan):
            if scan.get("Relation Name") in LARGE:
                assert rows(scan) <= 8 * (LIMIT + 1), plan


@pytest.mark.parametrize("account", ["shop:main", "agent:013", "cash"])
def test_a_time_in_the_middle_of_a_long_history_is_jumped_to(books, account, monkeypatch):
    monkeypatch.setattr(history, "SLACK", timedelta())  # all of these books were written within it
    at = books.halfway()
    with CaptureQueriesContext(connection) as queries:
        page = books.api.get(f"/v1/accounts/{account}/entries?to={at}&limit={LIMIT}").json()

    assert page["results"]
    assert max(entry["recorded_at"] for entry in page["results"]) < at
    assert len(queries) <= 8
    for plan in plans(queries):
        for scan in scans(plan):
            if scan.get("Relation Name") in LARGE:
                assert rows(scan) <= 70 * (LIMIT + 1), plan


def test_the_number_of_queries_does_not_follow_the_size_of_the_page(books):
    counts = set()
    for limit in (2, 50, 500):
        with CaptureQueriesContext(connection) as queries:
            books.api.get(f"/v1/accounts/shop:main/entries?limit={limit}")
        counts.add(len(queries))

    assert len(counts) == 1


@pytest.mark.parametrize("address", ["/v1/accounts?prefix=agent:", "/v1/balances?prefix=agent:", "/v1/accounts"])
def test_a_page_of_accounts_reads_the_balances_of_that_page(books, address):
    sign = "&" if "?" in address else "?"
    with CaptureQueriesContext(connection) as queries:
        books.api.get(f"{address}{sign}limit=10")

    assert len(queries) == 1
    [plan] = plans(queries)
    for scan in scans(plan):
        assert scan["Node Type"] != "Seq Scan", plan
        assert rows(scan) <= 2 * 11 + 16, plan
