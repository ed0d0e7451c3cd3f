"""Entries as the executor sees them: new ones with their lines, and stored ones that a command refers to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts, Bucket, look_up
from ledger_project.kernel.canonical import plain
from ledger_project.log.caller import Caller
from ledger_project.log.documents import BUCKET_LABELS, entry_document, load_json, posting_document
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants


class Line:
    """A posting; `amount` is signed, positive = debit, `after` the bucket's balance in its normal direction."""

    __slots__ = ("account", "after", "amount", "bucket", "stripe", "version")

    def __init__(
        self, account: AccountFacts, stripe: int, bucket: Bucket, amount: int, after: int, version: int
    ) -> None:
        self.account = account
        self.stripe = stripe
        self.bucket = bucket
        self.amount = amount
        self.after = after
        self.version = version

    @property
    def value(self) -> int:
        """The posting's effect on what the account owns, in its normal direction."""
        return self.amount * self.account.sign

    def document(self) -> dict[str, Any]:
        return posting_document(
            self.account.ref,
            self.stripe,
            BUCKET_LABELS[self.bucket],
            self.amount,
            self.account.currency,
            self.after,
            self.version,
        )


class EntryRow(Row):
    """An entry with its lines."""

    __slots__ = (
        "description",
        "effective_at",
        "id",
        "kind",
        "lines",
        "metadata",
        "references",
        "reversed_by",
        "reverses",
    )

    def __init__(
        self,
        id: UUID,
        kind: str,
        effective_at: datetime,
        lines: list[Line],
        *,
        description: str = "",
        references: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
        reverses: UUID | None = None,
    ) -> None:
        self.id = id
        self.kind = kind
        self.effective_at = effective_at
        self.lines = lines
        self.description = description
        self.references = references or {}
        self.metadata = metadata or {}
        self.reverses = reverses
        self.reversed_by: UUID | None = None
        self.new = self.changed = False

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "EntryRow":
        row = EntryRow(
            self.id,
            self.kind,
            self.effective_at,
            self.lines,
            description=self.description,
            references=self.references,
            metadata=self.metadata,
            reverses=self.reverses,
        )
        row.reversed_by, row.new, row.changed = self.reversed_by, self.new, self.changed
        return row

    def belongs_to(self, caller: Caller) -> bool:
        return any(line.account.id == caller.account for line in self.lines)

    def document(self) -> dict[str, Any]:
        return entry_document(
            kind=self.kind,
            effective_at=self.effective_at,
            description=self.description,
            references=self.references,
            metadata=self.metadata,
            postings=[line.document() for line in self.lines],
        )


class EntryStore(Store):
    """Stored entries are read before any lock, because they never change; only whether one was reversed does."""

    rank = LockOrder.ENTRY
    row = EntryRow
    kinds = frozenset({"entry"})
    in_parts = True

    def prepare(self, wants: Wants, look: Look) -> None:
        """Read the wanted entries, and want their accounts."""
        keys = list(wants.refs.get("entry", ()))
        if not keys:
            return
        legs = look(_STORED_POSTINGS, (wants.tenant, keys))
        facts = look_up(wants.tenant, {leg[1] for leg in legs}, look, remember=wants.committed)
        lines: dict[UUID, list[Line]] = {}
        for entry_id, account, stripe, bucket, amount, after, version in legs:
            line = Line(facts[account], stripe, Bucket(bucket), amount, after, version)
            lines.setdefault(entry_id, []).append(line)
            wants.add("account", account)
            if bucket == Bucket.FEE_POOL and facts[account].unbounded:
                wants.add("whole_account", account)  # what is taken back may be in any stripe
        for entry_id, kind, effective_at, description, references, metadata, reverses in look(
            _STORED_ENTRIES, (wants.tenant, keys)
        ):
            wants.facts[EntryRow, entry_id] = EntryRow(
                entry_id,
                kind,
                effective_at,
                lines[entry_id],
                description=description,
                references=load_json(references),
                metadata=load_json(metadata),
                reverses=reverses,
            )

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("entry")
        if not keys:
            return None
        return "SELECT reverses_id, id FROM journal_entry WHERE reverses_id = ANY(%s::uuid[])", (list(keys),)

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        reversals: dict[UUID, UUID] = {record[0]: record[1] for record in records}
        for key in wants.refs.get("entry", ()):
            entry = wants.facts.get((EntryRow, key))
            if entry is not None:
                entry.reversed_by = reversals.get(key)
                batch.load(entry)

    def writing(self, rows: list[EntryRow], tenant: int, now: datetime) -> Iterable[Query]:
        entries = [row for row in rows if row.new]
        lines = [(entry, seq, line) for entry in entries for seq, line in enumerate(entry.lines)]
        yield (
            "INSERT INTO journal_entry"
            ' (id, tenant_id, kind, effective_at, description, "references", metadata, reverses_id)'
            ' SELECT id, %s, kind, at, description, "references"::jsonb, metadata::jsonb, reverses'
            " FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::uuid[])"
            ' AS new (id, kind, at, description, "references", metadata, reverses)',
            (
                tenant,
                [entry.id for entry in entries],
                [entry.kind for entry in entries],
                [entry.effective_at for entry in entries],
                [entry.description for entry in entries],
                [plain(entry.references) for entry in entries],
                [plain(entry.metadata) for entry in entries],
                [entry.reverses for entry in entries],
            ),
        )
        yield (
            "INSERT INTO journal_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)"
            " SELECT * FROM unnest(%s::uuid[], %s::smallint[], %s::uuid[], %s::smallint[], %s::smallint[],"
            " %s::numeric[], %s::numeric[], %s::bigint[])",
            (
                [entry.id for entry, _, _ in lines],
                [seq for _, seq, _ in lines],
                [line.account.id for _, _, line in lines],
                [line.stripe for _, _, line in lines],
                [int(line.bucket) for _, _, line in lines],
                [line.amount for _, _, line in lines],
                [line.after for _, _, line in lines],
                [line.version for _, _, line in lines],
            ),
        )


_STORED_ENTRIES = """
SELECT id, kind, effective_at, description, "references", metadata, reverses_id
  FROM journal_entry WHERE tenant_id = %s AND id = ANY(%s::uuid[])
"""
_STORED_POSTINGS = """
SELECT posting.entry_id, account_id, stripe, bucket, amount, balance_after, version
  FROM journal_posting AS posting JOIN journal_entry AS entry ON entry.id = posting.entry_id
 WHERE entry.tenant_id = %s AND posting.entry_id = ANY(%s::uuid[])
 ORDER BY posting.entry_id, seq
"""
