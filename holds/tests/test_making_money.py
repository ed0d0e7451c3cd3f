"""Which scope can raise what all holders have together: every command, with its own scope alone, on lived-in books.

A random life is lived by the ledger itself; between its steps commands are rehearsed by callers who hold nothing but
that command's scope: thousands, and many more by `make soak`. What an entry would give to the holders (the accounts
with a floor, on the credit side) is added up from its postings. Only the family of minting may give more than it takes,
and `journal.platform`.
"""

import os
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from accounts.rows import DEBIT_NORMAL, look_up
from holds.tests.test_state_machine import Life
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log.caller import PLATFORM, Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, execute_one
from ledger_project.log.queries import read
from ledger_project.testing.api import Api, refused
from ledger_project.testing.draws import FAMILIES, record
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

MINTING = {
    "confirm_deposit",  # against custody
    "correct_usage",  # from whoever was paid
    "fee_transfer",  # from the platform's pool
    "grant",
    "mint",
    "promo_mint",
    "record_deposit",
    "record_payment",
    "settle_batch",
}
SEEDS = range(3)
STEPS = 70
TRIES = int(os.environ.get("MONEY_TRIES", "15"))  # between two steps


def is_holder(tenant: int, account: str, opened: dict[str, Any]) -> bool:
    facts = opened.get(account) or look_up(tenant, [account], read)[account].document()
    return not facts["unbounded"] and facts["type"] not in DEBIT_NORMAL


def made_by(done: Done, tenant: int) -> int:
    """What the holders would have more of, all together; a credit is negative in a posting."""
    entry = done.document["entry"]
    postings = entry["postings"] if entry else []
    opened = {facts["id"]: facts for facts in done.document["result"].get("opened", ())}
    return -sum(int(each["amount"]) for each in postings if is_holder(tenant, each["account"], opened))


class Rehearsals:
    """Commands rehearsed by callers of one scope each, and which of them would have made money."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.tried: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.made: Counter[str] = Counter()

    def draw(self) -> tuple[str, dict[str, Any]]:
        family = self.life.random.choice(FAMILIES)(self.life.model, self.life.random)
        verb = self.life.random.choice(sorted(family))
        drawn = record(family[verb])(self.life.random)
        return verb, {name: value for name, value in drawn.items() if value is not None}

    def rehearse(self, *others: str) -> None:
        verb, arguments = self.draw()
        command = COMMANDS[verb]
        caller = Caller("key:mallory", "key_mallory", frozenset({command.permission, *others}))
        tenant = self.life.ledger.tenant
        self.tried[verb] += 1
        with clock.stopped(self.life.model.now):
            try:
                done = execute_one(Call.of(tenant, caller, "rehearsal", command, arguments), dry_run=True)
            except Refusal:
                return
            self.accepted[verb] += 1
            if made_by(done, tenant) > 0:
                self.made[verb] += 1


def lived(seed: int, *others: str) -> Rehearsals:
    life = Life()
    life.cast(seed)
    rehearsals = Rehearsals(life)
    for _ in range(STEPS):
        life.one()
        for _ in range(TRIES):
            rehearsals.rehearse(*others)
        life.model.now += timedelta(milliseconds=1)
    return rehearsals


@pytest.fixture(scope="module")
def without() -> Counter[str]:
    made: Counter[str] = Counter()
    for seed in SEEDS:
        rehearsals = lived(seed)
        assert rehearsals.accepted.total() > STEPS * TRIES // 5
        made += rehearsals.made
    return made


def test_only_the_minting_family_makes_money(without: Counter[str]) -> None:
    print(dict(without))
    assert without.keys() <= MINTING
    assert {"mint", "promo_mint", "record_deposit"} <= without.keys()


def test_the_platforms_scope_lets_others(without: Counter[str]) -> None:
    """The measure sees what the rule forbids: with `journal.platform`, transfers make money."""
    made = lived(SEEDS[0], PLATFORM).made
    assert "transfer" in made.keys() - without.keys()


@pytest.fixture
def books() -> Ledger:
    ledger = Ledger()
    ledger.open("alice", "bob", funded=100)
    ledger.run("open_clearing_account", domain="eu")
    return ledger


@pytest.mark.parametrize(
    ("scope", "path", "body"),
    [
        ("journal.transfer", "transfers", {"from_account": "platform:issuance:CRD", "to_account": "bob", "amount": 9}),
        ("journal.transfer", "transfers", {"from_account": "clearing:eu", "to_account": "bob", "amount": 9}),
        ("holds.place_hold", "holds", {"account": "platform:issuance:CRD", "amount": 9, "to_account": "bob"}),
        ("journal.spend", "spends", {"account": "platform:issuance:CRD", "to_account": "bob", "amount": 9}),
        ("journal.ensure_account", "accounts/eve/ensure", {"initial_balance": 10**30}),
        ("accounts.open_account", "accounts", {"name": "eve", "unbounded": True}),
        (
            "journal.post_entry",
            "entries",
            {"postings": [{"account": "platform:issuance:CRD", "amount": 9}, {"account": "bob", "amount": -9}]},
        ),
    ],
)
def test_money_is_not_made_without_its_right(books: Ledger, scope: str, path: str, body: dict[str, Any]) -> None:
    before = books.balances(), books.size()
    mallory = Api(books, scope)
    before = before[0], books.size()

    refused(mallory.post(f"/v1/{path}", body), 403, "forbidden")

    assert (books.balances(), books.size()) == before


def test_an_asset_that_grows_pays_nobody(books: Ledger) -> None:
    """Neither side of this entry is lowered: a debit to an asset of one's own, a credit to Bob."""
    mallory = Api(books, "accounts.open_account", "journal.post_entry")
    mallory.post("/v1/accounts", {"name": "vault", "type": "asset"})
    legs = [{"account": "vault", "amount": 9}, {"account": "bob", "amount": -9}]

    assert refused(mallory.post("/v1/entries", {"postings": legs}), 403, "forbidden")["scope"] == PLATFORM
    assert books.balance("bob") == {"available": 100}


def test_a_captured_hold_of_the_platform_is_refused_too(books: Ledger) -> None:
    held = books.run("place_hold", account="platform:issuance:CRD", amount=9, to_account="bob")
    hold = held.document["result"]["hold"]["id"]

    refused(Api(books, "holds.*").post(f"/v1/holds/{hold}/capture"), 403, "forbidden")
    assert Api(books, "holds.*", PLATFORM).post(f"/v1/holds/{hold}/capture").status_code == 201


def test_finance_services_move_the_platforms_money_with_its_right(books: Ledger) -> None:
    finance = Api(books, "journal.transfer", PLATFORM)
    paid = {"from_account": "clearing:eu", "to_account": "bob", "amount": 9}
    assert finance.post("/v1/transfers", paid).status_code == 201
    assert books.balance("bob") == {"available": 109}


def test_an_initial_balance_is_a_mint(books: Ledger) -> None:
    opener = Api(books, "journal.ensure_account", "journal.mint")
    assert opener.post("/v1/accounts/eve/ensure", {"initial_balance": 5}).status_code == 201
    assert Api(books, "journal.ensure_account").post("/v1/accounts/zoe/ensure").status_code == 201
