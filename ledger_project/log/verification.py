"""Verification: is the stored log still the one that was sealed? The nightly check, and `manage.py verify_log`.

Everything is computed anew from the events' own rows: their hashes, every subtree, the root under every checkpoint ever
signed. What this database says about itself is then held against what it cannot know: the signing key, and
checkpoints that were saved elsewhere. Nothing is repaired.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings

from ledger_project.kernel import ids, merkle
from ledger_project.kernel.notes import MalformedNote, UnverifiedNote
from ledger_project.log import sealing, signing, tolerant_read, tree
from ledger_project.log.executor import look
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.sinks import AnchorFailed, sinks
from ledger_project.log.tree import Growing

BATCH = 2000
LIMIT = 1000  # problems that are listed; `count` has them all


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was sealed. `kind` is one of the keys of KINDS.

    `about` says what is wrong: an `event` is not what was posted, the `tree` is not that of the events or not the one
    that was signed, or a `checkpoint` contradicts it. `tenant` is whose event it is.
    """

    kind: str
    message: str
    log_index: int | None = None
    event: str | None = None
    tenant: int | None = None
    about: str = "checkpoint"


# In the order of how much they say, with the exit codes of the offline verifier.
KINDS = {
    "signature": 10,  # a checkpoint that is not signed by the log's key
    "inconsistent": 11,  # a checkpoint, here or saved elsewhere, that is not one of this log: rewritten or cut back
    "leaf_mismatch": 12,  # an event that is not the one that was sealed, is gone, or has no leaf
    "subtree_mismatch": 11,  # a stored subtree hash that is not that of its leaves
    "unreadable": 2,  # an anchor that cannot be read back, or a key that is not there
}


@dataclass
class Report:
    """What a run looked at and what it found."""

    size: int = 0
    checkpoints: int = 0
    saved: int = 0
    count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(
        self,
        kind: str,
        message: str,
        *,
        log_index: int | None = None,
        event: UUID | None = None,
        tenant: int | None = None,
        about: str | None = None,
    ) -> None:
        self.count += 1
        if len(self.problems) < LIMIT:
            shown = ids.show("evt", event) if event else None
            about = about or ("tree" if kind in {"leaf_mismatch", "subtree_mismatch"} else "checkpoint")
            self.problems.append(Problem(kind, message, log_index, shown, tenant, about))

    @property
    def exit_code(self) -> int:
        """0, or the code of the first problem; a leaf that is not the sealed one explains the wrong roots above it."""
        kinds = {problem.kind for problem in self.problems}
        for kind in ("leaf_mismatch", "signature", "inconsistent", "subtree_mismatch", "unreadable"):
            if kind in kinds:
                return KINDS[kind]
        return 0


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is kept out of the database's reach: signed notes, each with the name of its place; what cannot be read."""

    notes: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def verify(
    saved: Iterable[str] = (), *, elsewhere: Elsewhere | None = None, tenants: Collection[int] | None = None
) -> Report:
    """Check the whole log against itself, its anchors, and the signed notes in `saved`.

    `elsewhere` is what `read_anchors` said, for who reads the log in a snapshot that begins later; `tenants` are those
    whose events are read again, in place of all.
    """
    report = Report()
    # Read first, so that whatever an anchor holds the log must hold as well.
    elsewhere = elsewhere or read_anchors()
    for failure in elsewhere.unreadable:
        report.add("unreadable", failure)
    _Verification(report, tenants).run([*elsewhere.notes, *(("a saved checkpoint", note) for note in saved)])
    return report


def read_anchors() -> Elsewhere:
    """Every checkpoint that can be read back from an anchor, and whose log it is of."""
    found = Elsewhere()
    for sink in sinks():
        try:
            for note in sink.kept():
                if note.startswith(f"{settings.LOG_ORIGIN}\n"):
                    found.notes.append((sink.name, note))
        except AnchorFailed as failure:
            found.unreadable.append(f"{sink.name}: {failure}")
    return found


@dataclass(frozen=True, slots=True)
class _Claim:
    """That the first `size` leaves have this root."""

    what: str
    size: int
    root: bytes


class _Verification:
    """One run. The leaves pass by once, in order; claims about the tree wait until it has their size."""

    def __init__(self, report: Report, tenants: Collection[int] | None = None) -> None:
        self.report = report
        # Whoever exists and is not asked about. A leaf of nobody is everybody's.
        self.others = set() if tenants is None else {key for (key,) in look(_TENANTS, ())} - set(tenants)
        self.tree = Growing(0, {})
        self.head = sealing.newest()
        self.claims: list[_Claim] = []  # what was saved elsewhere, the smallest last
        self.signed = self._checkpoints()
        self.next: _Claim | None = None
        self.subtrees = 0  # that were compared
        self.broken = False  # one wrong root is told, not the thousand that follow from it

    def run(self, elsewhere: Iterable[tuple[str, str]]) -> None:
        keys = signing.public_keys()
        for what, note in elsewhere:
            self.report.saved += 1
            if claim := self._open(what, note, keys):
                self.claims.append(claim)
        self.claims.sort(key=lambda claim: claim.size, reverse=True)
        self.next = next(self.signed, None)
        self._settle()
        for rows in self._leaves():
            self._compare_events(rows)
            self._grow([bytes(leaf_hash) for *_, leaf_hash in rows])
        self.report.size = self.tree.size
        self._refuse_the_rest()
        self._find_unsealed()

    def _leaves(self) -> Iterator[list[Any]]:
        """The leaves in batches, up to those that the newest checkpoint covers, as long as none is missing."""
        size = self.head.size if self.head else 0
        for start in range(0, size, BATCH):
            end = min(start + BATCH, size)
            rows = look(_LEAVES, (start, end))
            whole = [row for place, row in enumerate(rows, start) if row[0] == place]
            if whole:
                yield whole
            if len(whole) < end - start:
                if look(_ANY_BEYOND, (start + len(whole),)):
                    missing = start + len(whole)
                    self.report.add("leaf_mismatch", "the leaf is missing", log_index=missing)
                return

    def _compare_events(self, rows: Sequence[Any]) -> None:
        rows = [row for row in rows if row[1] not in self.others]
        found = tolerant_read.read([event for _, _, event, _ in rows], look)
        for index, tenant, event, leaf_hash in rows:
            document, posted = found.get(event, ({}, b""))
            wrong, about = None, "tree"
            if not document:
                wrong = "the event is gone"
            elif not sealing.is_as_posted(document, posted):
                wrong, about = "the event is not the one that was sealed", "event"
            elif merkle.leaf_hash(posted) != bytes(leaf_hash):
                wrong = "the leaf is not that of its event"
            elif document["tenant"] != f"ten_{tenant}":
                wrong, tenant = "the leaf is another tenant's", int(document["tenant"][4:])
            if wrong:
                self.report.add("leaf_mismatch", wrong, log_index=index, event=event, tenant=tenant, about=about)

    def _grow(self, hashes: list[bytes]) -> None:
        """Add leaves, stopping at every size that something is claimed about."""
        while hashes:
            claimed = [claim.size for claim in (self.next, *self.claims[-1:]) if claim]
            step = min([len(hashes), *(size - self.tree.size for size in claimed if size > self.tree.size)])
            self._compare_subtrees(self.tree.append(hashes[:step]))
            hashes = hashes[step:]
            self._settle()

    def _compare_subtrees(self, nodes: Sequence[merkle.Node]) -> None:
        if not nodes:
            return
        self.subtrees += len(nodes)
        stored = tree.stored([(level, index) for level, index, _ in nodes], look)
        for level, index, value in nodes:
            if stored.get((level, index)) != value:
                message = f"the stored hash of subtree {level}/{index} is not that of its leaves"
                self.report.add("subtree_mismatch", message, log_index=index << level)

    def _settle(self) -> None:
        """Judge the claims about the tree as it is now."""
        while self.claims and self.claims[-1].size <= self.tree.size:
            self._judge(self.claims.pop())
        while self.next and self.next.size <= self.tree.size:
            self._judge(self.next)
            self.next = next(self.signed, None)

    def _judge(self, claim: _Claim) -> None:
        if claim.size == self.tree.size and claim.root == self.tree.root():
            return
        if claim.what != STORED or not self.broken:
            message = f"{claim.what}: the first {claim.size} leaves are not those that were signed"
            self.report.add("inconsistent", message, about=_about(claim))
        self.broken |= claim.what == STORED

    def _refuse_the_rest(self) -> None:
        """What is claimed about more leaves than there are: the log was cut back."""
        rest = [*self.claims, *([self.next] if self.next else [])]
        for claim in rest:
            message = f"{claim.what} covers {claim.size} leaves; there are {self.tree.size}"
            self.report.add("inconsistent", message, about=_about(claim))
        ((leaves, signed),) = look(_ENDS, ())
        if leaves != signed:
            message = f"there are {leaves} leaves and the newest checkpoint covers {signed}"
            self.report.add("inconsistent", message, about="tree")
        ((within, beyond),) = look(_SUBTREES, (self.tree.size,))
        if beyond or within > self.subtrees:
            message = f"there are {within - self.subtrees + beyond} stored subtrees that are none of this log"
            self.report.add("subtree_mismatch", message)

    def _checkpoints(self) -> Iterator[_Claim]:
        """Every checkpoint that was ever signed, in order."""
        published = signing.public_keys()
        for rows in _in_batches(_CHECKPOINTS, self.head.pk if self.head else 0):
            for pk, size, root, note in rows:
                newest = self.head is not None and pk == self.head.pk
                self.report.checkpoints += 1
                claim = self._open(STORED, note, self._configured() if newest else published)
                if claim and (claim.size, claim.root) != (size, bytes(root)):
                    self.report.add("inconsistent", f"checkpoint {pk}: its note is about another tree than its row")
                if claim:
                    yield claim

    def _open(self, what: str, note: str, keys: Sequence[bytes]) -> _Claim | None:
        try:
            checkpoint = signing.open_note(note, keys)
        except (MalformedNote, UnverifiedNote) as error:
            self.report.add("signature", f"{what}: {error}")
            return None
        return _Claim(what, checkpoint.size, checkpoint.root)

    def _configured(self) -> Sequence[bytes]:
        """The key that this process was given: whoever rules the database can write others there."""
        try:
            return [signing.signer().verifier.public_key]
        except NoSigningKey as missing:
            self.report.add("unreadable", str(missing))
            return signing.public_keys()

    def _find_unsealed(self) -> None:
        """Events that the newest checkpoint claims to cover, and that have no leaf: put there later, or unsealable."""
        if self.head is not None:
            for event, tenant in look(_UNSEALED, (self.head.snapshot, LIMIT)):
                message = "the event is older than the checkpoint and has no leaf"
                self.report.add("leaf_mismatch", message, event=event, tenant=tenant)


STORED = "a checkpoint of this log"


def _about(claim: _Claim) -> str:
    """What a root that is not the tree's speaks against: one that was signed here, against the tree."""
    return "tree" if claim.what == STORED else "checkpoint"


_TENANTS = "SELECT id FROM accounts_tenant"
_LEAVES = """
SELECT log_index, tenant_id, event_id, leaf_hash FROM log_leaf
 WHERE log_index >= %s AND log_index < %s ORDER BY log_index
"""
_ANY_BEYOND = "SELECT log_index FROM log_leaf WHERE log_index > %s LIMIT 1"
_CHECKPOINTS = "SELECT id, size, root, note FROM log_checkpoint WHERE id > %s AND id <= %s ORDER BY id LIMIT %s"
# A transaction id of the future is one of another server, from whose dump the rows came.
_UNSEALED = """
SELECT event.id, event.tenant_id FROM log_event AS event
 WHERE (pg_visible_in_snapshot(event.insert_xid, %s::pg_snapshot)
        OR event.insert_xid >= pg_snapshot_xmax(pg_current_snapshot()))
   AND NOT EXISTS (SELECT FROM log_leaf AS leaf WHERE leaf.event_id = event.id)
 ORDER BY event.id LIMIT %s
"""
_ENDS = """
SELECT coalesce((SELECT max(log_index) + 1 FROM log_leaf), 0),
       coalesce((SELECT size FROM log_checkpoint ORDER BY id DESC LIMIT 1), 0)
"""

# What lies beyond the newest checkpoint would be in the sealer's way; both are written by one transaction.
_SUBTREES = """
SELECT count(*) FILTER (WHERE (index + 1) << level <= %s),
       count(*) FILTER (WHERE (index + 1) << level
                              > coalesce((SELECT size FROM log_checkpoint ORDER BY id DESC LIMIT 1), 0))
  FROM log_node
"""


def _in_batches(sql: str, last: int) -> Iterator[list[Any]]:
    seen = 0
    while rows := look(sql, (seen, last, BATCH)):
        yield rows
        seen = rows[-1][0]
