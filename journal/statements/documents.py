"""What a statement says besides its lines, as it is hashed, shown, and kept by the event that issued it."""

from datetime import datetime
from typing import Any

from accounts.rows import BUCKETS, AccountFacts, Bucket
from ledger_project.kernel import clock
from ledger_project.kernel.canonical import content_hash

VERSION = 1


def posted_of(buckets: list[int]) -> int:
    """What is the account's own: what it drew on its credit line is not."""
    return sum(buckets) - 2 * buckets[Bucket.CREDIT_USED]


def balances(buckets: list[int]) -> dict[str, str]:
    return {name: str(buckets[bucket]) for name, bucket in BUCKETS.items()} | {"posted": str(posted_of(buckets))}


def head_of(
    account: AccountFacts, since: datetime | None, until: datetime | None, opening: list[int]
) -> dict[str, Any]:
    facts = account.document()
    return {
        "version": VERSION,
        "account": account.ref,
        **{name: facts[name] for name in ("name", "type", "normal_balance", "currency", "scale")},
        "period": {"from": since and clock.stamp(since), "to": until and clock.stamp(until)},
        "opening": balances(opening),
    }


def foot_of(
    head: dict[str, Any],
    closing: list[int],
    totals: tuple[int, int],
    count: int,
    lines_hash: bytes,
    log: tuple[int, int],
    root: bytes | None,
) -> dict[str, Any]:
    """What is known after the lines. `hash` is of head and foot, in which `lines_hash` stands for the lines."""
    foot = {
        "closing": balances(closing),
        "total_in": str(totals[0]),
        "total_out": str(totals[1]),
        "count": count,
        "lines_hash": lines_hash.hex(),
        "log": {"from": log[0], "to": log[1], "root": root and root.hex()},
    }
    return foot | {"hash": content_hash(head | foot).hex()}
