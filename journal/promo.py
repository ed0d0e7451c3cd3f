"""Promotional money as the executor sees it: the grants behind an account's `promo` bucket.

The bucket is the sum of what its grants have left. Spending and burning take the grant that expires first; an expired
grant is not spendable from its moment on, whether or not it was swept yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountRow, account_key
from ledger_project.kernel import clock, ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Unit, Wants

GRANTS_SEEN = 500  # of one account by one command, those that expire first
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Grant:
    """Promotional money that was given at once, and what became of it."""

    id: UUID
    amount: int
    spent: int
    burned: int
    expires_at: datetime | None
    new: bool = False
    changed: bool = False

    @property
    def left(self) -> int:
        return self.amount - self.spent - self.burned

    def expired(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    def document(self, account: UUID) -> dict[str, Any]:
        return {
            "id": ids.show("prm", self.id),
            "account": ids.show("acc", account),
            "amount": str(self.amount),
            "spent": str(self.spent),
            "burned": str(self.burned),
            "left": str(self.left),
            "expires_at": self.expires_at and clock.stamp(self.expires_at),
        }


@dataclass(frozen=True, slots=True)
class Use:
    """A part of a grant that a command used."""

    grant: UUID
    amount: int

    def document(self) -> dict[str, str]:
        return {"grant": ids.show("prm", self.grant), "amount": str(self.amount)}


def uses_of(metadata: dict[str, Any]) -> list[Use]:
    """The grants that paid for a spend, in the order they were used, from its entry's metadata."""
    return [Use(UUID(hex=use["grant"][4:]), int(use["amount"])) for use in metadata.get("promo", ())]


class PurseRow(Row):
    """The grants of one account, in the order in which they expire; its balance row is their lock."""

    __slots__ = ("account_id", "grants")

    def __init__(self, account_id: UUID, grants: list[Grant]) -> None:
        self.account_id = account_id
        self.grants = grants
        self.new = self.changed = False

    @property
    def key(self) -> UUID:
        return self.account_id

    def copy(self) -> "PurseRow":
        row = PurseRow(self.account_id, [replace(grant) for grant in self.grants])
        row.new, row.changed = self.new, self.changed
        return row

    def spendable(self, *, at: datetime) -> int:
        return sum(grant.left for grant in self.grants if not grant.expired(at))

    def add(self, grant: Grant) -> None:
        grant.new = grant.changed = True
        self.grants.append(grant)
        self.grants.sort(key=lambda each: (each.expires_at or NEVER, each.id))
        self.changed = True

    def spend(self, amount: int, *, at: datetime) -> list[Use]:
        """Use up `amount`, at most `spendable`, of the grants that expire first."""
        uses = self._take(amount, [grant for grant in self.grants if not grant.expired(at)])
        for grant, part in uses:
            grant.spent += part
        return [Use(grant.id, part) for grant, part in uses]

    def burn(self, amount: int) -> list[Use]:
        """Do away with `amount`, at most what all grants have left, the expired ones first."""
        uses = self._take(amount, self.grants)
        for grant, part in uses:
            grant.burned += part
        return [Use(grant.id, part) for grant, part in uses]

    def expire(self, grant: Grant) -> None:
        """Do away with all that one grant has left."""
        grant.burned += grant.left
        grant.changed = self.changed = True

    def unspend(self, grant: Grant, amount: int) -> None:
        """Put money that was spent back into its grant, which keeps its date."""
        grant.spent -= amount
        grant.changed = self.changed = True

    def find(self, grant_id: UUID) -> Grant | None:
        return next((grant for grant in self.grants if grant.id == grant_id), None)

    def _take(self, amount: int, grants: list[Grant]) -> list[tuple[Grant, int]]:
        taken = []
        for grant in grants:
            part = min(amount, grant.left)
            if part:
                taken.append((grant, part))
                grant.changed = self.changed = True
                amount -= part
        if amount:
            raise AssertionError("more promotional money taken than the grants have")
        return taken


@dataclass(slots=True)
class GrantOwnerRow(Row):
    """Whose a grant is, which never changes."""

    grant_id: UUID
    account_id: UUID

    @property
    def key(self) -> UUID:
        return self.grant_id

    def copy(self) -> "GrantOwnerRow":
        return self


class GrantOwnerStore(Store):
    """Grants that are named by id lead to their accounts, before anything is locked.

    `promo_grant` wants the grant, its account and its purse; `promo_beside` a system account in its currency.
    """

    rank = LockOrder.PROMO_GRANT
    row = GrantOwnerRow
    kinds = frozenset({"promo_grant"})
    leads = frozenset({"promo_beside"})

    def prepare(self, wants: Wants, look: Look) -> None:
        grants = list(wants.refs.get("promo_grant", ()))
        if not grants:
            return
        owners = dict(
            look(
                "SELECT id, account_id FROM journal_promogrant WHERE tenant_id = %s AND id = ANY(%s::uuid[])",
                (wants.tenant, grants),
            )
        )
        wants.facts[GrantOwnerRow] = owners
        for account in owners.values():
            wants.add("account", account)
            wants.add("promo_purse", account)
        for grant, pattern in wants.refs.get("promo_beside", ()):
            if grant in owners:
                wants.add("beside", (owners[grant], pattern))

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for grant, account in wants.facts.get(GrantOwnerRow, {}).items():
            batch.load(GrantOwnerRow(grant, account))


class PurseStore(Store):
    """An account's grants are read after its balance row is locked, which is their lock too.

    Whatever changes a grant changes the `promo` bucket, so it holds that row; and a statement of its own, after the
    wait for it, sees what was committed meanwhile. `promo_purse` wants the open grants of an account, by reference.
    """

    rank = LockOrder.PROMO_PURSE
    row = PurseRow
    kinds = frozenset({"promo_purse", "promo_grant"})

    def reading(self, wants: Wants) -> Query | None:
        purses = _purses(wants)
        if not purses:
            return None
        return (
            f"""
            SELECT account_id, id, amount, spent, burned, expires_at FROM journal_promogrant
             WHERE id IN (
                   SELECT unnest(%s::uuid[])
                    UNION
                   SELECT open.id FROM unnest(%s::uuid[]) AS wanted (account_id)
                    CROSS JOIN LATERAL (
                          SELECT id FROM journal_promogrant
                           WHERE account_id = wanted.account_id AND spent + burned < amount
                           ORDER BY expires_at, id LIMIT {GRANTS_SEEN}) AS open)
             ORDER BY account_id, expires_at, id
            """,
            (list(wants.facts.get(GrantOwnerRow, ())), purses),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        rows = {account: PurseRow(account, []) for account in _purses(wants)}
        for account, grant_id, *rest in records:
            rows[account].grants.append(Grant(grant_id, *rest))
        for row in rows.values():
            batch.load(row)

    def writing(self, rows: list[PurseRow], tenant: int, now: datetime) -> Iterable[Query]:
        given = [(row, grant) for row in rows for grant in row.grants if grant.new]
        used = [grant for row in rows for grant in row.grants if grant.changed and not grant.new]
        if given:
            yield (
                "INSERT INTO journal_promogrant"
                " (tenant_id, created_at, id, account_id, amount, spent, burned, expires_at)"
                " SELECT %s, %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::text[]::numeric[], %s::text[]::numeric[],"
                " %s::text[]::numeric[], %s::timestamptz[])",
                (
                    tenant,
                    now,
                    [grant.id for _, grant in given],
                    [row.account_id for row, _ in given],
                    [str(grant.amount) for _, grant in given],
                    [str(grant.spent) for _, grant in given],
                    [str(grant.burned) for _, grant in given],
                    [grant.expires_at for _, grant in given],
                ),
            )
        if used:
            yield (
                "UPDATE journal_promogrant AS old SET spent = new.spent, burned = new.burned"
                " FROM unnest(%s::uuid[], %s::text[]::numeric[], %s::text[]::numeric[]) AS new (id, spent, burned)"
                " WHERE old.id = new.id",
                (
                    [grant.id for grant in used],
                    [str(grant.spent) for grant in used],
                    [str(grant.burned) for grant in used],
                ),
            )


def _purses(wants: Wants) -> list[UUID]:
    """The accounts whose grants are wanted; all of them are locked."""
    refs = (account_key(ref) for ref in wants.refs.get("promo_purse", ()))
    return [wants.facts[ref].id for ref in refs if ref in wants.facts]


def purse_of(books: Unit, account: AccountRow) -> PurseRow:
    """The account's grants, where the command wanted them; else an empty purse to put a new one into."""
    return books.find(PurseRow, account.facts.id) or books.add(PurseRow(account.facts.id, []))


def purse_with(books: Unit, grant_id: UUID) -> tuple[PurseRow, Grant] | None:
    """A grant that the command wanted by id, and the purse that it is in."""
    owner = books.find(GrantOwnerRow, grant_id)
    purse = owner and books.find(PurseRow, owner.account_id)
    grant = purse and purse.find(grant_id)
    return (purse, grant) if purse and grant else None
