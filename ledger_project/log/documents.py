"""Events as documents: the one form that is hashed, proven, fed to subscribers and answered from.

A document is the event with its entry and postings (docs/log-format.md). It is made in memory when the event is
posted and read back from the rows ever after; the content hash says whether both are the same.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from ledger_project.kernel import clock, ids
from ledger_project.log.unit import Look

VERSION = 1
Document = dict[str, Any]


def event_document(
    *,
    event_id: UUID,
    tenant: int,
    type: str,
    command: str,
    idempotency_key: str,
    actor: str,
    recorded_at: datetime,
    payload: dict[str, Any],
    result: dict[str, Any],
    entry: dict[str, Any] | None,
) -> Document:
    """An event in the form that is hashed."""
    return {
        "version": VERSION,
        "id": ids.show("evt", event_id),
        "tenant": f"ten_{tenant}",
        "type": type,
        "command": command,
        "idempotency_key": idempotency_key,
        "actor": actor,
        "recorded_at": clock.stamp(recorded_at),
        "payload": payload,
        "result": result,
        "entry": entry,
    }


def entry_document(
    *,
    kind: str,
    effective_at: datetime,
    description: str,
    references: dict[str, str],
    metadata: dict[str, Any],
    postings: list[dict[str, Any]],
) -> dict[str, Any]:
    """An entry in the form that is hashed."""
    return {
        "kind": kind,
        "effective_at": clock.stamp(effective_at),
        "description": description,
        "references": references,
        "metadata": metadata,
        "postings": postings,
    }


def posting_document(
    account: str, stripe: int, bucket: str, amount: int, currency: str, balance_after: int, version: int
) -> dict[str, Any]:
    """A posting in the form that is hashed, of the account with this public id; positive is debit."""
    return {
        "account": account,
        "stripe": stripe,
        "bucket": bucket,
        "amount": str(amount),
        "currency": currency,
        "balance_after": str(balance_after),
        "version": version,
    }


BUCKET_LABELS = ("available", "held", "escrowed", "bonded", "fee_pool", "promo", "credit_used")

_EVENTS = """
SELECT event.id, event.tenant_id, event.type, event.command, event.idempotency_key, event.actor, event.recorded_at,
       event.payload::text, event.result::text, event.content_hash,
       entry.kind, entry.effective_at, entry.description, entry."references", entry.metadata
  FROM log_event AS event LEFT JOIN journal_entry AS entry ON entry.id = event.id
 WHERE event.id = ANY(%s::uuid[])
"""
_POSTINGS = """
SELECT posting.entry_id, posting.account_id, posting.stripe, posting.bucket, posting.amount, account.currency,
       posting.balance_after, posting.version
  FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
 WHERE posting.entry_id = ANY(%s::uuid[])
 ORDER BY posting.entry_id, posting.seq
"""


def read(event_ids: Iterable[UUID], look: Look) -> dict[UUID, tuple[Document, bytes]]:
    """Documents with their stored content hashes, read back from the rows."""
    wanted = list(event_ids)
    postings: dict[UUID, list[dict[str, Any]]] = {}
    for entry_id, account, stripe, bucket, amount, currency, after, version in look(_POSTINGS, (wanted,)):
        postings.setdefault(entry_id, []).append(
            posting_document(ids.show("acc", account), stripe, BUCKET_LABELS[bucket], amount, currency, after, version)
        )
    documents = {}
    for record in look(_EVENTS, (wanted,)):
        event_id, tenant, type, command, key, actor, recorded_at, payload, result, content_hash, *entry = record
        kind, effective_at, description, references, metadata = entry
        documents[event_id] = (
            event_document(
                event_id=event_id,
                tenant=tenant,
                type=type,
                command=command,
                idempotency_key=key,
                actor=actor,
                recorded_at=recorded_at,
                payload=_parsed(payload),
                result=_parsed(result),
                entry=entry_document(
                    kind=kind,
                    effective_at=effective_at,
                    description=description,
                    references=_parsed(references),
                    metadata=_parsed(metadata),
                    postings=postings.get(event_id, []),
                )
                if kind is not None
                else None,
            ),
            bytes(content_hash),
        )
    return documents


def concerns(document: Document, account: str) -> bool:
    """Whether an event is one account's: it moved the account's money, or is about the account or a row of its own."""
    entry = document.get("entry")
    if entry and any(posting["account"] == account for posting in entry["postings"]):
        return True
    nouns = [noun for noun in document["result"].values() if isinstance(noun, dict)]
    nouns += document["result"].get("opened", ())
    return any(account in (noun.get("id"), noun.get("account"), noun.get("counterparty")) for noun in nouns)


def seen_by(document: Document, account: str) -> Document:
    """The event as the key of one account sees it: without what others have, and without rows that are others' alone.

    Whom the account dealt with, and for how much, stays.
    """
    entry = document["entry"]
    postings = entry["postings"] if entry else []
    result = dict(document["result"])
    for name, made in document["result"].items():
        if name == "budgets":
            result[name] = []  # they are above the payer; who may see them reads them where they are
        elif name == "balances":
            whose = [postings[ref]["account"] if isinstance(ref, int) else ref for ref, *_ in made]
            result[name] = [each for owner, each in zip(whose, made, strict=True) if owner == account]
        elif name == "statuses":
            result[name] = {ref: status for ref, status in made.items() if ref == account}
        elif isinstance(made, list):
            result[name] = [each for each in made if _may_be_seen(each, account)]
        elif not _may_be_seen(made, account):
            result[name] = None
    if entry is None:
        return document | {"result": result}
    shown = [
        posting if posting["account"] == account else posting | {"balance_after": None, "version": None}
        for posting in postings
    ]
    return document | {"result": result, "entry": entry | {"postings": shown}}


def _may_be_seen(noun: Any, account: str) -> bool:
    """Whether a thing that an event made is nobody's, or the account's, or for it."""
    if not isinstance(noun, dict):
        return True
    owners = {noun.get("account"), noun.get("counterparty")}
    if str(noun.get("id", "")).startswith("acc_"):
        owners.add(noun["id"])
    owners.discard(None)
    return not owners or account in owners


def load_json(value: Any) -> Any:
    """A jsonb column: Django's connection leaves it as text."""
    return json.loads(value) if isinstance(value, str) else value


def _parsed(text: str) -> Any:
    """What was stored of an event, which has no number that orjson would round."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # half a character, which a json column takes and no event has
        return json.loads(text)
