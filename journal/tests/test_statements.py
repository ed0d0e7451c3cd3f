"""Statements: three months of a hundred accounts, every form of one, and what can be checked of it offline."""

import csv
import hashlib
import io
import json
import tracemalloc
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from accounts.rows import Bucket, look_up
from journal.exports import snapshot as reading
from journal.exports.reading import Period
from journal.models import Posting
from journal.statements import formats as forms
from journal.statements.formats import chunks
from ledger_project.kernel import canonical, clock, merkle
from ledger_project.log import sealing
from ledger_project.log.models import Leaf
from ledger_project.log.queries import read
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

MONTHS = ("2026-08", "2026-09", "2026-10")
PEOPLE = [f"agent:{n:03}" for n in range(100)]
BEGUN, OCTOBER = datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)


class Quarter:
    """A hundred accounts that pay each other for three months, and cash paid in; many entries are dated apart."""

    def __init__(self) -> None:
        self.ledger, self.random = Ledger(scale=2), Random(20261126)
        with clock.stopped(BEGUN):
            self.ledger.run("open_account", name="cash", type="asset", unbounded=True)
            self.batch(("open_account", {"name": name}) for name in PEOPLE)
        for hour in range(1, 92 * 24, 46):
            with clock.stopped(BEGUN + timedelta(hours=hour)):
                self.batch(self.step() for _ in range(20))
            if BEGUN + timedelta(hours=hour + 46) > OCTOBER > BEGUN + timedelta(hours=hour):
                # The last microsecond of one month, and the first of the next.
                for moment in (OCTOBER - timedelta(microseconds=1), OCTOBER):
                    with clock.stopped(moment):
                        self.batch([("mint", {"account": PEOPLE[0], "amount": 11})])
        sealing.seal()
        self.facts = look_up(self.ledger.tenant, [*PEOPLE, "cash"], read)

    def batch(self, calls):
        results = self.ledger.execute(*(self.ledger.call(name, **arguments) for name, arguments in calls))
        assert not [result for result in results if isinstance(result, Exception) and result.status != 402]

    def step(self):
        payer, payee = self.random.sample(PEOPLE, 2)
        amount = self.random.randint(1, 5000)
        dated = clock.now() + timedelta(days=self.random.randint(-40, 40))
        return self.random.choice(
            [
                ("mint", {"account": payer, "amount": amount}),
                ("transfer", {"from_account": payer, "to_account": payee, "amount": amount}),
                ("place_hold", {"account": payer, "amount": amount}),
                (
                    "post_entry",
                    {
                        "kind": "deposit",
                        "postings": [{"account": "cash", "amount": amount}, {"account": payee, "amount": -amount}],
                        "effective_at": clock.stamp(dated),
                    },
                ),
            ]
        )

    def statement(self, name, month):
        return json.loads(b"".join(chunks("json", self.facts[name], Period.named(month))))


@pytest.fixture(scope="module")
def quarter():
    return Quarter()


def test_what_a_month_closes_with_the_next_one_opens_with(quarter):
    """A hundred accounts over three months, each number against the postings in plain Python."""
    expected = defaultdict(lambda: [0] * len(Bucket))
    postings = Posting.objects.filter(entry__tenant=quarter.ledger.tenant, account__name__in=PEOPLE)
    for name, bucket, amount in postings.values_list("account__name", "bucket", "amount"):
        expected[name][bucket] -= int(amount)
    lines = 0
    for name in PEOPLE:
        chain = [quarter.statement(name, month) for month in MONTHS]

        assert set(chain[0]["opening"].values()) == {"0"}
        for before, after in pairwise(chain):
            assert before["closing"] == after["opening"]
        for each in chain:
            opening, closing = int(each["opening"]["posted"]), int(each["closing"]["posted"])
            assert closing - opening == int(each["total_in"]) - int(each["total_out"])
            lines += each["count"]
        assert [int(chain[-1]["closing"][bucket.label]) for bucket in Bucket] == expected[name]
    assert lines == postings.count()
    print(f"{len(PEOPLE)} accounts, {len(MONTHS)} months, {lines} lines: every closing is the next opening")


def test_every_line_leaves_what_the_ledger_stored(quarter):
    name = PEOPLE[0]
    stored = {
        (f"ent_{entry.hex}", Bucket(bucket).label, int(after))
        for entry, bucket, after in Posting.objects.filter(account=quarter.facts[name].id).values_list(
            "entry", "bucket", "balance_after"
        )
    }
    shown = [line for month in MONTHS for line in quarter.statement(name, month)["lines"]]

    assert {(line["entry"], line["bucket"], int(line["balance"])) for line in shown} == stored
    for month in MONTHS:
        assert all(line["recorded_at"].startswith(month) for line in quarter.statement(name, month)["lines"])
    assert [line["recorded_at"] for line in shown if line["amount"] == "11"] == [
        "2026-09-30T23:59:59.999999Z",
        "2026-10-01T00:00:00.000000Z",
    ]


def test_an_account_in_stripes_runs_as_one(quarter):
    chain = [quarter.statement("cash", month) for month in MONTHS]
    running = 0
    for each in chain:
        assert each["opening"]["posted"] == str(running)
        for line in each["lines"]:
            running += int(line["amount"])
            assert line["posted"] == str(running)
        assert each["closing"]["posted"] == str(running)
    assert running == sum(quarter.ledger.balance("cash").values()) > 0
    assert sum(int(each["total_in"]) for each in chain) == running


def test_a_month_and_its_days_say_the_same(quarter):
    whole = quarter.statement(PEOPLE[3], "2026-09")
    days = [quarter.statement(PEOPLE[3], f"2026-09-{day:02}") for day in range(1, 31)]

    assert [line for day in days for line in day["lines"]] == whole["lines"]
    assert (days[0]["opening"], days[-1]["closing"]) == (whole["opening"], whole["closing"])


def test_a_statement_is_checked_offline(quarter):
    """Its hash is that of what it says, its lines are sealed in the range that it names, under a root of the log."""
    made = quarter.statement(PEOPLE[5], "2026-09")
    lines = made.pop("lines")
    said = made.pop("hash")
    assert made.pop("issued") is None

    assert canonical.content_hash(made).hex() == said
    told = b"".join(canonical.canonical(line) + b"\n" for line in lines)
    assert hashlib.sha256(told).hexdigest() == made["lines_hash"]
    leaves = Leaf.objects.filter(log_index__lt=made["log"]["to"]).order_by("log_index")
    assert (
        merkle.root_of([bytes(leaf) for leaf in leaves.values_list("leaf_hash", flat=True)]).hex()
        == (made["log"]["root"])
    )
    assert lines
    assert all(made["log"]["from"] <= line["log_index"] < made["log"]["to"] for line in lines)
    # The range is the month's and no more: the first leaf is of September, and so is the last.
    for index in (made["log"]["from"], made["log"]["to"] - 1):
        recorded = Leaf.objects.values_list("event__recorded_at", flat=True).get(log_index=index)
        assert (recorded.year, recorded.month) == (2026, 9)


def test_csv_has_the_lines_between_what_was_and_what_is(quarter):
    made = quarter.statement(PEOPLE[5], "2026-09")
    text = b"".join(chunks("csv", quarter.facts[PEOPLE[5]], Period.named("2026-09"))).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    lines = [row for row in rows if row["entry"]]

    assert (rows[0]["kind"], rows[-1]["kind"]) == ("opening", "closing")
    assert (rows[0]["posted"], rows[-1]["posted"]) == (made["opening"]["posted"], made["closing"]["posted"])
    assert [(row["entry"], row["amount"]) for row in lines] == [(one["entry"], one["amount"]) for one in made["lines"]]
    assert all(float(row["value"]) * 100 == pytest.approx(int(row["amount"])) for row in lines)


def test_memory_does_not_grow_with_the_lines(monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 100)
    monkeypatch.setattr(forms, "CHUNK", 4096)
    ledger = Ledger()
    ledger.open("busy", "shop", funded=10**6)
    peaks = []
    for count in (400, 1600):
        for _ in range(0, count, 400):
            pay = [ledger.call("transfer", from_account="busy", to_account="shop", amount=1) for _ in range(400)]
            ledger.execute(*pay)
        busy = look_up(ledger.tenant, ["busy"], read)["busy"]
        peaks.append([_peak(form, busy) for form in ("json", "csv", "html")])
    few, many = peaks
    print(f"peaks of a statement of 401 lines: {few}; of 2001 lines: {many} (bytes)")
    assert all(after < before * 1.25 for before, after in zip(few, many, strict=True))


def _peak(form, account):
    assert sum(map(len, chunks(form, account, Period()))) > 0  # what is read once only is read now
    tracemalloc.start()
    try:
        for _ in chunks(form, account, Period()):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
