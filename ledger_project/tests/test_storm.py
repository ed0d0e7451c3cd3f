"""Twenty accounts' keys at once, each trying to take from the others by every command, door and address.

The suite sends 2,000 requests; `make storm` sends 20,000 (STORM_REQUESTS). Afterwards every balance and every event is
what it was, and no answer had a row of another's in it.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from random import Random
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from journal.replay import replay
from ledger_project.log import sealing
from ledger_project.log.command import COMMANDS
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.tests.test_boundaries import callers_commands, doors_of, send

pytestmark = pytest.mark.slow

REQUESTS = int(os.environ.get("STORM_REQUESTS", "2000"))
SEED = int(os.environ.get("STORM_SEED", "1"))
ACCOUNTS, THREADS = 20, 8


@cache
def readings() -> list[str]:
    paths = Client(SERVER_NAME="localhost").get("/openapi.json").json()["paths"]
    return [path for path, methods in paths.items() if "get" in methods and path != "/v1/events/stream"]


class Victim:
    """An account with one of everything, by the names that paths and arguments have for it."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.name, self.ledger = name, ledger
        ledger.open(name, funded=10_000)
        self.key = Api(ledger, account=name)
        made, pay = self._made, {"account": name, "amount": 10}
        self.id = ledger.run("freeze_account", account=name).document["result"]["account"]["id"]
        ledger.run("unfreeze_account", account=name)
        entry = "ent_" + ledger.run("transfer", from_account=name, to_account="shop", amount=7).document["id"][4:]
        self.ids = {
            "entry": entry,
            "event": entry.replace("ent_", "evt_"),
            "hold": made("place_hold", "hold", **pay, to_account="shop"),
            "escrow": made("lock_escrow", "escrow", buyer=name, seller="shop", amount=10, reference="r"),
            "stake": made("lock_stake", "stake", **pay),
            "withdrawal": made("request_withdrawal", "withdrawal", **pay, destination="IBAN"),
            "deposit": made("record_deposit", "deposit", **pay, source="s", external_ref=name, confirmed=False),
            "grant": made("promo_mint", "promo_grant", **pay),
            "session_key": made("issue_session_key", "session_key", account=name),
            "monitor": made("register_monitor", "monitor", account=name, operator="lt", value=5),
            "api_key": self.key.id,
        }
        self.marks = [name, self.id, *(each for noun, each in self.ids.items() if noun != "entry")]

    def _made(self, command: str, noun: str, **arguments: Any) -> str:
        return str(self.ledger.run(command, **arguments).document["result"][noun]["id"])

    def arguments(self, thief: str) -> dict[str, Any]:
        """Everything that any command asks: what is taken is the victim's, who gets it is the thief."""
        named = dict.fromkeys(("account", "from_account", "buyer", "name"), self.name)
        return {
            **named,
            **self.ids,
            **dict.fromkeys(("to_account", "seller", "fee_account"), thief),
            "amount": 1,
            "credit_limit": 1,
            "expires_in": 3600,
            "destination": "IBAN",
            "reference": "storm",
            "reason": "storm",
            "external_ref": "storm",
            "source": "storm",
            "operator": "lt",
            "value": 1,
            "scopes": ["*"],
            "postings": [{"account": self.name, "amount": 1}, {"account": thief, "amount": -1}],
        }


class Storm:
    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.open("shop")
        self.victims = [Victim(self.ledger, f"zebra{number:02}") for number in range(ACCOUNTS)]
        sealing.seal()
        self.sent: Counter[str] = Counter()
        self.wrong: list[Any] = []

    def attack(self, number: int) -> None:
        random = Random(f"{SEED}:{number}")
        thief, victim = random.sample(self.victims, 2)
        try:
            (self.take if random.random() < 0.6 else self.look)(random, thief, victim)
        finally:
            connections.close_all()

    def take(self, random: Random, thief: Victim, victim: Victim) -> None:
        command = random.choice(callers_commands())
        doors = doors_of(command)
        if not doors:
            return
        door = random.choice(doors)
        given = _of_command(command, victim.arguments(thief.name))
        status, code = send(thief.key, command, given, door)
        self.sent[f"{door} {status}"] += 1
        if status < 400 or status >= 500:
            self.wrong.append((command, door, status, code))

    def look(self, random: Random, thief: Victim, victim: Victim) -> None:
        path = random.choice(readings())
        by_id = {"account": random.choice([victim.name, victim.id]), "address": victim.name}
        for noun, value in {**by_id, **victim.ids}.items():
            path = path.replace(f"{{{noun}}}", value)
        query = random.choice(["", f"?account={victim.name}", f"?account={victim.id}", f"?prefix={victim.name}"])
        answer = thief.key.get(path + query)
        self.sent[f"read {answer.status_code}"] += 1
        if answer.status_code >= 500:
            self.wrong.append((path, query, answer.status_code))
        if answer.status_code == 200:
            text = b"".join(answer) if answer.streaming else answer.content
            shown = [mark for mark in victim.marks if mark.encode() in text]
            if shown:
                self.wrong.append((path, query, shown))


def _of_command(command: str, everything: dict[str, Any]) -> dict[str, Any]:
    return {name: everything[name] for name in COMMANDS[command].fields if name in everything}


def test_nobody_takes_or_sees_what_is_anothers() -> None:
    storm = Storm()
    before = storm.ledger.balances(), storm.ledger.size()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(storm.attack, range(REQUESTS)))

    print(f"\nseed {SEED}, {storm.sent.total()} requests: {dict(sorted(storm.sent.items()))}")
    assert storm.wrong == []
    assert (storm.ledger.balances(), storm.ledger.size()) == before
    assert replay(storm.ledger.tenant) == []
    assert storm.sent.total() > REQUESTS * 0.9
