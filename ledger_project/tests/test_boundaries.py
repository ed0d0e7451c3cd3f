"""A key is a boundary: what the key of one account may send, by every command and every door, taken from the commands.

Alice's key and Bob's key each are bound to their account and may do everything else; the tenant's key is bound to
none; the reader may only read. Whatever a command's `own` says is tried here, and a command that says nothing is
refused to both accounts' keys by all doors.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from ledger_project.log.command import COMMANDS
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api.bulk import bulk_commands
from ledger_project.web.api.commands import CommandView

NOBODYS = "0" * 32


@cache
def routes() -> dict[str, tuple[str, str]]:
    """Each command's own address: `POST`, `/v1/accounts/{account}/freeze`."""
    found = {}
    for pattern in _patterns(get_resolver().url_patterns):
        view = getattr(pattern.callback, "view_class", None)
        if view and issubclass(view, CommandView):
            for method, name in view.commands.items():
                found[name] = (method, "/" + str(pattern.pattern).replace("<str:", "{").replace(">", "}"))
    return found


def _patterns(patterns: list[Any]) -> Iterator[URLPattern]:
    for each in patterns:
        yield from _patterns(each.url_patterns) if isinstance(each, URLResolver) else (each,)


class World:
    """One tenant's books: Alice and Bob have 1,000 each and one of everything that an account can have."""

    def __init__(self) -> None:
        self.ledger = ledger = Ledger()
        ledger.open("alice", "bob", "shop", funded=1000)
        for name in ("alice", "bob"):
            ledger.run("set_credit_limit", account=name, credit_limit=500)
            ledger.run("draw_credit", account=name, amount=20)
        rates = [{"model": "m", "metric": "requests", "price": "5"}]
        ledger.run("publish_prices", book="llm", rates=rates, currency="CRD")
        self.priced = {"book": "llm", "model": "m", "metrics": {"requests": 1}}
        self.tenant = Api(ledger)
        self.reader = Api(ledger, "read")
        self.keys = {name: Api(ledger, account=name) for name in ("alice", "bob")}

    def made(self, command: str, noun: str, **arguments: Any) -> str:
        result: str = self.ledger.run(command, **arguments).document["result"][noun]["id"]
        return result

    def entry(self, command: str, **arguments: Any) -> str:
        return "ent_" + self.ledger.run(command, **arguments).document["id"][4:]

    def webhook(self, account: str) -> str:
        """A webhook of the account, which has at most a few at a time."""
        key = self.keys[account]
        for old in key.get("/v1/webhooks").json()["results"]:
            key.post(f"/v1/webhooks/{old['id']}", method="DELETE")
        made: str = key.post("/v1/webhooks", WEBHOOK).json()["webhook"]["id"]
        return made

    def drawn(self, account: str) -> dict[str, Any]:
        self.ledger.run("draw_credit", account=account, amount=5)
        return {}

    def balances(self) -> dict[str, Any]:
        return self.ledger.balances()


Scenario = Callable[[World, str, str], dict[str, Any]]

# What the account `me` sends, to `other`'s good at most. One for each command that an account's own key may send.
MINE: dict[str, Scenario] = {
    "transfer": lambda world, me, other: {"from_account": me, "to_account": other, "amount": 5},
    "spend": lambda world, me, other: {"account": me, "to_account": other, "amount": 5},
    "refund": lambda world, me, other: {
        "entry": world.entry("transfer", from_account=other, to_account=me, amount=5),
        "amount": 5,
    },
    "draw_credit": lambda world, me, other: {"account": me, "amount": 5},
    "repay_credit": lambda world, me, other: world.drawn(me) | {"account": me, "amount": 5},
    "charge_fee": lambda world, me, other: {"account": me, "amount": 5},
    "burn": lambda world, me, other: {"account": me, "amount": 5},
    "place_hold": lambda world, me, other: {"account": me, "amount": 5, "to_account": other},
    "authorize_usage": lambda world, me, other: world.priced | {"account": me, "to_account": other},
    "capture_hold": lambda world, me, other: {
        "hold": world.made("place_hold", "hold", account=me, amount=5, to_account=other)
    },
    "release_hold": lambda world, me, other: {"hold": world.made("place_hold", "hold", account=me, amount=5)},
    "extend_hold": lambda world, me, other: {
        "hold": world.made("place_hold", "hold", account=me, amount=5, expires_in=60),
        "expires_in": 3600,
    },
    "lock_escrow": lambda world, me, other: {"buyer": me, "seller": other, "amount": 5, "reference": "r"},
    "release_escrow": lambda world, me, other: {"escrow": world.made("lock_escrow", "escrow", **_escrow(me, "shop"))},
    "refund_escrow": lambda world, me, other: {"escrow": world.made("lock_escrow", "escrow", **_escrow("shop", me))},
    "dispute_escrow": lambda world, me, other: {
        "escrow": world.made("lock_escrow", "escrow", **_escrow(me, "shop")),
        "reason": "not as described",
    },
    "lock_stake": lambda world, me, other: {"account": me, "amount": 5},
    "request_withdrawal": lambda world, me, other: {"account": me, "amount": 5, "destination": "IBAN"},
    "issue_session_key": lambda world, me, other: {"account": me, "max_total": 5, "allowed_receivers": [other]},
    "revoke_session_key": lambda world, me, other: {
        "session_key": world.made("issue_session_key", "session_key", account=me)
    },
    "register_monitor": lambda world, me, other: {"account": me, "operator": "lt", "value": 5},
    "delete_monitor": lambda world, me, other: {
        "monitor": world.made("register_monitor", "monitor", account=me, operator="lt", value=5)
    },
    "issue_api_key": lambda world, me, other: {"name": "child", "scopes": ["read"], "account": me},
    "revoke_api_key": lambda world, me, other: {
        "api_key": world.keys[me].post("/v1/api-keys", _child(me)).json()["api_key"]["id"]
    },
}
WEBHOOK = {"url": "https://hook.example/", "types": ["*"]}
MINE |= {
    "register_webhook": lambda world, me, other: WEBHOOK,
    "update_webhook": lambda world, me, other: {"webhook": world.webhook(me), "description": "x"},
    "delete_webhook": lambda world, me, other: {"webhook": world.webhook(me)},
    "disable_webhook": lambda world, me, other: {"webhook": world.webhook(me)},
    "rotate_webhook_secret": lambda world, me, other: {"webhook": world.webhook(me)},
    "replay_webhook": lambda world, me, other: {"webhook": world.webhook(me), "from_log_index": 0},
}
DOORS = ("route", "rehearsal", "bulk", "atomic bulk", "rehearsed bulk")


def _escrow(buyer: str, seller: str) -> dict[str, Any]:
    return {"buyer": buyer, "seller": seller, "amount": 5, "reference": "r"}


def _child(account: str) -> dict[str, Any]:
    return {"name": "child", "scopes": ["read"], "account": account}


def send(api: Api, command: str, arguments: dict[str, Any], door: str) -> tuple[int, str]:
    """Send a command through a door; the status and the refusal's code."""
    if door in {"route", "rehearsal"}:
        method, path = routes()[command]
        body = {name: value for name, value in arguments.items() if f"{{{name}}}" not in path}
        path = path.format(**{"account": NOBODYS, **_nobodys(), **arguments})
        response = api.post(path + ("?dry_run=true" if door == "rehearsal" else ""), body, method=method)
        return response.status_code, response.json().get("code", "")
    item = {"command": command, "idempotency_key": uuid.uuid4().hex, "args": arguments}
    batch = {"commands": [item], "atomic": door == "atomic bulk", "dry_run": door == "rehearsed bulk"}
    response = api.post("/v1/bulk", batch)
    if response.status_code != 200:
        problem = response.json().get("problem", response.json())
        return problem["status"], problem["code"]
    result = response.json()["results"][0]
    return result["status"], result.get("problem", {}).get("code", "")


def _nobodys() -> dict[str, str]:
    prefixes = {"hold": "hld", "escrow": "hld", "stake": "hld", "withdrawal": "hld", "deposit": "dep", "entry": "ent"}
    prefixes |= {"grant": "prm", "session_key": "ssk", "api_key": "key", "monitor": "mon", "webhook": "wbh"}
    prefixes |= {
        "usage": "usg",
        "topup": "top",
        "delivery": "dlv",
        "adjustment": "adj",
        "external_statement": "xst",
        "external_match": "xmt",
    }
    return {name: f"{prefix}_{NOBODYS}" for name, prefix in prefixes.items()} | {
        "asset": "nothing",
        "budget": "nothing",
    }


def doors_of(command: str) -> list[str]:
    by_route = ["route", "rehearsal"] if command in routes() else []
    return by_route + (list(DOORS[2:]) if command in bulk_commands() else [])


def callers_commands() -> list[str]:
    return sorted(name for name, command in COMMANDS.items() if not command.internal)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_every_command_of_an_accounts_key_is_tried() -> None:
    declared = {name for name in callers_commands() if COMMANDS[name].own is not None}
    elsewhere = {"redeliver_webhook"}  # webhooks/tests/test_streams_of_one_account.py
    untried = declared - elsewhere - MINE.keys()
    assert not untried, f"an account's key may send {untried}: add arguments to MINE that are its own, and others'"
    assert MINE.keys() <= declared
    assert not [name for name in declared if COMMANDS[name].platform]


def test_what_names_an_account_is_its_own_or_somebody_who_is_given_to() -> None:
    """Every argument that names an account is in `own`, or is one of these, who get something and lose nothing."""
    given_to = {"to_account", "fee_account", "seller", "allowed_receivers"}
    for name in MINE:
        command = COMMANDS[name]
        kinds = {"account", "whole_account", "party"}
        naming = {field for field, form in command.fields.items() if {getattr(form, "kind", ""), _item(form)} & kinds}
        assert naming - (command.own or set()) <= given_to, name


def _item(form: Any) -> str:
    return getattr(getattr(form, "item", None), "kind", "")


@pytest.mark.parametrize("command", sorted(MINE))
def test_an_account_sends_it_with_its_own_key(world: World, command: str) -> None:
    for door in doors_of(command):
        status, code = send(world.keys["alice"], command, MINE[command](world, "alice", "bob"), door)
        assert (status, code) == (200 if "rehears" in door else 201, ""), door


@pytest.mark.parametrize("command", sorted(MINE.keys() - {"register_webhook"}))
def test_no_other_account_sends_it(world: World, command: str) -> None:
    """Bob's key sends what is Alice's to send: it is refused by every door, and nothing moves."""
    for door in doors_of(command):
        arguments = MINE[command](world, "alice", "bob")
        before = world.balances(), world.ledger.size()

        status, code = send(world.keys["bob"], command, arguments, door)

        assert status in {403, 404}, (door, status, code)
        assert (world.balances(), world.ledger.size()) == before, door


@pytest.mark.parametrize("command", [name for name in callers_commands() if COMMANDS[name].own is None])
def test_what_is_the_tenants_is_refused_to_an_accounts_key(world: World, command: str) -> None:
    before = world.ledger.size()
    for door in doors_of(command):
        assert send(world.keys["alice"], command, {}, door) == (403, "forbidden"), door
    assert world.ledger.size() == before


@pytest.mark.parametrize("command", callers_commands())
def test_a_reader_sends_nothing(world: World, command: str) -> None:
    before = world.ledger.size()
    for door in doors_of(command):
        assert send(world.reader, command, {}, door) == (403, "forbidden"), door
    assert world.ledger.size() == before


@pytest.mark.parametrize("command", sorted(name for name, each in COMMANDS.items() if each.internal))
def test_nobody_sends_what_the_ledger_gives_to_itself(world: World, command: str) -> None:
    assert command not in routes()
    assert command not in bulk_commands()
    answer = world.tenant.post(
        "/v1/bulk", {"commands": [{"command": command, "idempotency_key": "k", "args": {}}], "atomic": False}
    )
    assert answer.json()["results"][0]["problem"]["field"] == "command"
    description = json.dumps(world.tenant.get("/openapi.json").json())
    assert f'"{command}"' not in description
    refused(
        world.tenant.post("/v1/api-keys", {"name": "k", "scopes": [COMMANDS[command].permission]}), 422, "unknown_scope"
    )


def test_a_foreign_key_learns_nothing_from_a_spent_idempotency_key(world: World) -> None:
    alice, bob = world.keys["alice"], world.keys["bob"]
    paid = {"from_account": "alice", "to_account": "shop", "amount": 7}
    first = alice.post("/v1/transfers", paid, key="invoice-1")
    assert first.status_code == 201

    assert alice.post("/v1/transfers", paid, key="invoice-1").content == first.content
    problem = refused(bob.post("/v1/transfers", paid, key="invoice-1"), 422, "idempotency_key_reused")
    assert problem.keys().isdisjoint({"event", "fields"})


def test_a_refusal_says_nothing_of_anothers_money(world: World) -> None:
    problem = refused(
        world.keys["bob"].post("/v1/transfers", {"from_account": "alice", "to_account": "bob", "amount": 10**9}),
        403,
        "forbidden",
    )
    assert "available" not in problem
    assert "shortfall" not in problem


def test_a_buyers_key_cannot_cheat_the_seller_of_an_escrow(world: World) -> None:
    escrow = world.made("lock_escrow", "escrow", **_escrow("alice", "bob"))
    alice = world.keys["alice"]

    refused(alice.post(f"/v1/escrows/{escrow}/refund"), 403, "forbidden")
    refused(alice.post(f"/v1/escrows/{escrow}/release", {"fee": 5, "fee_account": "shop"}), 403, "forbidden")
    refused(world.keys["bob"].post(f"/v1/escrows/{escrow}/release"), 403, "forbidden")
    assert alice.post(f"/v1/escrows/{escrow}/release").status_code == 201
