"""Random lives of promised money against a model of four numbers an account: credit, holds, parts and time together."""

import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from holds.models import Hold
from holds.tests.story import Story
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal

pytestmark = pytest.mark.slow

PEOPLE = ("alice", "bob", "shop")
BUCKETS = {"hold": "held", "escrow": "escrowed", "stake": "bonded", "withdrawal": "held"}


@dataclass
class Person:
    """What somebody owns: money in hand less credit drawn, and what is promised of it."""

    net: int = 0
    limit: int = 0
    promised: Counter = field(default_factory=Counter)

    def buckets(self) -> dict[str, int]:
        free = self.net - self.promised.total()
        numbers = {"available": max(free, 0), "credit_used": max(-free, 0), **self.promised}
        return {name: amount for name, amount in numbers.items() if amount}


@pytest.mark.parametrize("seed", range(12))
def test_buckets_are_the_open_holds_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    books = Story()
    people = {name: Person() for name in PEOPLE}
    for name in PEOPLE:
        books.open(name, funded=100)
        people[name].net = 100
    if seed % 2:
        for name in PEOPLE:
            books.run("set_credit_limit", account=name, credit_limit=60)
            people[name].limit = 60

    with ExitStack() as time:
        for step in range(60):
            _live(books, people, chance, time)
            if step % 10 == 9:
                _compare(books, people)
    _compare(books, people)
    books.right()


def _live(books: Story, people: dict[str, Person], chance: random.Random, time: ExitStack) -> None:
    """One random step, in the books and in the model."""
    amount, days = chance.randint(1, 60), chance.randint(1, 60)
    payer, payee = chance.sample(PEOPLE, 2)
    holds = list(Hold.objects.filter(tenant=books.tenant, status__in=["pending", "disputed"]))
    steps = ["place", "place", "escrow", "stake", "withdrawal", "transfer"] + ["end"] * min(len(holds) * 2, 8)
    step = chance.choice(steps)
    if step == "end":
        _end(books, people, chance.choice(holds), chance, time)
        return
    calls = {
        "place": (
            "place_hold",
            {
                "account": payer,
                "amount": amount,
                "to_account": payee,
                "allow_overcapture": True,
                "expires_in": days * 86400,
            },
        ),
        "escrow": ("lock_escrow", {"buyer": payer, "seller": payee, "amount": amount, "reference": "r"}),
        "stake": ("lock_stake", {"account": payer, "amount": amount}),
        "withdrawal": ("request_withdrawal", {"account": payer, "amount": amount, "destination": "d"}),
        "transfer": ("transfer", {"from_account": payer, "to_account": payee, "amount": amount}),
    }
    person = people[payer]
    free = person.net - person.promised.total()
    reach = free + person.limit if step in {"place", "escrow", "transfer"} else free
    command, arguments = calls[step]
    accepted = _run(books, command, **arguments)
    assert accepted == (amount <= reach), (step, amount, person)
    if not accepted:
        return
    if step == "transfer":
        people[payer].net -= amount
        people[payee].net += amount
        return
    person.promised[BUCKETS[{"place": "hold"}.get(step, step)]] += amount


def _end(books: Story, people: dict[str, Person], hold: Hold, chance: random.Random, time: ExitStack) -> None:
    """A random end, or part of one, of a hold. Time goes on to a hold's own end where it expires, and never back."""
    holder = people[hold.account.name]
    payee = people[hold.counterparty.name] if hold.counterparty else None
    left = int(hold.amount - hold.captured - hold.released)
    part = chance.randint(1, left)
    bucket = BUCKETS[hold.kind]

    def settle(paid: int, back: int, surplus: int = 0) -> None:
        holder.promised[bucket] -= paid + back
        holder.net -= paid + surplus
        if payee is not None:
            payee.net += paid + surplus

    if hold.kind == "hold":
        way = chance.choice(["capture", "part", "over", "release", "expire"])
        if way == "capture" and _run(books, "capture_hold", hold=str(hold), amount=part):
            settle(part, left - part)
        if way == "part" and _run(books, "capture_hold", hold=str(hold), amount=part, final=False):
            settle(part, 0)
        if way == "over" and _run(books, "capture_hold", hold=str(hold), amount=left + 5):
            settle(left, 0, surplus=5)
        late = hold.expires_at is not None and hold.expires_at <= clock.now()
        if way == "release" and _run(books, "release_hold", hold=str(hold), amount=part):
            settle(0, left if late else part)
        if way == "expire":
            if hold.expires_at is not None and not late:
                time.enter_context(clock.moved(hold.expires_at - clock.now()))
            if _run(books, "expire_hold", hold=str(hold)):
                settle(0, left)
    if hold.kind == "escrow":
        way = chance.choice(["release", "refund", "dispute"])
        if way == "release" and _run(books, "release_escrow", escrow=str(hold), amount=part):
            settle(part, 0)
        if way == "refund" and _run(books, "refund_escrow", escrow=str(hold), amount=part):
            settle(0, part)
        if way == "dispute":
            _run(books, "dispute_escrow", escrow=str(hold), reason="r")
            if _run(books, "resolve_escrow", escrow=str(hold), to_seller=part, to_buyer=left - part):
                settle(part, left - part)
    if hold.kind == "stake":
        if chance.random() < 0.5 and _run(books, "slash_stake", stake=str(hold), amount=part):
            settle(part, 0)
        elif _run(books, "release_stake", stake=str(hold)):
            settle(0, left)
    if hold.kind == "withdrawal":
        if chance.random() < 0.5:
            _run(books, "confirm_withdrawal", withdrawal=str(hold), external_ref=str(hold))
            settle(left, 0)
        else:
            _run(books, "fail_withdrawal", withdrawal=str(hold), reason="r")
            settle(0, left)


def _run(books: Story, command: str, **arguments: object) -> bool:
    try:
        books.run(command, **arguments)
    except Refusal:
        return False
    return True


def _compare(books: Story, people: dict[str, Person]) -> None:
    for name, person in people.items():
        assert books.balance(name) == person.buckets(), name
        open_holds = Hold.objects.filter(tenant=books.tenant, account__name=name, status__in=["pending", "disputed"])
        sums: Counter[str] = Counter()
        for hold in open_holds:
            sums[BUCKETS[hold.kind]] += int(hold.amount - hold.captured - hold.released)
        assert +sums == +person.promised, name
