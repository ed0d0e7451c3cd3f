"""The Merkle tree of the sealed log in its rows.

A leaf's hash stands in its `Leaf`. Of the subtrees only those of 2**STORED leaves and more are kept as `Node` rows; a
smaller one is folded from its leaves, at most 255 of them on each side of a proof, when it is asked for. So a proof
reads O(log n) rows and two short ranges, and a leaf costs half a percent of a row instead of one.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from ledger_project.kernel import merkle
from ledger_project.kernel.merkle import Coordinates, Node
from ledger_project.log.unit import Look

STORED = 8
Nodes = dict[Coordinates, bytes]


class LogAltered(Exception):
    """The stored log is not the one that was sealed."""

    finding = "log_altered"


class LogCutBack(LogAltered):
    """A checkpoint of this log that was kept elsewhere covers more than is stored: restored, or shortened."""

    finding = "cut_back"


class LogForked(LogAltered):
    """A checkpoint of this log that was kept elsewhere is of other leaves: rewritten, or two have gone on from one."""

    finding = "forked"


def read(coordinates: Iterable[Coordinates], look: Look) -> Nodes:
    """The hashes of these subtrees. Raises LogAltered where one is not complete."""
    wanted = set(coordinates)
    high = [one for one in wanted if one[0] >= STORED]
    low = sorted(one for one in wanted if one[0] < STORED)
    nodes: Nodes = {}
    if high:
        nodes |= stored(high, look)
    if low:
        firsts = [index << level for level, index in low]
        lasts = [((index + 1) << level) - 1 for level, index in low]
        rows = look(_LEAVES, (firsts, lasts))
        leaves = (bytes(value) for (value,) in rows)
        for level, index in low:
            hashes = list(islice(leaves, 1 << level))
            if len(hashes) == 1 << level:
                nodes[level, index] = merkle.root_of(hashes)
        if len(rows) != sum(1 << level for level, _ in low):
            raise LogAltered("a leaf is missing")
    if missing := wanted - nodes.keys():
        raise LogAltered(f"the hash of subtree {min(missing)} is missing")
    return nodes


def stored(coordinates: Sequence[Coordinates], look: Look) -> Nodes:
    """Those of the subtrees that have a row."""
    rows = look(_NODES, ([level for level, _ in coordinates], [index for _, index in coordinates]))
    return {(level, index): bytes(value) for level, index, value in rows}


_NODES = """
SELECT node.level, node.index, node.hash
  FROM unnest(%s::smallint[], %s::bigint[]) AS wanted (level, index) JOIN log_node AS node USING (level, index)
"""
_LEAVES = """
SELECT leaf.leaf_hash
  FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS wanted (first, last, place)
  JOIN log_leaf AS leaf ON leaf.log_index BETWEEN wanted.first AND wanted.last
 ORDER BY wanted.place, leaf.log_index
"""


def root(size: int, look: Look) -> bytes:
    """The root of the first `size` leaves."""
    return merkle.root(size, read(merkle.peaks(size), look))


def inclusion_path(index: int, size: int, look: Look) -> list[bytes]:
    return merkle.inclusion_path(index, size, read(merkle.inclusion_nodes(index, size), look))


def consistency_path(old: int, new: int, look: Look) -> list[bytes]:
    return merkle.consistency_path(old, new, read(merkle.consistency_nodes(old, new), look))


class Growing:
    """A tree at work: appended to, and holding no more than its right edge."""

    def __init__(self, size: int, nodes: Nodes) -> None:
        self.size = size
        self._nodes = nodes

    def append(self, leaves: Sequence[bytes]) -> list[Node]:
        """Add leaves; the subtrees that this completed, and that get a row."""
        rows = merkle.append(self.size, leaves, self._nodes)
        self.size += len(leaves)
        self._nodes |= {(level, index): value for level, index, value in rows}
        self._nodes = {one: self._nodes[one] for one in merkle.peaks(self.size)}
        return [row for row in rows if row[0] >= STORED]

    def root(self) -> bytes:
        return merkle.root(self.size, self._nodes)
