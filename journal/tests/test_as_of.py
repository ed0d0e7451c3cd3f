"""The books at any moment of effective and of recorded time, against a replay of the postings in plain Python."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from accounts.queries import BUCKET_COLUMNS
from accounts.rows import DEBIT_NORMAL, look_up
from journal import as_of
from journal.as_of import Cut
from journal.models import Posting
from ledger_project.kernel import clock
from ledger_project.log.models import Event
from ledger_project.log.queries import read
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

NAMES = ("alice", "bob", "shop", "cash", "fees")
START = datetime(2026, 10, 1, tzinfo=UTC)
HOURS = 24 * 90


class Books:
    """Three months of books, an hour a step; every fourth entry is dated back, or forward, by up to a month."""

    def __init__(self, random: Random) -> None:
        self.ledger, self.random = Ledger(scale=2), random
        with clock.stopped(START):
            self.ledger.run("open_account", name="cash", type="asset", unbounded=True)
            self.ledger.open(*NAMES[:3], "fees", funded=10**6)
        for hour in sorted(random.sample(range(1, HOURS), 300)):
            with clock.stopped(START + timedelta(hours=hour)):
                self.step()
        self.facts = look_up(self.ledger.tenant, list(NAMES), read)
        self.postings = self.all_postings()

    def step(self) -> None:
        amount = self.random.randint(1, 500)
        payer, payee = self.random.sample(NAMES[:3], 2)
        match self.random.randrange(8):
            case 0:
                self.ledger.run("place_hold", account=payer, amount=amount)
            case 1:
                self.ledger.run("charge_fee", account=payer, amount=amount, fee_account="fees")
            case 2:
                sale = [{"account": "cash", "amount": amount}, {"account": payee, "amount": -amount}]
                self.ledger.run("post_entry", kind="sale", postings=sale, **self.dated())
            case _:
                self.ledger.run("transfer", from_account=payer, to_account=payee, amount=amount, **self.dated())

    def dated(self) -> dict[str, str]:
        if self.random.random() < 0.5:
            return {}
        return {"effective_at": clock.stamp(clock.now() + timedelta(hours=self.random.randint(-700, 700)))}

    def all_postings(self) -> list[tuple[str, str, int, int, datetime, datetime]]:
        tenant = self.ledger.tenant
        recorded = dict(Event.objects.filter(tenant=tenant).values_list("id", "recorded_at"))
        return [
            (p.account.name, p.account.type, p.bucket, int(p.amount), p.entry.effective_at, recorded[p.entry_id])
            for p in Posting.objects.filter(entry__tenant=tenant).select_related("entry", "account")
        ]

    def replayed(self, name: str, cut: Cut) -> list[int]:
        found = [0] * len(BUCKET_COLUMNS)
        for account, type_, bucket, amount, effective_at, recorded_at in self.postings:
            if account != name or (cut.as_of and effective_at > cut.as_of):
                continue
            if cut.known_at is None or recorded_at <= cut.known_at:
                side = 1 if (type_ in DEBIT_NORMAL) != (BUCKET_COLUMNS[bucket] == "credit_used") else -1
                found[bucket] += side * amount
        return found

    def moment(self) -> datetime | None:
        """Any moment, often the very one of an entry, or a microsecond beside it; or none."""
        choice = self.random.randrange(4)
        if choice == 0:
            return None
        if choice == 1:
            return START + timedelta(
                hours=self.random.randint(-800, HOURS + 800), microseconds=self.random.randint(0, 9)
            )
        near = self.random.choice(self.postings)[self.random.choice((4, 5))]
        return near + timedelta(microseconds=self.random.choice((-1, 0, 1)))


@pytest.fixture(scope="module")
def books() -> Books:
    return Books(Random(20261126))


def told_back(books: Books, cut: Cut) -> dict[str, list[int]]:
    table, parameters = as_of.balances(books.ledger.tenant, cut)
    columns = ", ".join(f"balance.{column}" for column in BUCKET_COLUMNS)
    sql = f"SELECT account.name, {columns} FROM {table} AS balance JOIN accounts_account AS account ON id = account_id"
    return {name: [int(amount) for amount in amounts] for name, *amounts in read(sql, parameters)}


def test_five_hundred_random_moments_equal_a_replay(books):
    alone = {"neither": 0, "as_of": 0, "known_at": 0, "both": 0}
    for _ in range(500):
        name, cut = books.random.choice(NAMES), Cut(books.moment(), books.moment())

        found, _ = as_of.buckets(books.facts[name], cut)

        assert found == books.replayed(name, cut), (name, cut)
        assert told_back(books, cut)[name] == found, (name, cut)
        kind = (
            "both"
            if cut.as_of and cut.known_at
            else "as_of"
            if cut.as_of
            else "known_at"
            if cut.known_at
            else "neither"
        )
        alone[kind] += 1
    print(f"500 moments equal a replay: {alone}")
    assert min(alone.values()) > 10


def test_an_entry_dated_back_changes_what_was_and_not_what_was_known():
    ledger, day = Ledger(), timedelta(days=1)
    with clock.stopped(START):
        ledger.open("alice", funded=100)
        ledger.open("shop")
    with clock.stopped(START + 9 * day):
        ledger.run(
            "transfer", from_account="alice", to_account="shop", amount=30, effective_at=clock.stamp(START + 2 * day)
        )
    alice = look_up(ledger.tenant, ["alice"], read)["alice"]

    def had(cut):
        return as_of.buckets(alice, cut)[0][0]

    assert had(Cut(as_of=START + day)) == 100
    assert had(Cut(as_of=START + 2 * day)) == 70
    assert had(Cut(as_of=START + 3 * day, known_at=START + 5 * day)) == 100
    assert had(Cut(known_at=START + 5 * day)) == 100
    assert had(Cut()) == 70
