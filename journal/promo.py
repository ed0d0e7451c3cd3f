"""Promotional money as the executor sees it: the grants behind an account's `promo` bucket.

The bucket is the sum of what its grants have left. Spending and burning take the grant that expires first; an expired
grant is not spendable from its moment on, whether or not it was swept yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountRow, account_key, look_up
from ledger_project.kernel import clock, ids
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
    """The grants of one account under lock, in the order in which they expire."""

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

    def unspend(self, uses: list[Use]) -> None:
        """Put money that was spent back into its grants, which keep their dates."""
        grants = {grant.id: grant for grant in self.grants}
        for use in uses:
            grants[use.grant].spent -= use.amount
            grants[use.grant].changed = self.changed = True

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


class PurseStore(Store):
    """Grants are locked by (account, expiry, id), after holds and before balances.

    `promo_purse` wants the open grants of an account, by reference; `promo_grant` wants one grant, open or not, by id;
    `promo_beside` wants a system account in that grant's currency.
    A grant that is given while another command waits for the purse is not seen by it and stays for the next.
    """

    rank = 44
    row = PurseRow

    def prepare(self, wants: Wants, look: Look) -> None:
        grants = list(wants.refs.get("promo_grant", ()))
        owners: dict[UUID, UUID] = {}
        if grants:
            owners = dict(
                look(
                    "SELECT id, account_id FROM journal_promogrant WHERE tenant_id = %s AND id = ANY(%s::uuid[])",
                    (wants.tenant, grants),
                )
            )
        refs = {account_key(ref) for ref in wants.refs.get("promo_purse", ())}
        found = look_up(wants.tenant, refs, look, remember=wants.committed) if refs else {}
        purses = {found[ref].id for ref in refs if ref in found}
        for account in owners.values():
            wants.add("account", account)
        for grant, pattern in wants.refs.get("promo_beside", ()):
            if grant in owners:
                wants.add("beside", (owners[grant], pattern))
        wants.facts[PurseRow] = purses, owners

    def reading(self, wants: Wants) -> Query | None:
        purses, owners = wants.facts[PurseRow]
        if not purses and not owners:
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
             ORDER BY account_id, expires_at, id FOR NO KEY UPDATE
            """,
            (list(owners), list(purses)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        purses, owners = wants.facts[PurseRow]
        rows = {account: PurseRow(account, []) for account in purses | set(owners.values())}
        for account, grant_id, *rest in records:
            rows[account].grants.append(Grant(grant_id, *rest))
        for row in rows.values():
            batch.load(row, *(grant.id for grant in row.grants))

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


def purse_of(books: Unit, account: AccountRow) -> PurseRow:
    """The account's grants, as far as the command wanted them; an empty purse to put a new one into where it did not.

    A grant is added without a lock: it disturbs no other, and the balance row is locked for its bucket.
    """
    return books.find(PurseRow, account.facts.id) or books.add(PurseRow(account.facts.id, []))
