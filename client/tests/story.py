"""A ledger in miniature: it writes the events, exports and receipts that the verifier is tested with.

Hashes, proofs and signatures come from the ledger's own modules, so the verifier is held against what it will meet.
"""

import copy
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_project.kernel import merkle
from ledger_project.kernel.canonical import content_hash
from ledger_project.kernel.notes import Checkpoint, Signer, sign_checkpoint

ORIGIN = "ledger.example/log"
OLD_KEY = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"test vectors: old key").digest()))
LOG_KEY = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"test vectors: key").digest()))
WITNESS = Signer("witness.example/w1", Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"witness").digest()))
SEALED_AT = 1795255200  # 2026-11-21T10:00:00Z
DEBIT_NORMAL = ("asset", "expense")

Event = dict[str, Any]
Move = tuple[str, str, int] | tuple[str, str, int, int]  # account, bucket, amount (positive is debit), stripe


def identifier(prefix: str, name: str) -> str:
    return f"{prefix}_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


@dataclass
class Story:
    """Events in the order of the log; None where another tenant's event stands."""

    events: list[Event | None] = field(default_factory=list)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[tuple[str, int], int] = field(default_factory=dict)
    balances: dict[tuple[str, int, str], int] = field(default_factory=dict)

    def event(self, type: str, *, entry: dict[str, Any] | None = None, **result: Any) -> Event:
        number = len(self.events)
        event = {
            "version": 1,
            "id": identifier("evt", f"event {number}"),
            "tenant": "ten_1",
            "type": type,
            "command": type.replace(".", "_"),
            "idempotency_key": f"key-{number}",
            "actor": "key:ops",
            "recorded_at": f"2026-11-21T09:{number:02d}:00.000000Z",
            "payload": {},
            "result": result,
            "entry": entry,
        }
        self.events.append(event)
        return event

    def elsewhere(self) -> None:
        self.events.append(None)

    def facts(self, name: str, type: str, currency: str, unbounded: bool) -> dict[str, Any]:
        facts = {
            "id": identifier("acc", name),
            "name": name,
            "type": type,
            "currency": currency,
            "unbounded": unbounded,
        }
        self.accounts[name] = facts
        return facts

    def open(self, name: str, type: str = "liability", currency: str = "CRD", *, unbounded: bool = False) -> Event:
        return self.event("account.opened", account=self.facts(name, type, currency, unbounded))

    def post(self, type: str, *moves: Move, description: str = "", metadata: Any = None, **result: Any) -> Event:
        postings = []
        for name, bucket, amount, *stripes in moves:
            stripe = stripes[0] if stripes else 0
            facts = self.accounts[name]
            normal = 1 if facts["type"] in DEBIT_NORMAL else -1
            sign = -normal if bucket == "credit_used" else normal
            version = self.versions[name, stripe] = self.versions.get((name, stripe), 0) + 1
            balance = self.balances.get((name, stripe, bucket), 0) + sign * amount
            self.balances[name, stripe, bucket] = balance
            postings.append(
                {
                    "account": facts["id"],
                    "stripe": stripe,
                    "bucket": bucket,
                    "amount": str(amount),
                    "currency": facts["currency"],
                    "balance_after": str(balance),
                    "version": version,
                }
            )
        entry = {
            "kind": type.partition(".")[0],
            "effective_at": "2026-11-21T09:00:00.000000Z",
            "description": description,
            "references": {},
            "metadata": metadata or {},
            "postings": postings,
        }
        return self.event(type, entry=entry, **result)


def tell() -> Story:
    """Alice buys credits, holds, pays, draws on her credit line, and a customer pays by card in yen."""
    story = Story()
    story.event("currency.registered", currency={"code": "CRD", "scale": 0})
    story.open("issuance", "equity", unbounded=True)
    story.open("alice")
    story.open("shop")
    story.elsewhere()
    story.post("credits.minted", ("issuance", "available", 100, 0), ("alice", "available", -100))
    story.post("transfer.posted", ("alice", "available", 10), ("shop", "available", -10))
    story.post("hold.placed", ("alice", "available", 40), ("alice", "held", -40), description="GPU, 2 h \U0001f680")
    story.elsewhere()
    story.post(
        "hold.captured",
        ("alice", "held", 30),
        ("shop", "available", -30),
        ("alice", "held", 10),
        ("alice", "available", -10),
        metadata={
            "\uffee": "sorted after the next one in UTF-16",
            "\U0001f680": 1,
            "nested": [True, None, {"b": 2, "a": 1}],
        },
    )
    story.event("credit_limit.set", account={"id": story.accounts["alice"]["id"], "credit_limit": "50"})
    story.post("credits.minted", ("issuance", "available", 7, 3), ("shop", "available", -7))
    story.post("spend.posted", ("alice", "available", 60), ("alice", "credit_used", 15), ("shop", "available", -75))
    story.post("transfer.posted", ("shop", "available", 20), ("alice", "credit_used", -15), ("alice", "available", -5))
    story.open("cash", "asset", "JPY", unbounded=True)
    yen = 10**38 - 1
    opened = [
        story.facts("card fees", "expense", "JPY", False),
        story.facts("sales", "revenue", "JPY", False),
    ]
    story.post(
        "payment.recorded",
        ("cash", "available", yen - 100),
        ("card fees", "available", 100),
        ("sales", "available", -yen),
        opened=opened,
    )
    story.event("account.frozen", account={"id": story.accounts["shop"]["id"], "status": "frozen"})
    return story


@dataclass
class Sealed:
    """The events as leaves of a tree, with everything that is handed out about it."""

    events: list[Event | None]

    def __post_init__(self) -> None:
        self.events = copy.deepcopy(self.events)
        self.leaves = [
            merkle.leaf_hash(content_hash(event) if event else hashlib.sha256(f"another's {index}".encode()).digest())
            for index, event in enumerate(self.events)
        ]
        self.nodes = {(level, index): value for level, index, value in merkle.append(0, self.leaves, {})}

    def note(self, size: int | None = None, *, signer: Signer = LOG_KEY, time: int | None = SEALED_AT) -> str:
        size = len(self.leaves) if size is None else size
        return sign_checkpoint(Checkpoint(signer.name, size, merkle.root(size, self.nodes)), [signer], time=time)

    def lines(self) -> list[dict[str, Any]]:
        """The export as documents, to be tampered with; `export` makes the file of them."""
        return [
            *(
                {"log_index": index, "leaf_hash": leaf.hex(), "event": copy.deepcopy(event)}
                for index, (leaf, event) in enumerate(zip(self.leaves, self.events, strict=True))
            ),
            {"checkpoint": self.note()},
        ]

    def receipt(self, index: int) -> dict[str, Any]:
        return {
            "version": 1,
            "event": copy.deepcopy(self.events[index]),
            "content_hash": content_hash(self.events[index]).hex(),
            "log_index": index,
            "inclusion_path": [one.hex() for one in merkle.inclusion_path(index, len(self.leaves), self.nodes)],
            "checkpoint": self.note(),
        }

    def consistency(self, old: int, new: int | None = None) -> dict[str, Any]:
        new = len(self.leaves) if new is None else new
        path = merkle.consistency_path(old, new, self.nodes)
        return {"old_size": old, "new_size": new, "path": [one.hex() for one in path]}


def export(lines: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
