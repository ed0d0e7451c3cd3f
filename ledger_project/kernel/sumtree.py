"""The Merkle sum tree of a proof of liabilities: each holder can check that the published total counts their balance.

A leaf commits to one account and what it is owed; a node carries the sum of its children and hashes *both* their sums.
(The naive tree hashes only the total, and with it a custodian can show everyone a valid proof and count one account:
eprint.iacr.org/2018/1139.) Sums cannot be negative, so nobody's claim can be cancelled against a made-up debt.

- One tree per currency; `scope` in the leaf ties it to that currency and attestation, so a proof fits no other tree.
- The salt hides a balance from those who see the leaf's digest in their own path and would guess. What a path does show
  is the sums beside it, the nearest of which may be one other account's balance; the leaves are ordered by digest, so
  it does not show whose. Zero-knowledge range proofs would hide those too and are out of scope.
- Sums are 32 bytes, big endian: 38-digit amounts of any number of accounts cannot overflow them.

What no tree can show: that every holder has looked. An omitted account is found by its own holder only.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

SUM_BYTES = 32
SALT_BYTES = 32

_LEAF = b"ledger/sumtree/v1/leaf\x00"
_NODE = b"ledger/sumtree/v1/node\x01"
_SALT = b"ledger/sumtree/v1/salt\x02"


class SumNode(NamedTuple):
    """The digest of a subtree and the sum of everything below it."""

    digest: bytes
    total: int


EMPTY = SumNode(hashlib.sha256(b"ledger/sumtree/v1/none\x03").digest(), 0)


class SumTree:
    """The whole tree over the leaves of one currency, kept in memory while proofs are handed out.

    The leaves are sorted by digest, so the same accounts give the same tree in whatever order they were read.
    """

    def __init__(self, leaves: Iterable[SumNode]) -> None:
        level = sorted(leaves)
        if any(one.digest == next_one.digest for one, next_one in pairwise(level)):
            # Two holders who are shown the same leaf would be counted once.
            raise ValueError("two leaves are the same")
        self._levels = [level]
        while len(level) > 1:
            # An odd last node rises unchanged, so the shape is that of RFC 6962.
            odd = level[-1:] if len(level) % 2 else []
            level = [node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
            self._levels.append(level)
        self._index = {one.digest: place for place, one in enumerate(self._levels[0])}

    @property
    def size(self) -> int:
        return len(self._levels[0])

    @property
    def root(self) -> SumNode:
        return self._levels[-1][0] if self.size else EMPTY

    def index(self, leaf: SumNode) -> int:
        """Where the leaf stands; KeyError if it is not in the tree."""
        return self._index[leaf.digest]

    def path(self, index: int) -> list[SumNode]:
        """The siblings of leaf `index`, from the leaf upwards."""
        if not 0 <= index < self.size:
            raise ValueError(f"there is no leaf {index} in a tree of {self.size}")
        siblings: list[SumNode] = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                siblings.append(level[sibling])
            index >>= 1
        return siblings


def leaf(*, scope: str, account: str, balance: int, salt: bytes) -> SumNode:
    """The leaf of one account: `balance` in minor units is what it is owed, and zero may be."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return SumNode(_hash(_LEAF, salt, _sized(scope), _sized(account), _fixed(balance)), balance)


def node(left: SumNode, right: SumNode) -> SumNode:
    digest = _hash(_NODE, left.digest, _fixed(left.total), right.digest, _fixed(right.total))
    return SumNode(digest, left.total + right.total)


def derive_salt(secret: bytes, *, scope: str, account: str) -> bytes:
    """The account's salt in this scope: secret to all but its holder, and the same whenever the tree is rebuilt."""
    return hmac.digest(secret, _SALT + _sized(scope) + _sized(account), "sha256")


def verify(one_leaf: SumNode, index: int, size: int, path: Sequence[SumNode], root: SumNode) -> bool:
    """Whether the leaf is counted in the tree with this size, root digest and total.

    The verifier must make the leaf themselves, from their own account, balance and salt.
    """
    if not 0 <= index < size:
        return False
    position, last, value = index, size - 1, one_leaf
    steps = iter(path)
    try:
        while last:
            # The last node of an odd level has no sibling and rises unchanged.
            if position % 2:
                value = node(next(steps), value)
            elif position < last:
                value = node(value, next(steps))
            position, last = position >> 1, last >> 1
        _fixed(value.total)
    except (StopIteration, ValueError):
        return False
    return next(steps, None) is None and value == root


def _fixed(total: int) -> bytes:
    if not 0 <= total < 1 << (8 * SUM_BYTES):
        raise ValueError(f"{total} is not a sum: it is negative or has more than {SUM_BYTES} bytes")
    return total.to_bytes(SUM_BYTES, "big")


def _sized(text: str) -> bytes:
    """The text behind its length, so that where one field ends and the next begins is part of what is hashed."""
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
