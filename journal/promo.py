"""Granted money as the executor sees it: the grants behind an account's `promo` bucket, promotional ones and paid ones.

The bucket is the sum of what its grants have left. They are used by priority, then the one that expires first, then the
oldest; an expired grant is not spendable from its moment on, whether or not it was swept yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

from accounts.rows import AccountRow, account_key
from ledger_project.kernel import ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import Columns, StoredRow, column, money, stored
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Unit, Wants

GRANTS_SEEN = 500  # of one account by one command, those that are used first
NEVER = datetime.max.replace(tzinfo=UTC)
PROMO, PAID = KINDS = ("promo", "paid")
FIRST, USUAL, LAST = 0, 100, 1000  # priorities


@stored
class Grant(StoredRow):
    """Money that was granted at once, and what became of it: it is free (`left`), in open holds (`held`), spent, or
    burned: taken back, expired or rolled over.

    `automatic` ones pay for whatever they are for; others where a spend asks for promotional money. With `models` it is
    for payments that name a model which fits one of these patterns.
    """

    id: UUID = column(public="prm")
    account: UUID = column("account_id", public="acc")
    kind: str = column(default=PROMO)
    amount: int = money()
    spent: int = money(changes=True, default=0)
    held: int = money(changes=True, default=0)
    burned: int = money(changes=True, default=0)
    priority: int = column(type="smallint", default=USUAL)
    starts_at: datetime | None = column(default=None)
    expires_at: datetime | None = column(default=None)
    models: list[str] | None = column(default=None)
    automatic: bool = column(default=False)
    voided_at: datetime | None = column(changes=True, default=None)
    created_at: datetime = column()

    times = ()

    @property
    def left(self) -> int:
        return self.amount - self.spent - self.held - self.burned

    @property
    def order(self) -> tuple[int, datetime, UUID]:
        """Which of an account's grants is used before which."""
        return self.priority, self.expires_at or NEVER, self.id

    def expired(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    def over(self, at: datetime) -> bool:
        return self.voided_at is not None or self.expired(at)

    def pays(self, *, at: datetime, model: str | None, asked: bool) -> bool:
        """Whether it may be used now for a payment that names this model; `asked`: for promotional money."""
        if self.over(at) or (self.starts_at is not None and self.starts_at > at) or not (self.automatic or asked):
            return False
        return self.models is None or (model is not None and any(fnmatchcase(model, each) for each in self.models))

    def document(self) -> dict[str, Any]:
        return {**self.shown(), "left": str(self.left)}


GRANTS = Columns(Grant, "journal_promogrant", "", ("id",))
Grant.columns = GRANTS


@dataclass(frozen=True, slots=True)
class Use:
    """A part of a grant that a command used."""

    grant: UUID
    amount: int

    def document(self) -> dict[str, str]:
        return {"grant": ids.show("prm", self.grant), "amount": str(self.amount)}


def read_uses(documents: Iterable[Mapping[str, Any]]) -> list[Use]:
    return [Use(UUID(hex=use["grant"][4:]), int(use["amount"])) for use in documents]


def uses_of(metadata: dict[str, Any]) -> list[Use]:
    """The grants that paid for a spend, in the order they were used, from its entry's metadata."""
    return read_uses(metadata.get("promo", ()))


def part_of(uses: Iterable[Use], start: int, amount: int) -> list[Use]:
    """Of what grants gave one after the other, then the account itself: the uses from a place on, for so much."""
    found, place = [], 0
    for use in uses:
        part = min(place + use.amount, start + amount) - max(place, start)
        if part > 0:
            found.append(Use(use.grant, part))
        place += use.amount
    return found


class PurseRow(Row):
    """The grants of one account, in the order in which they are used; its balance row is their lock.

    `touched` are those that this command has changed.
    """

    __slots__ = ("account_id", "grants", "touched")

    def __init__(self, account_id: UUID, grants: list[Grant]) -> None:
        self.account_id = account_id
        self.grants = grants
        self.touched: dict[UUID, Grant] = {}
        self.new = self.changed = False

    @property
    def key(self) -> UUID:
        return self.account_id

    def copy(self) -> "PurseRow":
        row = PurseRow(self.account_id, [grant.copy() for grant in self.grants])
        row.new, row.changed = self.new, self.changed
        return row

    def payable(self, *, at: datetime, model: str | None = None, asked: bool = False) -> list[Grant]:
        """The grants that may pay now, in their order."""
        return [grant for grant in self.grants if grant.pays(at=at, model=model, asked=asked)]

    def add(self, grant: Grant) -> None:
        grant.new = True
        self.grants = sorted([*self.grants, grant], key=lambda each: each.order)
        self.touch(grant)

    def spend(self, amount: int, grants: Iterable[Grant]) -> list[Use]:
        """Use up `amount`, at most what these have left."""
        uses = self._take(amount, grants)
        for grant, part in uses:
            grant.spent += part
        return [Use(grant.id, part) for grant, part in uses]

    def hold(self, amount: int, grants: Iterable[Grant]) -> list[Use]:
        """Set `amount` aside, at most what these have left."""
        uses = self._take(amount, grants)
        for grant, part in uses:
            grant.held += part
        return [Use(grant.id, part) for grant, part in uses]

    def burn(self, amount: int) -> list[Use]:
        """Do away with `amount`, at most what all promotional grants have left, the ones that expire first."""
        promotional = [grant for grant in self.grants if grant.kind == PROMO]
        uses = self._take(amount, sorted(promotional, key=lambda grant: (grant.expires_at or NEVER, grant.id)))
        for grant, part in uses:
            grant.burned += part
        return [Use(grant.id, part) for grant, part in uses]

    def finish(self, grant: Grant) -> int:
        """Do away with all that one grant has left; how much that was."""
        left = grant.left
        grant.burned += left
        self.touch(grant)
        return left

    def find(self, grant_id: UUID) -> Grant | None:
        return next((grant for grant in self.grants if grant.id == grant_id), None)

    def touch(self, grant: Grant) -> None:
        grant.changed = self.changed = True
        self.touched[grant.id] = grant

    def _take(self, amount: int, grants: Iterable[Grant]) -> list[tuple[Grant, int]]:
        taken = []
        for grant in grants:
            part = min(amount, grant.left)
            if part:
                taken.append((grant, part))
                self.touch(grant)
                amount -= part
        if amount:
            raise AssertionError("more taken than the grants have")
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
            {GRANTS.select} WHERE stored.id IN (
                   SELECT unnest(%s::uuid[])
                    UNION
                   SELECT open.id FROM unnest(%s::uuid[]) AS wanted (account_id)
                    CROSS JOIN LATERAL (
                          SELECT id FROM journal_promogrant
                           WHERE account_id = wanted.account_id AND spent + held + burned < amount
                           ORDER BY priority, expires_at, id LIMIT {GRANTS_SEEN}) AS open)
             ORDER BY account_id, priority, expires_at, id
            """,
            (list(wants.facts.get(GrantOwnerRow, ())), purses),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        rows: dict[UUID, PurseRow] = {}
        for grant in map(GRANTS.read, records):
            rows.setdefault(grant.account, PurseRow(grant.account, [])).grants.append(grant)
        for row in rows.values():
            batch.load(row)

    def writing(self, rows: list[PurseRow], tenant: int, now: datetime) -> Iterable[Query]:
        grants = [grant for row in rows for grant in row.grants if grant.changed]
        given, used = [grant for grant in grants if grant.new], [grant for grant in grants if not grant.new]
        if given:
            yield GRANTS.insert(given, tenant)
        if used:
            yield GRANTS.update(used)


def _purses(wants: Wants) -> list[UUID]:
    """The accounts whose grants are wanted; all of them are locked."""
    refs = (account_key(ref) for ref in wants.refs.get("promo_purse", ()))
    return [wants.facts[ref].id for ref in refs if ref in wants.facts]


def purse_of(books: Unit, account: AccountRow) -> PurseRow:
    """The account's grants, where the command wanted them; else an empty purse to put a new one into."""
    return books.find(PurseRow, account.facts.id) or books.add(PurseRow(account.facts.id, []))


def granted(books: Unit, use: Use) -> tuple[PurseRow, Grant]:
    """The grant of a use that stands in a row, and its purse, which the command has wanted."""
    found = purse_with(books, use.grant)
    if found is None:
        raise AssertionError("a grant that has paid or was set aside is locked with what says so")
    return found


def purse_with(books: Unit, grant_id: UUID) -> tuple[PurseRow, Grant] | None:
    """A grant that the command wanted by id, and the purse that it is in."""
    owner = books.find(GrantOwnerRow, grant_id)
    purse = owner and books.find(PurseRow, owner.account_id)
    grant = purse and purse.find(grant_id)
    return (purse, grant) if purse and grant else None
