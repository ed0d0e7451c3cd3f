"""What the API answers to an accepted command, made from its event's document alone.

So the first answer and every replay of it, today's and next year's, are the same to the byte.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from accounts.rows import BUCKETS, OWN_BUCKETS, AccountFacts, Bucket, look_up
from ledger_project.kernel import clock
from ledger_project.log import documents
from ledger_project.log.documents import Document
from ledger_project.log.executor import Done
from ledger_project.log.unit import Look

INTERNAL = frozenset({"balances", "opened", "statuses", "kept"})  # `kept` is there for replay alone
Facts = Mapping[Any, AccountFacts]  # by public id


def answer(done: Done, look: Look) -> dict[str, Any]:
    """`{"event", "entry", <what the command made>, "balances"}`, and `"dry_run": true` for a rehearsal."""
    return answers([done], look)[0]


def answers(dones: Sequence[Done], look: Look, only: str | None = None) -> list[dict[str, Any]]:
    """The answers to calls of one batch; a rehearsed one may speak of an account that another of them opened.

    `only` is the one account that the caller may see: what others have is left out.
    """
    facts = _facts([done.document for done in dones], look)
    if only is None:
        return [_answer(done.document, done, facts) for done in dones]
    return [_answer(documents.seen_by(done.document, only), done, facts) for done in dones]


def _answer(document: Document, done: Done, facts: Facts) -> dict[str, Any]:
    recorded_at = document["recorded_at"]
    balances = {ref: balance(facts[ref], *rest, as_of=recorded_at) for ref, *rest in _snapshots(document)}
    nouns = {noun: made for noun, made in document["result"].items() if noun not in INTERNAL}
    if nouns.get("account"):
        nouns["account"] = account(nouns["account"], balances.get(nouns["account"]["id"]))
    return {
        "event": event(document, done.content_hash),
        "entry": entry(document, facts) if document["entry"] else None,
        **nouns,
        "balances": list(balances.values()),
        **({"dry_run": True} if done.dry_run else {}),
    }


def event(document: Document, content_hash: bytes, log_index: int | None = None) -> dict[str, Any]:
    """An event without its payload."""
    return {
        "id": document["id"],
        "type": document["type"],
        "command": document["command"],
        "idempotency_key": document["idempotency_key"],
        "actor": document["actor"],
        "recorded_at": document["recorded_at"],
        "state": "recorded" if log_index is None else "sealed",
        "log_index": log_index,
        "content_hash": content_hash.hex(),
    }


def entry(document: Document, facts: Facts) -> dict[str, Any]:
    """An entry with its postings; the balance after one is known for bounded accounts, which have one stripe."""
    parts = document["entry"]
    return {
        "id": "ent_" + document["id"][4:],
        "event": document["id"],
        "kind": parts["kind"],
        "effective_at": parts["effective_at"],
        "recorded_at": document["recorded_at"],
        "description": parts["description"],
        "references": parts["references"],
        "metadata": parts["metadata"],
        "reverses": document["result"].get("reverses"),
        "postings": [
            {
                "account": posting["account"],
                "name": facts[posting["account"]].name,
                "bucket": posting["bucket"],
                "amount": posting["amount"],
                "currency": posting["currency"],
                "balance_after": None if facts[posting["account"]].unbounded else posting["balance_after"],
            }
            for posting in parts["postings"]
        ],
    }


def balance(facts: AccountFacts, status: str, version: int, *numbers: str, as_of: str) -> dict[str, Any]:
    """A balance by buckets; `numbers` are totals in and out, the credit limit, then the buckets, zeros left out."""
    padded = [*numbers, *["0"] * (3 + len(BUCKETS) - len(numbers))]
    total_in, total_out, credit_limit, *buckets = padded
    own = sum(map(int, buckets[:OWN_BUCKETS]))
    return {
        "account": facts.ref,
        "name": facts.name,
        "currency": facts.currency,
        "scale": facts.scale,
        "status": status,
        **dict(zip(BUCKETS, buckets, strict=True)),
        "credit_limit": credit_limit,
        "posted": str(own - int(buckets[Bucket.CREDIT_USED])),
        "total_in": total_in,
        "total_out": total_out,
        "version": version,
        "as_of": as_of,
    }


def account(stored: dict[str, Any], balance: dict[str, Any] | None) -> dict[str, Any]:
    """An account with its balance, which for an unbounded one is a sum that a command does not know."""
    return {name: value for name, value in stored.items() if name != "stripes"} | {"balance": balance}


def _snapshots(document: Document) -> Iterator[tuple[Any, ...]]:
    """The balances after: account, status, version, then the numbers (docs/log-format.md)."""
    result = document["result"]
    for ref, *rest in result.get("balances", ()):
        account = document["entry"]["postings"][ref]["account"] if isinstance(ref, int) else ref
        yield account, result.get("statuses", {}).get(account, "open"), *rest


def _facts(said: Sequence[Document], look: Look) -> Facts:
    """The facts of every account in the documents; those opened by them are in them, even in a rehearsal."""
    opened = {made["id"]: _opened(document, made) for document in said for made in _opened_in(document)}
    wanted: set[str | UUID] = set()
    for document in said:
        wanted.update(ref for ref, *_ in document["result"].get("balances", ()) if not isinstance(ref, int))
        if document["entry"]:
            wanted.update([posting["account"] for posting in document["entry"]["postings"]])
    return opened | look_up(int(said[0]["tenant"][4:]), wanted - opened.keys(), look, remember=False)


def _opened_in(document: Document) -> list[dict[str, Any]]:
    return document["result"].get("opened") or []


def _opened(document: Document, made: dict[str, Any]) -> AccountFacts:
    return AccountFacts(
        id=UUID(hex=made["id"][4:]),
        tenant=int(document["tenant"][4:]),
        name=made["name"],
        type=made["type"],
        currency=made["currency"],
        scale=made["scale"],
        unbounded=made["unbounded"],
        stripes=made["stripes"],
        created_at=clock.read(made["created_at"]),
        metadata=made["metadata"],
    )
