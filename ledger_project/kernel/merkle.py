"""The RFC 6962 Merkle tree over the sealed log: append, root, proofs, and their verification.

The tree is never held as a whole. What is stored is the hash of every complete subtree, under its coordinates
`(level, index)`: level 0 are the leaf hashes, and the node at (level, index) covers the 2**level leaves from
index * 2**level. Such a hash never changes once it is written, so a table of them is append-only. Root and proofs are
folded from O(log n) of them; `peaks`, `inclusion_nodes` and `consistency_nodes` name those beforehand, so that a caller
whose nodes are in a database reads them in one query.

An index or size on its own proves nothing: always verify against the size *and* root of one signed checkpoint.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256().digest()

Coordinates = tuple[int, int]
# The level, index and hash of one complete subtree: a row to store.
Node = tuple[int, int, bytes]


class Nodes(Protocol):
    """The stored hashes by coordinates; a plain dict will do."""

    def __getitem__(self, coordinates: Coordinates, /) -> bytes: ...


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root computed from all the leaves: the slow truth that the stored nodes are held against."""
    hashes = list(leaf_hashes)
    if not hashes:
        return EMPTY_ROOT
    while len(hashes) > 1:
        # An odd last hash rises unchanged, which gives the same tree as RFC 6962's split at the largest power of two.
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=False)] + odd
    return hashes[0]


def append(size: int, leaf_hashes: Sequence[bytes], nodes: Nodes) -> list[Node]:
    """The rows that `leaf_hashes` add to a tree of `size` leaves, level by level; reads only from `peaks(size)`."""
    rows: list[Node] = []
    level, start, hashes = 0, size, list(leaf_hashes)
    while hashes:
        rows.extend((level, index, value) for index, value in enumerate(hashes, start))
        if start % 2:
            # The left sibling was completed by an earlier append.
            start -= 1
            hashes.insert(0, nodes[level, start])
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=False)]
        level, start = level + 1, start // 2
    return rows


def root(size: int, nodes: Nodes) -> bytes:
    """The root of the first `size` leaves, folded from `peaks(size)`."""
    return _fold(0, size, nodes) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves (RFC 6962 2.1.1), from the leaf upwards."""
    return [_fold(begin, end, nodes) for begin, end in _inclusion_ranges(index, size)]


def consistency_path(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """The proof that the tree of `old` leaves is a prefix of the tree of `new` (RFC 6962 2.1.2)."""
    return [_fold(begin, end, nodes) for begin, end in _consistency_ranges(old, new)]


def peaks(size: int) -> list[Coordinates]:
    """The complete subtrees that make up a tree of `size` leaves, left to right: all that append and root read."""
    return _subtrees(0, size)


def inclusion_nodes(index: int, size: int) -> list[Coordinates]:
    return [node for begin, end in _inclusion_ranges(index, size) for node in _subtrees(begin, end)]


def consistency_nodes(old: int, new: int) -> list[Coordinates]:
    return [node for begin, end in _consistency_ranges(old, new) for node in _subtrees(begin, end)]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether the leaf hash stands at `index` of the tree with this size and root (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position % 2 or position == last:
            value = node_hash(sibling, value)
            while not position % 2 and position:
                position, last = position >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and value == expected_root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the tree (new, new_root) only added leaves to the tree (old, old_root) (RFC 9162 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        # Every tree extends the empty one; there is nothing to prove.
        return not path and old_root == EMPTY_ROOT
    steps = list(path)
    if old & (old - 1) == 0:
        # The old tree is one complete subtree, so its root is a node of the new one and the proof leaves it out.
        steps.insert(0, old_root)
    if not steps:
        return False
    position, last = old - 1, new - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    old_value = new_value = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            old_value = node_hash(sibling, old_value)
            new_value = node_hash(sibling, new_value)
            while not position % 2 and position:
                position, last = position >> 1, last >> 1
        else:
            new_value = node_hash(new_value, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_value == old_root and new_value == new_root


def _subtrees(begin: int, end: int) -> list[Coordinates]:
    """The fewest complete subtrees that cover the leaves [begin, end), left to right.

    `begin` is a multiple of a power of two at least as large as the range, as it is for every subtree of the tree.
    """
    subtrees: list[Coordinates] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        subtrees.append((level, begin >> level))
        begin += 1 << level
    return subtrees


def _fold(begin: int, end: int, nodes: Nodes) -> bytes:
    *rest, last = _subtrees(begin, end)
    value = nodes[last]
    for coordinates in reversed(rest):
        value = node_hash(nodes[coordinates], value)
    return value


def _split(begin: int, end: int) -> int:
    """Where RFC 6962 divides a tree: after the largest power of two smaller than its number of leaves."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    ranges: list[tuple[int, int]] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = _split(begin, end)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ranges[::-1]


def _consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is no prefix of one of {new}")
    if old == 0:
        return []
    ranges: list[tuple[int, int]] = []
    begin, end = 0, new
    while old != end:
        middle = _split(begin, end)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    if begin:
        # The old tree's last subtree is not the old tree itself, so the verifier cannot know its hash.
        ranges.append((begin, end))
    return ranges[::-1]
