#!/usr/bin/env python3
"""Check what a ledger has signed, offline: one file, needs Python >= 3.11 and `cryptography`, nothing of the ledger.

    python verify.py receipt RECEIPT.json     --key VKEY
    python verify.py log EXPORT.jsonl         --jwks jwks.json --prev-checkpoint saved.note
    python verify.py checkpoint NEW.note      --key VKEY --prev-checkpoint OLD.note --consistency PROOF.json
    python verify.py attestation RESERVE.jws  --jwks jwks.json --account-proof mine.json --max-age 86400
    python verify.py archive DIRECTORY        --key VKEY --prev-checkpoint saved.note

Get the key once, over a way you trust, and keep it; keep checkpoints too. A ledger that rewrites its history can show
you a history that is perfect in itself, but none that also extends a checkpoint which you saved before.

Exit codes; of several failures, the first that was found:
     0  everything that was asked for holds
     2  wrong usage, or a file that cannot be read or does not have the documented form
    10  the checkpoint or attestation is not signed by a known key, or its signature is wrong
    12  an event or leaf is not the one that was sealed, is missing, or is out of place; prints the log index
    11  the log is not the one of the checkpoint, or does not extend an older one: rewritten, truncated or forked
    13  the books do not balance: an entry, a version, a balance or its floor is wrong
    14  the attestation's figures do not follow from each other, or it does not count the account of the proof
    15  a file of the archive is not the one that was signed, is missing, or was added
    16  usage does not cost what its price book says, or was not charged what it costs; prints the log index
    20  the checkpoint or attestation is older than --max-age, or nothing shows its age
"""

import argparse
import base64
import binascii
import csv
import hashlib
import json
import re
import sys
import time
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

UNREADABLE, SIGNATURE, INCONSISTENT, LEAF, BALANCES, COVERAGE, FILES, PRICES, STALE = 2, 10, 11, 12, 13, 14, 15, 16, 20
KINDS = {
    UNREADABLE: "unreadable",
    SIGNATURE: "signature",
    INCONSISTENT: "inconsistent",
    LEAF: "leaf_mismatch",
    BALANCES: "balances",
    COVERAGE: "coverage",
    FILES: "file_mismatch",
    PRICES: "price_mismatch",
    STALE: "stale",
}
MAX_DEPTH = 70  # a ledger hashes nothing that is nested deeper than 64
MAX_REPORTED = 20
CLOCK_SKEW = 300  # seconds by which the signer's clock may be ahead

HEX = re.compile(r"[0-9a-f]{64}")
AMOUNT = re.compile(r"0|-?[1-9][0-9]{0,75}")
NOT_IN_NOTES = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class Failure(Exception):
    """A check that did not pass; `facts` go to the JSON output."""

    def __init__(self, code: int, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.facts = facts


# ---------------------------------------------------------------- canonical JSON (RFC 8785)


def parse(text: bytes, what: str) -> Any:
    """JSON that means one thing only: no key twice. What else is not canonical shows in the hash of the re-encoding."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) != len(pairs):
            raise ValueError("a key occurs twice")
        return document

    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Failure(UNREADABLE, f"{what} is not JSON: {error}") from error


def canonical(document: Any) -> bytes:
    """The RFC 8785 bytes; ValueError for floats, integers beyond 2**53 - 1, lone surrogates."""
    return json.dumps(_ordered(document, MAX_DEPTH), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _ordered(value: Any, depth: int) -> Any:
    if depth < 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        # RFC 8785 orders keys by their UTF-16 code units.
        return {key: _ordered(value[key], depth - 1) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_ordered(item, depth - 1) for item in value]
    if value is None or isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    raise ValueError(f"{value!r} has no place in a hashed document")


def content_hash(event: Any) -> bytes | None:
    """SHA-256 of the canonical bytes; None for what has none, and so cannot be what was hashed."""
    try:
        return hashlib.sha256(canonical(event)).digest()
    except ValueError:
        return None


# ---------------------------------------------------------------- Merkle tree (RFC 6962, verification by RFC 9162)

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The root of a growing list of leaves, from the complete subtrees on its right edge."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        bits = self.size
        while bits & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            bits >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        *rest, value = self._peaks
        for peak in reversed(rest):
            value = node_hash(peak, value)
        return value


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    sides = _sides(index, size - 1, len(path)) if 0 <= index < size else None
    if sides is None:
        return False
    value = leaf
    for sibling, left in zip(path, sides, strict=True):
        value = node_hash(sibling, value) if left else node_hash(value, sibling)
    return value == root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162, 2.1.4.2; every tree extends the empty one."""
    if old == new or old == 0:
        return not path and old_root == (new_root if old == new else EMPTY_ROOT)
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not 0 < old < new or not steps:
        return False
    complete = (old & -old).bit_length() - 1
    sides = _sides((old - 1) >> complete, (new - 1) >> complete, len(steps) - 1)
    if sides is None:
        return False
    old_value = new_value = steps[0]
    for sibling, left in zip(steps[1:], sides, strict=True):
        if left:
            old_value, new_value = node_hash(sibling, old_value), node_hash(sibling, new_value)
        else:
            new_value = node_hash(new_value, sibling)
    return old_value == old_root and new_value == new_root


def _sides(position: int, last: int, steps: int) -> list[bool] | None:
    """On which side the sibling stands, for each step from a node to the root; None for a wrong number of steps."""
    sides = []
    for _ in range(steps):
        if last == 0:
            return None
        sides.append(bool(position & 1) or position == last)
        # A last node without a sibling rises unchanged.
        while sides[-1] and position and not position & 1:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    return sides if last == 0 else None


# ---------------------------------------------------------------- keys, signed notes and checkpoints (C2SP)

ED25519, COSIGNATURE = 1, 4


@dataclass(frozen=True)
class Key:
    """A key that you trust. From a JWKS it has no name of its own and may sign as the log of whatever origin."""

    public_key: bytes
    name: str | None = None
    types: tuple[int, ...] = (ED25519, COSIGNATURE)
    retired_at: float | None = None

    def signs_as(self, name: str, key_id: bytes) -> int | None:
        """The type of signature that this name and key id stand for, if they stand for this key."""
        for kind in self.types if self.name in (None, name) else ():
            if hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + self.public_key).digest()[:4] == key_id:
                return kind
        return None


@dataclass(frozen=True)
class Signature:
    name: str
    kind: int
    key: Key
    time: int | None


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that the log has signed with a known key."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[Signature, ...]

    @property
    def time(self) -> int | None:
        """The latest time (POSIX seconds) at which a known key has stated that this is the newest checkpoint."""
        return max((one.time for one in self.signatures if one.time is not None), default=None)


def parse_vkey(vkey: str) -> Key:
    name, _, rest = vkey.partition("+")
    key_id, _, encoded = rest.partition("+")
    typed = decode_base64(encoded)
    if len(typed) != 33 or typed[0] not in (ED25519, COSIGNATURE):
        raise Failure(UNREADABLE, f"not a verifier key (name+id+key) of type 1 or 4: {vkey!r}")
    # The log's own key may also timestamp; a witness's key does nothing else.
    key = Key(typed[1:], name, (ED25519, COSIGNATURE) if typed[0] == ED25519 else (COSIGNATURE,))
    if hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4].hex() != key_id:
        raise Failure(UNREADABLE, f"the id in the verifier key does not belong to its name and key: {vkey!r}")
    return key


def parse_jwks(text: bytes) -> list[Key]:
    document = parse(text, "the JWKS")
    try:
        mine = [one for one in document["keys"] if (one["kty"], one.get("crv")) == ("OKP", "Ed25519")]
        raw = [base64.urlsafe_b64decode(one["x"] + "=" * (-len(one["x"]) % 4)) for one in mine]
        if any(len(public_key) != 32 for public_key in raw):
            raise ValueError("an Ed25519 key has 32 bytes")
        return [Key(key, retired_at=posix(one.get("retired_at"))) for key, one in zip(raw, mine, strict=True)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Failure(UNREADABLE, f"not a JWKS: {error}") from error


def open_checkpoint(note: str, keys: Sequence[Key], what: str) -> Checkpoint:
    """The checkpoint, if the log has signed it with one of the keys and no known key's signature on it is wrong."""
    head, lines = split_note(note, what)
    if len(head) < 3 or not all(head) or not SIZE.fullmatch(head[1]) or len(decode_base64(head[2])) != 32:
        raise Failure(UNREADABLE, f"{what} is not a checkpoint: origin, size and root")
    signatures = signatures_of(note, lines, head[0], keys, what)
    return Checkpoint(head[0], int(head[1]), decode_base64(head[2]), signatures)


def split_note(note: str, what: str) -> tuple[list[str], list[str]]:
    """The lines of a signed note's text, and its signature lines."""
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n") or NOT_IN_NOTES.search(note):
        raise Failure(UNREADABLE, f"{what} is not a signed note")
    return text.split("\n"), lines[:-1].split("\n")


def signatures_of(note: str, lines: list[str], origin: str, keys: Sequence[Key], what: str) -> tuple[Signature, ...]:
    """The signatures of known keys; the log of this origin must have signed, and none may be wrong."""
    text = note.rpartition("\n\n")[0] + "\n"
    signatures = []
    for line in lines:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        value = decode_base64(encoded)
        if dash != "\u2014" or not name or len(value) < 5:
            raise Failure(UNREADABLE, f"{what} has a malformed signature line")
        for key in keys:
            kind = key.signs_as(name, value[:4])
            # A key without a name, of a JWKS, is the log's; it must not pass for a witness.
            if kind is not None and (key.name is not None or name == origin):
                signatures.append(_verified(text, name, kind, key, value[4:], what))
    if not any(one.kind == ED25519 and one.name == origin for one in signatures):
        raise Failure(SIGNATURE, f"{what}: the log {origin} has not signed it with a key that you trust")
    return tuple(signatures)


def _verified(text: str, name: str, kind: int, key: Key, signature: bytes, what: str) -> Signature:
    message, moment = text.encode(), None
    if kind == COSIGNATURE:
        moment = int.from_bytes(signature[:8], "big")
        message, signature = f"cosignature/v1\ntime {moment}\n{text}".encode(), signature[8:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except InvalidSignature:
        raise Failure(SIGNATURE, f"{what}: the signature of {name} is wrong") from None
    return Signature(name, kind, key, moment)


def decode_base64(text: str) -> bytes:
    """The bytes of canonical base64; none for anything else."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return value if base64.b64encode(value).decode() == text else b""


# ---------------------------------------------------------------- the books: entries, versions, balances


@dataclass
class Chain:
    """The postings of one (account, stripe), booked in the order of their versions.

    Their order in the log may differ: what was committed within the same moment is sealed in any order. So a posting
    waits until those before it, and the opening of its account, have been seen.
    """

    version: int = 0
    balances: dict[str, int] = field(default_factory=dict)
    waiting: dict[int, tuple[dict[str, Any], int, bool]] = field(default_factory=dict)


class Books:
    """The balances re-added from the postings."""

    SIGNS = {"asset": 1, "expense": 1, "liability": -1, "equity": -1, "revenue": -1}

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.openings: dict[str, dict[str, Any]] = {}
        self.chains: dict[str, dict[int, Chain]] = {}
        self.prices = PriceBooks()
        self.entries = 0
        self.failure: Failure | None = None

    def take(self, event: dict[str, Any], index: int) -> None:
        """Book one event, unless something was found wrong before: the rest would only be its consequence."""
        if self.failure is None:
            try:
                self._open_accounts(event, index)
                self._post(postings_of(event, index), index)
                self.prices.take(event, index)
            except Failure as failure:
                self.failure = failure

    def close(self) -> list[str]:
        """Refuse gaps in the versions; returns the accounts whose opening is not in the export."""
        partial = sorted(self.chains.keys() - self.accounts.keys())
        for account, stripes in self.chains.items():
            for stripe, chain in stripes.items():
                before = min(chain.waiting, default=1) - 1 if account in partial else chain.version
                for wanted, found in enumerate(sorted(chain.waiting), before + 1):
                    if wanted != found and self.failure is None:
                        message = f"{account} stripe {stripe}: there is no posting of version {wanted}"
                        self.failure = wrong(message, chain.waiting[found][1])
        if self.failure is not None:
            raise self.failure
        return partial

    def balances(self) -> dict[str, dict[str, Any]]:
        """Every opened account with its buckets, the stripes added up, in its normal direction."""
        documents = {}
        for account, facts in self.accounts.items():
            totals: dict[str, int] = {}
            for chain in self.chains.get(account, {}).values():
                for bucket, balance in chain.balances.items():
                    totals[bucket] = totals.get(bucket, 0) + balance
            documents[account] = {**facts, "balances": {name: str(total) for name, total in sorted(totals.items())}}
        return documents

    def _open_accounts(self, event: dict[str, Any], index: int) -> None:
        for facts in openings_of(event, index):
            account = facts["id"]
            if account in self.accounts:
                raise wrong(f"{account} is opened a second time", index)
            if facts["type"] not in self.SIGNS:
                raise wrong(f"{account} is of the unknown type {facts['type']!r}", index)
            self.accounts[account] = {name: facts.get(name) for name in ("name", "type", "currency", "unbounded")}
            self.openings[account] = facts
            for chain in self.chains.get(account, {}).values():
                self._catch_up(account, chain)

    def _post(self, postings: list[dict[str, Any]], index: int) -> None:
        # Within one event a balance may dip and recover, so its floor is looked at after its last posting.
        last = {(one["account"], one["stripe"], one["bucket"]): place for place, one in enumerate(postings)}
        for place, one in enumerate(postings):
            account, stripe, version = one["account"], one["stripe"], one["version"]
            chain = self.chains.setdefault(account, {}).setdefault(stripe, Chain())
            if version <= chain.version or version in chain.waiting:
                raise wrong(f"{account} stripe {stripe}: a second posting of version {version}", index)
            chain.waiting[version] = one, index, last[account, stripe, one["bucket"]] == place
            if account in self.accounts:
                self._catch_up(account, chain)
        self.entries += bool(postings)

    def _catch_up(self, account: str, chain: Chain) -> None:
        facts = self.accounts[account]
        while chain.version + 1 in chain.waiting:
            chain.version += 1
            one, index, final = chain.waiting.pop(chain.version)
            bucket = one["bucket"]
            sign = self.SIGNS[facts["type"]] * (-1 if bucket == "credit_used" else 1)
            balance = chain.balances[bucket] = chain.balances.get(bucket, 0) + sign * int(one["amount"])
            place = f"{account} stripe {one['stripe']} version {chain.version}: {bucket}"
            if one["currency"] != facts["currency"]:
                raise wrong(f"{place} is posted in {one['currency']}, not {facts['currency']}", index)
            if one["balance_after"] != str(balance):
                raise wrong(f"{place} is {balance} after the posting, which says {one['balance_after']}", index)
            if final and balance < 0 and not (bucket == "available" and facts["unbounded"] is True):
                raise wrong(f"{place} is {balance}, below its floor", index)


def openings_of(event: dict[str, Any], index: int) -> list[dict[str, Any]]:
    """The accounts that an event opens: the one of `account.opened`, and those that others open on first use."""
    result: Any = event.get("result")
    try:
        facts = list(result.get("opened", []))
        if event["type"] == "account.opened" and all(one["id"] != result["account"]["id"] for one in facts):
            facts.append(result["account"])
        if all(isinstance(one[name], str) for one in facts for name in ("id", "type", "currency")):
            return facts
    except (KeyError, TypeError, AttributeError):
        pass
    raise wrong("not an event of the documented form: its result", index)


def postings_of(event: dict[str, Any], index: int) -> list[dict[str, Any]]:
    """The postings of an event, if they are at least two and sum to zero in every currency; none if it has no entry."""
    if event.get("entry") is None:
        return []
    sums: dict[str, int] = {}
    try:
        postings = list(event["entry"]["postings"])
        for one in postings:
            if not all(AMOUNT.fullmatch(one[name]) for name in ("amount", "balance_after")):
                raise wrong(f"{one['amount']!r}, {one['balance_after']!r}: not amounts", index)
            if not all(type(one[name]) is int and one[name] >= 0 for name in ("stripe", "version")):
                raise wrong("a posting's stripe and version are natural numbers", index)
            if not all(isinstance(one[name], str) for name in ("account", "bucket", "currency")):
                raise wrong("a posting's account, bucket and currency are strings", index)
            sums[one["currency"]] = sums.get(one["currency"], 0) + int(one["amount"])
    except (KeyError, TypeError, AttributeError):
        raise wrong("not an event of the documented form: its entry", index) from None
    if len(postings) < 2:
        raise wrong("an entry has at least two postings", index)
    for currency, total in sums.items():
        if total:
            raise wrong(f"the entry does not balance: its postings sum to {total} {currency}", index)
    return postings


def wrong(message: str, index: int) -> Failure:
    return Failure(BALANCES, message, log_index=index)


# ---------------------------------------------------------------- prices: usage is priced again

SCALE = 10**12  # costs are in 10^-12 minor units


class PriceBooks:
    """Usage priced again by the versions that were published, and what each account carries from charge to charge.

    Events of one account and book are looked at in the order of their ids, which is that of their recording: what was
    committed within the same moment is sealed in any order.
    """

    def __init__(self) -> None:
        self.versions: dict[str, dict[str, Any]] = {}
        self.postings: list[tuple[str, int, dict[str, Any]]] = []

    def take(self, event: dict[str, Any], index: int) -> None:
        try:
            if event["type"] == "prices.published":
                version = event["result"]["price_version"]
                self.versions[version["id"]] = {**version, "read": read_rates(version)}
            elif event["type"] in ("usage.recorded", "usage.corrected", "usage.collected"):
                self.postings.append((event["id"], index, event))
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise mispriced("not an event of the documented form: its prices", index) from None

    def close(self) -> int:
        """Price everything again, in order; how many postings there were."""
        carried: dict[tuple[str, str], int] = {}
        counts: dict[tuple[str, str, str, str], int] = {}
        known: dict[str, dict[str, Any]] = {}
        for _, index, event in sorted(self.postings, key=lambda posting: posting[0]):
            try:
                self._price(event, index, carried, counts, known)
            except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError):
                raise mispriced("not an event of the documented form: its usage", index) from None
        return len(self.postings)

    def _price(
        self,
        event: dict[str, Any],
        index: int,
        carried: dict[tuple[str, str], int],
        counts: dict[tuple[str, str, str, str], int],
        known: dict[str, dict[str, Any]],
    ) -> None:
        usage = event["result"]["usage"]
        version = self.versions[usage["version"]]
        before = known.get(usage.get("follows") or "")
        if before is None and event["type"] != "usage.recorded":
            raise mispriced(f"{usage['id']} follows on usage that is not there", index)
        meter = usage["account"], _meant(version["book"])
        cost = int(usage["cost"])
        if event["type"] == "usage.collected":
            due, told = 0, before and before["cost"]
        else:
            if event["type"] == "usage.recorded" or before is None or usage["version"] != before["version"]:
                self._require_in_force(version, usage, event, index)
            lines = self._lines(version, usage, before, counts, meter, index)
            floor = version["read"][1]
            total = sum(costs for *_, costs in lines)
            told = str(max(floor, total) if floor else total)
            if lines != [
                (line["metric"], line["quantity"], line["rate"], int(line["cost"])) for line in usage["lines"]
            ]:
                raise mispriced(f"{usage['id']}: its lines should be {lines}", index)
            was = int(before["cost"]) if before else 0
            due, carried[meter] = divmod(carried.get(meter, 0) + cost - was, SCALE)
            if not str(carried[meter]) == usage["remainder"] == event["result"]["meter"]["remainder"]:
                raise mispriced(f"{usage['id']}: what is carried on should be {carried[meter]}", index)
        if usage["cost"] != told:
            raise mispriced(f"{usage['id']}: it costs {told}, not {usage['cost']}", index)
        uncovered = int(usage.get("uncovered", "0")) - int((before or {}).get("uncovered", "0"))
        if int(usage["charged"]) != due - uncovered:
            raise mispriced(f"{usage['id']}: {due - uncovered} should be charged, not {usage['charged']}", index)
        moved = sum(
            int(one["amount"]) for one in (event["entry"] or {"postings": []})["postings"] if one["account"] == meter[0]
        )
        if moved not in (int(usage["charged"]), -int(usage["charged"])):
            raise mispriced(f"{usage['id']}: the entry moves {abs(moved)}, not {usage['charged']}", index)
        known[usage["id"]] = usage

    def _require_in_force(
        self, version: dict[str, Any], usage: dict[str, Any], event: dict[str, Any], index: int
    ) -> None:
        """The version with the latest effective time that is not after the usage's, of those published by then."""
        fit = [
            (one["effective_at"], one["number"], one["id"])
            for one in self.versions.values()
            if _meant(one["book"]) == _meant(version["book"])
            and one["effective_at"] <= usage["at"]
            and one["published_at"] <= event["recorded_at"]
        ]
        if max(fit, default=(0, 0, ""))[2] != version["id"]:
            raise mispriced(f"{usage['id']} is priced by {version['id']}, which was not in force", index)

    def _lines(
        self,
        version: dict[str, Any],
        usage: dict[str, Any],
        before: dict[str, Any] | None,
        counts: dict[tuple[str, str, str, str], int],
        meter: tuple[str, str],
        index: int,
    ) -> list[tuple[str, int, int, int]]:
        """Each metric with its quantity, rate and cost, after what was used of the month before it."""
        old = {line["metric"]: line for line in before["lines"]} if before else {}
        if before and before["version"] != usage["version"]:  # priced anew: first the old quantities are taken out
            other = self.versions[before["version"]]
            for line in old.values():
                key, tiers = other["read"][0][line["rate"]][:2]
                if len(tiers) > 1:
                    place = (*meter, _month(other, usage["at"]), key)
                    counts[place] = counts.get(place, 0) - line["quantity"]
            old = {}
        lines = []
        for metric in sorted(old.keys() | usage["metrics"].keys()):
            was, quantity = old.get(metric), usage["metrics"].get(metric, 0)
            rate = was["rate"] if was else most_exact(version["read"][0], usage["model"], metric)
            if rate is None:
                raise mispriced(f"{usage['id']}: there is no rate for {metric}", index)
            key, tiers = version["read"][0][rate][:2]
            place = (*meter, _month(version, usage["at"]) if len(tiers) > 1 else "", key)
            more, start = quantity - (was["quantity"] if was else 0), counts.get(place, 0)
            cost = graduated(tiers, more, start) if more >= 0 else -graduated(tiers, -more, start + more)
            cost += int(was["cost"]) if was else 0
            if len(tiers) > 1:
                counts[place] = start + more
            if metric in usage["metrics"] or cost:
                lines.append((metric, quantity, rate, cost))
        return lines


Rates = list[tuple[str, list[tuple[int | None, int]], str, str]]


def read_rates(version: dict[str, Any]) -> tuple[Rates, int]:
    """The rates of a version, as what is counted of them, their tiers, model and metric; and its minimum."""
    markup = Fraction(10_000 + version["markup_bps"], 10_000)
    rates: Rates = []
    for rate in version["rates"]:
        given = rate.get("tiers") or [{"price": rate["price"]}]
        tiers = [(tier.get("up_to"), _exact(Fraction(tier["price"]) * markup / rate.get("per", 1))) for tier in given]
        rates.append((f"{rate['model']} {rate['metric']}", tiers, rate["model"], rate["metric"]))
    return rates, _exact(Fraction(version["minimum"]))


def _exact(price: Fraction) -> int:
    if (price * SCALE).denominator != 1:
        raise ValueError("a price of more than twelve decimals")
    return (price * SCALE).numerator


def most_exact(rates: Rates, model: str, metric: str) -> int | None:
    """The place of the rate that prices this metric: the model's own name, then the pattern with the most letters."""
    fit = []
    for place, (_, _, pattern, priced) in enumerate(rates):
        form = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
        if priced == metric and re.fullmatch(form, model, re.DOTALL):
            fit.append(("*" not in pattern and "?" not in pattern, sum(one not in "*?" for one in pattern), place))
    return max(fit)[2] if fit else None


def graduated(tiers: list[tuple[int | None, int]], quantity: int, start: int) -> int:
    """What units cost, after so many of the month."""
    total = 0
    for up_to, price in tiers:
        end = start + quantity if up_to is None else min(start + quantity, up_to)
        if end > start:
            total, quantity, start = total + (end - start) * price, quantity - (end - start), end
    return total


def _meant(book: str) -> str:
    return unicodedata.normalize("NFC", book).strip()


def _month(version: dict[str, Any], at: str) -> str:
    moment = datetime.fromisoformat(at)
    zone = version["time_zone"]
    return f"{moment.astimezone(ZoneInfo(zone)) if zone != 'UTC' else moment:%Y-%m}"


def mispriced(message: str, index: int) -> Failure:
    return Failure(PRICES, message, log_index=index)


# ---------------------------------------------------------------- attestations of reserves

OWED = ("redeemable", "held", "escrowed", "bonded", "fee_pool", "non_redeemable_promo")


def open_jws(text: str, keys: Sequence[Key]) -> tuple[bytes, Key]:
    """The payload of a compact JWS and the known key that signed it (RFC 7515, 8037, 9864)."""
    parts = text.split(".")
    if len(parts) != 3:
        raise Failure(UNREADABLE, "the attestation is not a compact JWS")
    header = parse(decode_base64url(parts[0]), "the header of the JWS")
    require_form(header, "the header of the JWS", alg=str, kid=str)
    if header["alg"] not in ("EdDSA", "Ed25519") or "crit" in header:
        raise Failure(SIGNATURE, f"the attestation is not signed with Ed25519 but {header['alg']!r}")
    for key in keys:
        if ED25519 in key.types and thumbprint(key.public_key) == header["kid"]:
            try:
                Ed25519PublicKey.from_public_bytes(key.public_key).verify(
                    decode_base64url(parts[2]), f"{parts[0]}.{parts[1]}".encode()
                )
            except InvalidSignature:
                raise Failure(SIGNATURE, "the signature of the attestation is wrong") from None
            return decode_base64url(parts[1]), key
    raise Failure(SIGNATURE, f"the attestation is signed by {header['kid']!r}, which is not a key that you trust")


def thumbprint(public_key: bytes) -> str:
    """The key id of RFC 7638."""
    x = base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
    digest = hashlib.sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": x})).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    return decode_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))


def require_attestation(stated: Any, payload: bytes) -> None:
    require_form(stated, "the attestation", version=int, id=str, as_of=str, checkpoint=dict, liabilities=dict,
                 assets=list, coverage_ratio=dict | None, raw_reserves_total=str, eligible_reserves_total=str,
                 missing_snapshot_asset_ids=list, stale_asset_ids=list)  # fmt: skip
    require_version(stated, "the attestation")
    require_form(stated["checkpoint"], "its checkpoint", origin=str, size=int, root=str, note=str)
    require_form(stated["liabilities"], "its liabilities", leaf_count=int, sum_tree_root=str)
    for asset in stated["assets"]:
        require_form(asset, "an asset", id=str, haircut_bps=int, max_age_seconds=int, counted=str, status=str,
                     raw_amount=str | None, price=dict | None, raw_value=str | None,
                     taken_at=str | None)  # fmt: skip
    try:
        same = canonical(stated) == payload
    except ValueError:
        same = False
    if not same:
        raise Failure(UNREADABLE, "the attestation is not canonical JSON")


def require_arithmetic(stated: dict[str, Any]) -> None:
    """Every figure follows from those that it is made of."""
    owed, assets = stated["liabilities"], stated["assets"]
    outstanding = amount_of(owed, "total")
    if outstanding != sum(amount_of(owed, name) for name in OWED):
        raise Failure(COVERAGE, "what is owed does not add up to its total")
    for asset in assets:
        raw, age, status, counted = judged(asset, stated["as_of"])
        shown = asset["raw_value"], asset.get("age_seconds"), asset["status"], asset["counted"]
        if shown != (None if raw is None else str(raw), age, status, str(counted)):
            raise Failure(COVERAGE, f"asset {asset['id']} is {status} and counts {counted}, not {asset['counted']}")
    eligible = sum(int(asset["counted"]) for asset in assets)
    ratio = None
    if outstanding:
        scaled = str(eligible * 10**6 // outstanding).rjust(7, "0")
        ratio = {"num": str(eligible), "den": str(outstanding), "decimal": f"{scaled[:-6]}.{scaled[-6:]}"}
    expected = {
        "raw_reserves_total": str(sum(int(asset["raw_value"] or 0) for asset in assets)),
        "eligible_reserves_total": str(eligible),
        "coverage_ratio": ratio,
        "missing_snapshot_asset_ids": [asset["id"] for asset in assets if asset["raw_amount"] is None],
        "stale_asset_ids": [one["id"] for one in assets if (one["age_seconds"] or 0) > one["max_age_seconds"]],
    }
    for name, value in expected.items():
        if stated[name] != value:
            raise Failure(COVERAGE, f"{name} is {value!r}, not {stated[name]!r}")


def judged(asset: dict[str, Any], as_of: str) -> tuple[int | None, int | None, str, int]:
    """An asset's raw value, age and status, and what it counts."""
    if asset["raw_amount"] is None:
        return None, None, "missing", 0
    price = asset["price"] or {"num": "1", "den": "1"}
    if not amount_of(price, "den"):
        raise Failure(COVERAGE, f"asset {asset['id']} has a price of no whole")
    raw = amount_of(asset, "raw_amount") * amount_of(price, "num") // amount_of(price, "den")
    moments = asset["taken_at"], price.get("taken_at") or asset["taken_at"]
    if any(posix(moment) is None for moment in moments):
        raise Failure(UNREADABLE, f"asset {asset['id']} does not say when it was looked at")
    oldest = min(map(datetime.fromisoformat, moments))  # of the amount and its price
    age = -((oldest - datetime.fromisoformat(as_of)) // timedelta(seconds=1))
    if asset["eligible"] is not True:
        return raw, age, "ineligible", 0
    if age > asset["max_age_seconds"] or not 0 <= asset["haircut_bps"] <= 10_000:
        return raw, age, "stale", 0
    return raw, age, "counted", raw * (10_000 - asset["haircut_bps"]) // 10_000


def amount_of(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if not isinstance(value, str) or not AMOUNT.fullmatch(value) or value.startswith("-"):
        raise Failure(UNREADABLE, f"{name} is not an amount: {value!r}")
    return int(value)


def require_counted(proof: Any, stated: dict[str, Any], document_hash: str) -> None:
    """The proof's account is a leaf of the attestation's sum tree: a node hashes both its children's sums."""
    require_form(proof, "the account's proof", version=int, attestation=str, document_hash=str, account=str,
                 balance=str, salt=str, leaf_index=int, leaf_count=int, path=list)  # fmt: skip
    require_version(proof, "the account's proof")
    owed = stated["liabilities"]
    mine = (proof["attestation"], proof["document_hash"], proof["leaf_count"])
    if mine != (stated["id"], document_hash, owed["leaf_count"]):
        raise Failure(COVERAGE, "the account's proof belongs to another attestation")
    total = amount_of(proof, "balance")
    digest = _hashed(b"leaf\x00", from_hex(proof["salt"], "the salt"), _sized(proof["attestation"]),
                     _sized(proof["account"]), _fixed(total))  # fmt: skip
    position, last, steps = proof["leaf_index"], owed["leaf_count"] - 1, iter(proof["path"])
    fits = 0 <= position <= last
    while fits and last:
        if position % 2 or position < last:
            step = next(steps, None)
            require_form(step, "a step of the account's proof", digest=str, total=str)
            other = from_hex(step["digest"], "a step"), amount_of(step, "total")
            left, right = (other, (digest, total)) if position % 2 else ((digest, total), other)
            digest = _hashed(b"node\x01", left[0], _fixed(left[1]), right[0], _fixed(right[1]))
            total = left[1] + right[1]
        position, last = position >> 1, last >> 1
    root = from_hex(owed["sum_tree_root"], "the root of the sum tree"), amount_of(owed, "total")
    if not fits or next(steps, None) is not None or (digest, total) != root:
        raise Failure(COVERAGE, f"{proof['account']} is not counted with {proof['balance']}")


def _hashed(kind: bytes, *parts: bytes) -> bytes:
    return hashlib.sha256(b"ledger/sumtree/v1/" + kind + b"".join(parts)).digest()


def _sized(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


def _fixed(total: int) -> bytes:
    if total >> 256:
        raise Failure(UNREADABLE, f"{total} is not a sum")
    return total.to_bytes(32, "big")


# ---------------------------------------------------------------- audit archives

TITLE = "audit archive, version 1"
MANIFEST = "MANIFEST"
FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
LISTED = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9./-]+)")


@dataclass(frozen=True)
class Manifest:
    """What the log has signed of an archive; the period's ends are stamps of the log, which sort like moments."""

    origin: str
    size: int
    root: bytes
    since: str
    until: str
    files: dict[str, str]


def open_manifest(note: str, keys: Sequence[Key]) -> Manifest:
    head, lines = split_note(note, "the manifest")
    listed = [LISTED.fullmatch(line) for line in head[7:]]
    stated = [line.partition(" ") for line in head[4:7]]
    if [head[0], *(name for name, _, _ in stated)] != [TITLE, "tenant", "from", "to"] or not all(listed):
        raise Failure(UNREADABLE, "the manifest does not have the documented form")
    if not SIZE.fullmatch(head[2]):
        raise Failure(UNREADABLE, "the manifest does not name a checkpoint")
    signatures_of(note, lines, head[1], keys, "the manifest")
    files = {found[2]: found[1] for found in listed if found}
    return Manifest(head[1], int(head[2]), decode_base64(head[3]), stated[1][2], stated[2][2], files)


def require_files(root: Path, files: dict[str, str]) -> None:
    """The directory holds the files of the manifest, as they were, and no others."""
    found = {one.relative_to(root).as_posix(): one for one in root.rglob("*") if one.is_symlink() or not one.is_dir()}
    found.pop(MANIFEST, None)
    for name in sorted(found.keys() | files.keys()):
        if name not in found or found[name].is_symlink():
            raise Failure(FILES, f"{name} is missing", name=name)
        if name not in files:
            raise Failure(FILES, f"{name} was added: the manifest does not name it", name=name)
        digest = hashlib.sha256()
        for line in lines_of(found[name]):
            digest.update(line)
        if digest.hexdigest() != files[name]:
            raise Failure(FILES, f"{name} is not the file that was signed", name=name)


class Tables:
    """The tables of an archive, made again from its log."""

    FACTS = ("id", "name", "type", "currency", "scale", "unbounded", "created_at", "metadata")
    ACCOUNTS = ["account", *FACTS[1:6], "opened_at", "metadata"]
    BALANCES = ["currency", "scale", "account", "name", "type", "debit", "credit", "value"]
    POSTINGS = ["log_index", "entry", "kind", "effective_at", "recorded_at", "description", "references", "metadata",
                "account", "name", "type", "currency", "scale", "bucket", "amount", "value"]  # fmt: skip

    def __init__(self, log: Path, books: Books, since: str, until: str) -> None:
        self.log, self.accounts, self.since, self.until = log, books.openings, since, until

    def chart(self) -> Iterator[list[str]]:
        yield self.ACCOUNTS
        for facts in sorted(self.accounts.values(), key=lambda facts: str(facts.get("name"))):
            yield [cell(facts.get(name)) for name in self.FACTS]

    def balances(self, bound: str) -> Iterator[list[str]]:
        """What the entries that were effective before the bound left, by currency and account, with totals."""
        yield self.BALANCES
        sums: dict[str, int] = {}
        for _, event in self.entries():
            for one in event["entry"]["postings"] if event["entry"]["effective_at"] < bound else ():
                sums[one["account"]] = sums.get(one["account"], 0) + int(one["amount"])
        owners = [(self.accounts[account], total) for account, total in sums.items()]
        for code, scale in sorted({(facts["currency"], facts["scale"]) for facts, _ in owners}):
            mine = [(facts, total) for facts, total in owners if (facts["currency"], facts["scale"]) == (code, scale)]
            for facts, total in sorted(mine, key=lambda one: str(one[0]["name"])):
                value = total * Books.SIGNS[facts["type"]]
                about = [code, scale, facts["id"], facts["name"], facts["type"], max(total, 0), max(-total, 0)]
                yield [*map(cell, about), units(value, scale)]
            debits, credits = (sum(max(side * total, 0) for _, total in mine) for side in (1, -1))
            yield [*map(cell, (code, scale, "", "", "total", debits, credits)), ""]

    def postings(self) -> Iterator[list[str]]:
        yield self.POSTINGS
        for index, event in self.entries():
            entry = event["entry"]
            if not self.since <= entry["effective_at"] < self.until:
                continue
            about = [index, f"ent_{event['id'].removeprefix('evt_')}", entry["kind"], entry["effective_at"],
                     event["recorded_at"], entry["description"], entry["references"], entry["metadata"]]  # fmt: skip
            for one in entry["postings"]:
                facts, amount = self.accounts[one["account"]], one["amount"]
                mine = [one["account"], facts["name"], facts["type"], one["currency"], facts["scale"], one["bucket"]]
                yield [*map(cell, [*about, *mine, amount]), units(int(amount), facts["scale"])]

    def entries(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for line in leaf_lines(self.log):
            if line["event"] and line["event"]["entry"]:
                yield line["log_index"], line["event"]


def cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    text = str(value)
    number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)
    return f"'{text}" if text[:1] in FORMULA and not number else text  # which a spreadsheet would run


def units(amount: int, scale: int) -> str:
    """Minor units in units of the currency."""
    digits = str(abs(amount)).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    return ("-" if amount < 0 else "") + whole + ("." + fraction if scale else "")


def require_table(path: Path, expected: Iterator[list[str]]) -> int:
    """The header and the rows are these; how many rows."""
    csv.field_size_limit(2**24)
    count = 0
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for count, (row, wanted) in enumerate(zip_longest(csv.reader(file, strict=True), expected)):
                if row != wanted:
                    raise Failure(BALANCES, f"{path.name}, row {count}: {row} does not follow from the log: {wanted}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Failure(UNREADABLE, f"{path}: {error}") from error
    except (KeyError, TypeError) as error:
        raise Failure(BALANCES, f"{path.name} cannot follow from the log, which lacks {error}") from error
    return count


# ---------------------------------------------------------------- the commands


class Verification:
    """One run: the trusted keys, the checkpoints to compare with, and what was found."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.report: dict[str, Any] = {"command": options.command, "file": str(options.file), "checks": []}

    def run(self) -> None:
        options = self.options
        self.keys = [parse_vkey(vkey) for vkey in options.key]
        if options.jwks:
            self.keys += parse_jwks(read(options.jwks))
        if not self.keys:
            raise Failure(UNREADABLE, "give the ledger's key: --key VKEY or --jwks FILE")
        self.older = [self.open(read_text(path), str(path)) for path in options.prev_checkpoint]
        self.other = [self.open(read_text(path), str(path)) for path in options.checkpoint]
        self.proofs = [read_proof(path) for path in options.consistency]
        {
            "receipt": self.receipt,
            "log": self.log,
            "checkpoint": self.checkpoint,
            "attestation": self.attestation,
            "archive": self.archive,
        }[options.command]()

    def open(self, note: str, what: str) -> Checkpoint:
        return open_checkpoint(note, self.keys, what)

    def passed(self, message: str) -> None:
        self.report["checks"].append(message)

    def receipt(self) -> None:
        receipt = parse(read(self.options.file), "the receipt")
        require_form(receipt, "the receipt", version=int, event=dict, content_hash=str, log_index=int,
                     inclusion_path=list, checkpoint=str)  # fmt: skip
        require_version(receipt, "the receipt")
        head = self.open(receipt["checkpoint"], "the receipt's checkpoint")
        self.describe(head)
        event, index = receipt["event"], receipt["log_index"]
        digest = content_hash(event)
        if digest is None or digest.hex() != receipt["content_hash"]:
            raise Failure(LEAF, "the event is not the one that was hashed", log_index=index)
        path = [from_hex(one, "the inclusion path") for one in receipt["inclusion_path"]]
        if not verify_inclusion(leaf_hash(digest), index, head.size, path, head.root):
            raise Failure(LEAF, "the event is not in the log of the checkpoint at this place", log_index=index)
        require_version(event, "the event")
        self.passed(f"event {event.get('id')} is leaf {index} of {head.size}")
        self.report |= {"log_index": index, "content_hash": digest.hex(), "event_id": event.get("id")}
        self.compare(head, roots={})
        self.passed("its entry balances" if postings_of(event, index) else "it moves no money")
        self.require_time(head, event.get("recorded_at"))

    def log(self) -> None:
        self.read_log(self.options.file)

    def read_log(self, path: Path) -> tuple[Checkpoint, Books]:
        last = parse(last_line(path), "the last line")
        if isinstance(last, dict) and isinstance(last.get("checkpoint"), str):
            head = self.open(last["checkpoint"], "the export's checkpoint")
        elif self.other:
            head = self.other.pop(0)
        else:
            raise Failure(UNREADABLE, "the export does not end with a checkpoint (cut off?); give one: --checkpoint")
        self.describe(head)
        books, roots, own, newest = self.read_leaves(path, head)
        self.passed(f"{own} of {head.size} events are shown and are the ones that were sealed")
        if roots[head.size] != head.root:
            raise Failure(INCONSISTENT, "the leaves are not those of the checkpoint: its root is another one")
        self.passed("all leaf hashes together give the root of the checkpoint")
        self.compare(head, roots)
        partial = books.close()
        self.passed(f"{books.entries} entries balance, and the balances of their accounts follow from them")
        self.report["usage"] = books.prices.close()
        if self.report["usage"]:
            self.passed(f"{self.report['usage']} postings of usage cost what the price books say, and were charged so")
        self.report |= {"events": own, "entries": books.entries, "balances": books.balances(), "partial": partial}
        self.require_time(head, newest)
        return head, books

    def archive(self) -> None:
        root = self.options.file
        manifest = open_manifest(read_text(root / MANIFEST), self.keys)
        self.passed(f"the manifest is signed by {manifest.origin}")
        require_files(root, manifest.files)
        self.passed(f"{len(manifest.files)} files are the ones that were signed, and there is no other")
        notes = sorted(one for one in manifest.files if one.startswith("checkpoints/"))
        self.older += [self.open(read_text(root / one), one) for one in notes]
        head, books = self.read_log(root / "log.jsonl")
        if (head.origin, head.size, head.root) != (manifest.origin, manifest.size, manifest.root):
            raise Failure(INCONSISTENT, "the log does not stand at the checkpoint of the manifest")
        tables = Tables(root / "log.jsonl", books, manifest.since, manifest.until)
        for name, rows in (
            ("accounts.csv", tables.chart()),
            ("trial-balance-opening.csv", tables.balances(manifest.since)),
            ("trial-balance-closing.csv", tables.balances(manifest.until)),
            ("postings.csv", tables.postings()),
        ):
            self.passed(f"{name}: {require_table(root / name, rows)} rows follow from the log")

    def checkpoint(self) -> None:
        head = self.open(read_text(self.options.file), str(self.options.file))
        self.describe(head)
        self.compare(head, roots={})
        self.require_time(head)

    def read_leaves(self, path: Path, head: Checkpoint) -> tuple[Books, dict[int, bytes], int, str]:
        """Book the events of the export, and the roots at the sizes of all checkpoints at hand."""
        books, tree, own, newest = Books(), Tree(), 0, ""
        sizes = {one.size for one in (head, *self.older, *self.other)}
        roots = {0: EMPTY_ROOT}
        mismatches = []
        for line in leaf_lines(path):
            index = tree.size
            if line["log_index"] != index:
                raise Failure(LEAF, f"leaf {line['log_index']} stands where leaf {index} should", log_index=index)
            if index >= head.size:
                raise Failure(LEAF, f"the checkpoint covers {head.size} leaves only", log_index=index)
            leaf, event = from_hex(line["leaf_hash"], "leaf_hash"), line["event"]
            tree.add(leaf)
            if tree.size in sizes:
                roots[tree.size] = tree.root()
            if event is not None:
                own += 1
                digest = content_hash(event)
                if digest is None or leaf_hash(digest) != leaf:
                    mismatches.append(index)
                elif not mismatches:
                    require_version(event, f"event {index}")
                    books.take(event, index)
                    newest = max(newest, str(event.get("recorded_at")))
        if mismatches:
            shown = mismatches[:MAX_REPORTED]
            message = f"{len(mismatches)} events are not the ones that were sealed"
            raise Failure(LEAF, message, log_index=shown[0], log_indexes=shown)
        if tree.size < head.size:
            raise Failure(LEAF, f"missing: the checkpoint covers {head.size} leaves", log_index=tree.size)
        return books, roots, own, newest

    def attestation(self) -> None:
        payload, key = open_jws(read_text(self.options.file).strip(), self.keys)
        self.passed("the attestation is signed by a known key")
        stated = parse(payload, "the attestation")
        require_attestation(stated, payload)
        as_of = posix(stated["as_of"]) or 0.0
        if key.retired_at is not None and key.retired_at <= as_of:
            raise Failure(SIGNATURE, "the attestation was signed with a key after the key was retired")
        head = self.open(stated["checkpoint"]["note"], "the attestation's checkpoint")
        claimed = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        if claimed.items() - stated["checkpoint"].items():
            raise Failure(INCONSISTENT, "the attestation does not stand at the checkpoint that it shows")
        self.describe(head)
        self.compare(head, roots={})
        require_arithmetic(stated)
        self.passed("its figures follow from each other")
        self.report |= {"attestation": stated["id"], "coverage_ratio": stated["coverage_ratio"]}
        for path in self.options.account_proof:
            proof = parse(read(path), str(path))
            require_counted(proof, stated, hashlib.sha256(payload).hexdigest())
            self.passed(f"{proof['account']} is counted with {proof['balance']}")
        self.require_young(as_of)

    def require_young(self, as_of: float) -> None:
        if self.options.max_age is None:
            return
        age = int(self.options.now - as_of)
        if not -CLOCK_SKEW <= age <= self.options.max_age:
            raise Failure(STALE, f"the attestation is {age} seconds old", age=age)
        self.passed(f"the attestation is {age} seconds old")

    def compare(self, head: Checkpoint, roots: dict[int, bytes]) -> None:
        """The log must extend every older checkpoint at hand, and be extended by every newer one."""
        for one in self.older:
            if one.size > head.size:
                raise Failure(INCONSISTENT, f"cut back: you hold a checkpoint of {one.size} leaves, not {head.size}")
        for one in (*self.older, *self.other):
            if one.origin != head.origin:
                raise Failure(INCONSISTENT, f"a checkpoint of another log: {one.origin}, not {head.origin}")
            old, new = sorted((one, head), key=lambda checkpoint: checkpoint.size)
            if not self.extends(old, new, roots):
                raise Failure(INCONSISTENT, f"the log of {new.size} leaves does not extend the one of {old.size}")
            self.passed(f"consistent with the checkpoint of {one.size} leaves")

    def extends(self, old: Checkpoint, new: Checkpoint, roots: dict[int, bytes]) -> bool:
        if old.size == new.size or old.size == 0:
            return verify_consistency(old.size, old.root, new.size, new.root, [])
        if {old.size, new.size} <= roots.keys():
            return roots[old.size] == old.root and roots[new.size] == new.root
        paths = [path for sizes, path in self.proofs if sizes == (old.size, new.size)]
        if paths:
            return verify_consistency(old.size, old.root, new.size, new.root, paths[0])
        message = f"a consistency proof from {old.size} to {new.size} leaves is needed: --consistency FILE"
        # An export that ends before a checkpoint at hand may have been cut; that it was not has to be shown.
        raise Failure(INCONSISTENT if roots else UNREADABLE, message)

    def describe(self, head: Checkpoint) -> None:
        self.report |= {
            "origin": head.origin,
            "size": head.size,
            "root": head.root.hex(),
            "signed_by": sorted({one.name for one in head.signatures}),
            "time": head.time,
        }
        self.passed(f"checkpoint of {head.size} leaves, signed by {', '.join(self.report['signed_by'])}")

    def require_time(self, head: Checkpoint, recorded_at: str | None = None) -> None:
        """No key may have signed after it was retired, and the newest checkpoint at hand must be young enough."""
        own = [one.key for one in head.signatures if one.kind == ED25519 and one.name == head.origin]
        if all(key.retired_at is not None and key.retired_at <= self.last_use(key, head, recorded_at) for key in own):
            raise Failure(SIGNATURE, "the checkpoint was signed with a key after the key was retired")
        if self.options.max_age is None:
            return
        newest = max((one.time for one in (head, *self.other) if one.time is not None), default=None)
        if newest is None:
            raise Failure(STALE, "the checkpoint has no timestamped cosignature, so nothing shows its age")
        age = int(self.options.now - newest)
        if not -CLOCK_SKEW <= age <= self.options.max_age:
            raise Failure(STALE, f"the checkpoint is {age} seconds old", age=age)
        self.passed(f"the checkpoint is {age} seconds old")

    def last_use(self, key: Key, head: Checkpoint, recorded_at: str | None) -> float:
        """The latest moment before which the key cannot have signed: an event's, or the time that it has stated."""
        stated = [one.time for one in head.signatures if one.key == key and one.time is not None]
        return max([posix(recorded_at) or 0.0, *stated])


# ---------------------------------------------------------------- files and forms


def lines_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise Failure(UNREADABLE, f"{path}: {error.strerror}") from error


def read(path: Path) -> bytes:
    return b"".join(lines_of(path))


def read_text(path: Path) -> str:
    try:
        return read(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure(UNREADABLE, f"{path} is not UTF-8") from error


def last_line(path: Path) -> bytes:
    return next(iter(deque(lines_of(path), maxlen=1)), b"")


def leaf_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The leaves of an export, line by line, up to its checkpoint."""
    ended = False
    for number, raw in enumerate(lines_of(path), 1):
        what = f"line {number}"
        line = parse(raw, what)
        if ended:
            raise Failure(UNREADABLE, f"{what}: there is more behind the checkpoint")
        ended = isinstance(line, dict) and line.keys() == {"checkpoint"}
        if not ended:
            require_form(line, what, log_index=int, leaf_hash=str, event=dict | None)
            yield line


def require_form(document: Any, what: str, **fields: Any) -> None:
    for name, kind in fields.items():
        value = document.get(name, ...) if isinstance(document, dict) else ...
        if not isinstance(value, kind) or isinstance(value, bool):
            raise Failure(UNREADABLE, f"{what} does not have the documented form: {name}")


def require_version(document: dict[str, Any], what: str) -> None:
    version = document.get("version")
    if version != 1:
        raise Failure(UNREADABLE, f"{what} is of version {version!r}, which this verifier does not know")


def posix(moment: Any) -> float | None:
    """The POSIX time of an RFC 3339 text; None for no text."""
    if not moment:
        return None
    try:
        when = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        when = datetime.min
    if when.tzinfo is None:
        raise Failure(UNREADABLE, f"{moment!r} is not a time with its zone")
    return when.timestamp()


def from_hex(value: Any, what: str) -> bytes:
    if not isinstance(value, str) or not HEX.fullmatch(value):
        raise Failure(UNREADABLE, f"{what}: {value!r} is not a SHA-256 hash in lower-case hex")
    return bytes.fromhex(value)


def read_proof(path: Path) -> tuple[tuple[int, int], list[bytes]]:
    document = parse(read(path), str(path))
    require_form(document, str(path), old_size=int, new_size=int, path=list)
    return (document["old_size"], document["new_size"]), [from_hex(one, str(path)) for one in document["path"]]


# ---------------------------------------------------------------- the command line


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="ledger-verify", description=summary, epilog=details,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    for name, file, help_text in (
        ("receipt", "FILE", "one event, its place in the log, and the checkpoint over it"),
        ("log", "EXPORT.jsonl", "a tenant's whole log: every event, every balance"),
        ("checkpoint", "NOTE", "the head of the log"),
        ("attestation", "RESERVE.jws", "what is owed and what stands behind it"),
        ("archive", "DIRECTORY", "an unpacked audit archive: its files, its log, and the tables made of it"),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("file", metavar=file, type=Path)
        command.add_argument("--key", metavar="VKEY", action="append", default=[], help="name+id+key; may be repeated")
        command.add_argument("--jwks", metavar="FILE", type=Path, help="the ledger's keys, as it publishes them")
        command.add_argument("--checkpoint", metavar="NOTE", type=Path, action="append", default=[],
                             help="a checkpoint from elsewhere that must belong to the same log")  # fmt: skip
        command.add_argument("--prev-checkpoint", metavar="NOTE", type=Path, action="append", default=[],
                             help="a checkpoint saved earlier, which the log must extend")  # fmt: skip
        command.add_argument("--consistency", metavar="FILE", type=Path, action="append", default=[],
                             help='proof between two checkpoints: {"old_size", "new_size", "path"}')  # fmt: skip
        command.add_argument("--account-proof", metavar="FILE", type=Path, action="append", default=[],
                             help="with an attestation: the proof that your account is counted")  # fmt: skip
        command.add_argument("--max-age", metavar="SECONDS", type=int, help="how old the checkpoint may be")
        command.add_argument("--now", metavar="SECONDS", type=int, default=int(time.time()),
                             help="judge the age as of this POSIX time instead of now")  # fmt: skip
        command.add_argument("--json", action="store_true", help="report as JSON, with the balances of a log")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    verification = Verification(options)
    outcome: dict[str, Any] = {"ok": True, "exit_code": 0}
    try:
        verification.run()
    except Failure as error:
        failure = {"kind": KINDS[error.code], "message": str(error), **error.facts}
        outcome = {"ok": False, "exit_code": error.code, "failure": failure}
    print_report({**outcome, **verification.report}, as_json=options.json)
    return int(outcome["exit_code"])


def print_report(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, indent=2, ensure_ascii=True))
        return
    for check in report["checks"]:
        print(f"ok    {check}")
    for account in report.get("partial", []):
        print(f"note  {account}: its opening is not in the export, so only the order of its postings was checked")
    if not report["ok"]:
        failure = report["failure"]
        place = f" at log index {failure['log_index']}" if "log_index" in failure else ""
        print(f"FAIL  {failure['kind']}{place}: {failure['message']}", file=sys.stderr)


def run() -> NoReturn:
    sys.exit(main())


if __name__ == "__main__":
    run()
