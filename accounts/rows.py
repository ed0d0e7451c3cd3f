"""Accounts as the executor sees them: immutable facts, and balance rows under lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import plain
from ledger_project.kernel.identity import fold
from ledger_project.log.caller import Caller
from ledger_project.log.documents import load_json
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, stored
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

STRIPES = 16  # of an unbounded account; enough that 16 writers rarely meet
FACTS_KEPT = 200_000  # accounts whose facts a process remembers, about 100 MB at most


class Bucket(IntEnum):
    """The columns of a balance; the number stands in the postings."""

    AVAILABLE = 0
    HELD = 1
    ESCROWED = 2
    BONDED = 3
    FEE_POOL = 4
    PROMO = 5
    CREDIT_USED = 6

    @property
    def label(self) -> str:
        return self.name.lower()


BUCKETS = {bucket.label: bucket for bucket in Bucket}
DEBIT_NORMAL = frozenset({"asset", "expense"})
OWN_BUCKETS = len(Bucket) - 1


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What never changes about an account; `ref` is its public id, `sign` is +1 where a debit increases it.

    `name` is as it was first written, `meant` as it is looked up.
    """

    id: UUID
    tenant: int
    name: str
    type: str
    currency: str
    scale: int
    unbounded: bool
    stripes: int
    created_at: datetime
    metadata: dict[str, Any]
    ref: str = field(init=False)
    sign: int = field(init=False)
    meant: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ref", ids.show("acc", self.id))
        object.__setattr__(self, "sign", 1 if self.type in DEBIT_NORMAL else -1)
        object.__setattr__(self, "meant", fold(self.name))

    def document(self) -> dict[str, Any]:
        """The account as the log keeps it; the API adds its balance."""
        return {
            "id": self.ref,
            "name": self.name,
            "type": self.type,
            "normal_balance": "debit" if self.sign > 0 else "credit",
            "currency": self.currency,
            "scale": self.scale,
            "unbounded": self.unbounded,
            "stripes": self.stripes,
            "metadata": self.metadata,
            "created_at": clock.stamp(self.created_at),
        }


class AccountRow(Row):
    """One balance row under lock: the only one of a bounded account, one stripe of an unbounded one."""

    by_meaning = True
    __slots__ = ("_key", "credit_limit", "facts", "numbers", "status", "stripe", "total_in", "total_out", "version")

    def __init__(
        self,
        facts: AccountFacts,
        stripe: int,
        status: str,
        credit_limit: int,
        total_in: int,
        total_out: int,
        version: int,
        numbers: list[int],
    ) -> None:
        self.facts = facts
        self.stripe = stripe
        self._key = facts.ref, stripe  # of strings Python remembers the hash, of UUIDs it does not
        self.status = status
        self.credit_limit = credit_limit
        self.total_in = total_in
        self.total_out = total_out
        self.version = version
        self.numbers = numbers
        self.new = self.changed = False

    @property
    def key(self) -> tuple[str, int]:
        return self._key

    def copy(self) -> "AccountRow":
        row = AccountRow(
            self.facts,
            self.stripe,
            self.status,
            self.credit_limit,
            self.total_in,
            self.total_out,
            self.version,
            self.numbers.copy(),
        )
        row.new, row.changed = self.new, self.changed
        return row

    def belongs_to(self, caller: Caller) -> bool:
        """Anybody may be given to; what is taken, and from whom, `Books` judges."""
        return True

    @property
    def credit_left(self) -> int:
        return max(0, self.credit_limit - self.numbers[Bucket.CREDIT_USED])

    @property
    def empty(self) -> bool:
        return not any(self.numbers)

    def snapshot(self) -> list[Any]:
        """The balance as the log keeps it: version, totals, credit limit, buckets; zeros at the end left out."""
        values = [str(n) for n in (self.total_in, self.total_out, self.credit_limit, *self.numbers)]
        while values and values[-1] == "0":
            values.pop()
        return [self.version, *values]


@stored
class CurrencyRow(StoredRow):
    """A registered currency; never changes, so it is read without a lock and no time of a change comes after it."""

    times = ()

    code: str = column()
    scale: int = column(type="smallint")
    name: str = column()
    created_at: datetime = column()

    @property
    def key(self) -> str:
        return self.code

    def belongs_to(self, caller: Caller) -> bool:
        return True


SOLE_CURRENCY = ""  # wanted by calls that leave the currency out: the tenant's, where it has just one


class CurrencyStore(TableStore):
    rank = LockOrder.CURRENCY
    row = CurrencyRow
    kinds = frozenset({"currency"})
    table = "accounts_currency"
    key_columns = ("code",)

    def prepare(self, wants: Wants, look: Look) -> None:
        if SOLE_CURRENCY in wants.refs.get("currency", ()):
            codes = look("SELECT code FROM accounts_currency WHERE tenant_id = %s LIMIT 2", (wants.tenant,))
            if len(codes) == 1:
                wants.facts[SOLE_CURRENCY] = codes[0][0]
                wants.add("currency", codes[0][0])

    def reading(self, wants: Wants) -> Query | None:
        codes = wants.refs.get("currency")
        if not codes:
            return None
        return f"{self.columns.select} WHERE tenant_id = %s AND code = ANY(%s)", (wants.tenant, sorted(codes))

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            row = self.columns.read(record)
            if row.code == wants.facts.get(SOLE_CURRENCY):
                batch.load(row, SOLE_CURRENCY)
            else:
                batch.load(row)


FACT_COLUMNS = "id, tenant_id, name, type, currency, scale, unbounded, stripes, created_at, metadata"

_known: dict[tuple[int, str | UUID], AccountFacts] = {}


def look_up(
    tenant: int, refs: Iterable[str | UUID], look: Look, *, remember: bool = True
) -> dict[str | UUID, AccountFacts]:
    """Facts by name, however it is spelt, and by both forms of the id, from this process's memory or the table.

    What does not exist is left out. A caller inside a transaction of its own does not `remember`: it may read an
    account that is rolled back.
    """
    found: dict[str | UUID, AccountFacts] = {}
    missing = []
    for ref in refs:
        facts = _known.get((tenant, ref))  # most are written as they are looked up
        if facts is None and isinstance(ref, str):
            facts = _known.get((tenant, fold(ref)))
        if facts is None:
            missing.append(ref)
        else:
            found[ref] = found[facts.meant] = found[facts.ref] = found[facts.id] = facts
    if not missing:
        return found

    asked = {ref: account_key(ref) for ref in missing}
    names, keys = (
        [key for key in asked.values() if isinstance(key, str)],
        [key for key in asked.values() if isinstance(key, UUID)],
    )
    for record in look(
        f"SELECT {FACT_COLUMNS} FROM accounts_account WHERE tenant_id = %s AND folded(name) = ANY(%s::text[])"
        f" UNION ALL SELECT {FACT_COLUMNS} FROM accounts_account WHERE tenant_id = %s AND id = ANY(%s::uuid[])",
        (tenant, names, tenant, keys),
    ):
        columns: Any = (*record[:-1], load_json(record[-1]))
        facts = AccountFacts(*columns)
        found[facts.meant] = found[facts.ref] = found[facts.id] = facts
        if remember:
            keep(facts)
    found.update({ref: found[key] for ref, key in asked.items() if key in found})
    return found


def keep(facts: AccountFacts) -> None:
    """Remember committed facts in this process."""
    if len(_known) > 3 * FACTS_KEPT:
        _known.clear()
    for ref in (facts.meant, facts.ref, facts.id):
        _known[facts.tenant, ref] = facts


def account_key(ref: str | UUID) -> str | UUID:
    """What an account reference means: the UUID of `acc_…`, else the folded name."""
    return (ids.read("acc", ref) or fold(ref)) if isinstance(ref, str) else ref


class AccountStore(Store):
    """Balance rows are locked by (account, stripe), after holds, so that no two commands wait for each other."""

    rank = LockOrder.BALANCE
    row = AccountRow
    kinds = frozenset({"account", "whole_account", "beside", "balance"})
    in_parts = True

    def prepare(self, wants: Wants, look: Look) -> None:
        """Names become ids. A want `beside` is a system account in the currency of the account beside it."""
        one, whole = wants.refs.get("account", set()), wants.refs.get("whole_account", set())
        beside = wants.refs.get("beside", set())
        found = look_up(wants.tenant, one.union(whole, (ref for ref, _ in beside)), look, remember=wants.committed)
        if beside:
            companions = set()
            for ref, pattern in beside:
                facts = found.get(ref)
                currency = facts.currency if facts else wants.facts.get(SOLE_CURRENCY)
                if currency is not None:
                    companions.add(pattern.replace("{currency}", currency))
                    wants.add("currency", currency)
            one = one | companions
            found |= look_up(wants.tenant, companions, look, remember=wants.committed)
        wants.facts |= found
        for ref in one | whole:
            facts = found.get(ref)
            if facts is not None:
                slots = range(facts.stripes) if ref in whole else (wants.slot % facts.stripes,)
                wants.refs.setdefault("balance", set()).update((facts.id, stripe) for stripe in slots)

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("balance")
        if not keys:
            return None
        return (
            f"SELECT account_id, stripe, status, version, concat_ws(' ', {', '.join(_NUMBERS)}),"
            " (extract(epoch FROM updated_at) * 1000000)::bigint FROM accounts_balance"
            " WHERE (account_id, stripe) IN (SELECT * FROM unnest(%s::uuid[], %s::smallint[]))"
            " ORDER BY account_id, stripe FOR NO KEY UPDATE",
            ([account for account, _ in keys], [stripe for _, stripe in keys]),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        last = 0
        for account, stripe, status, version, numbers, updated in records:
            last = max(last, updated)
            facts = wants.facts[account]
            limit, total_in, total_out, *buckets = map(int, numbers.split())
            row = AccountRow(facts, stripe, status, limit, total_in, total_out, version, buckets)
            if stripe == wants.slot % facts.stripes:
                batch.load(row, facts.ref, facts.meant)
            else:
                batch.load(row)
        batch.come_after(clock.at(last))

    def writing(self, rows: list[AccountRow], tenant: int, now: datetime) -> Iterable[Query]:
        opened = [row for row in rows if row.new]
        changed = [row for row in rows if not row.new]
        if opened:
            facts = [row.facts for row in opened if row.stripe == 0]
            yield (
                "INSERT INTO accounts_account"
                " (id, tenant_id, name, type, currency, scale, unbounded, stripes, metadata, created_at)"
                " SELECT id, %s, name, type, currency, scale, unbounded, stripes, metadata::jsonb, %s"
                " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::smallint[], %s::bool[],"
                " %s::smallint[], %s::text[]) AS new (id, name, type, currency, scale, unbounded, stripes, metadata)",
                (
                    tenant,
                    now,
                    [each.id for each in facts],
                    [each.name for each in facts],
                    [each.type for each in facts],
                    [each.currency for each in facts],
                    [each.scale for each in facts],
                    [each.unbounded for each in facts],
                    [each.stripes for each in facts],
                    [plain(each.metadata) for each in facts],
                ),
            )
            yield (
                f"INSERT INTO accounts_balance (tenant_id, unbounded, updated_at, {_COLUMNS})"
                f" SELECT %s, unbounded, %s, {_COLUMNS}"
                f" FROM unnest(%s::bool[], {_ARRAYS}) AS new (unbounded, {_COLUMNS})",
                (tenant, now, [row.facts.unbounded for row in opened], *_arrays(opened)),
            )
        if changed:
            yield (
                f"UPDATE accounts_balance AS old SET updated_at = %s, {_ASSIGNMENTS}"
                f" FROM unnest({_ARRAYS}) AS new ({_COLUMNS})"
                " WHERE old.account_id = new.account_id AND old.stripe = new.stripe",
                (now, *_arrays(changed)),
            )

    def written(self, rows: list[AccountRow]) -> None:
        """Remember what was opened, so that its first use asks for no facts."""
        for row in rows:
            keep(row.facts)


_NUMBERS = ["credit_limit", "total_in", "total_out", *(bucket.label for bucket in Bucket)]
_COLUMNS = ", ".join(["account_id", "stripe", "status", "version", *_NUMBERS])
_ARRAYS = ", ".join(["%s::uuid[]", "%s::smallint[]", "%s::text[]", "%s::bigint[]"])
_ARRAYS += ", %s::numeric[]" * len(_NUMBERS)
_ASSIGNMENTS = ", ".join(f"{column} = new.{column}" for column in ["status", "version", *_NUMBERS])


def _arrays(rows: list[AccountRow]) -> list[list[Any]]:
    """The columns of `_COLUMNS`."""
    numbers = [(row.credit_limit, row.total_in, row.total_out, *row.numbers) for row in rows]
    return [
        [row.facts.id for row in rows],
        [row.stripe for row in rows],
        [row.status for row in rows],
        [row.version for row in rows],
        *map(list, zip(*numbers, strict=True)),
    ]
