"""Authorised payments as the executor sees them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from holds.errors import AuthorizationExpired, PaymentClaimed, PaymentKeyRevoked, PaymentNotOpen
from journal.commands.shared import REVENUE
from ledger_project.kernel import clock, ids
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

SCHEMES = ("upto", "exact")


@dataclass(slots=True)
class AuthorizationRow(Row):
    """A payment under lock; `key_revoked` says whether its key, or one above it, was when it was locked."""

    id: UUID
    scheme: str
    account: UUID
    counterparty: UUID
    currency: str
    amount: int
    nonce: str
    api_key: UUID | None
    session_key: UUID | None
    resource: str
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    status: str = "open"
    claim: str | None = None
    settled: int | None = None
    key_revoked: bool = False
    new: bool = False
    changed: bool = False

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "AuthorizationRow":
        return replace(self)

    def belongs_to(self, caller: Caller) -> bool:
        """The payer's, and the receiver's."""
        return caller.account in (self.account, self.counterparty)

    @property
    def hold(self) -> UUID | None:
        """What an `upto` payment stands on has the id of the event, too."""
        return self.id if self.scheme == "upto" else None

    def make_claim(self, name: str, *, at: datetime) -> None:
        """A server works for it from now on. Refuses: PaymentNotOpen, PaymentClaimed, …Revoked, …Expired."""
        self.require_open()
        self.require_payable(at=at)
        self.status, self.claim = "claimed", name
        self._touch(at)

    def settle(self, amount: int, name: str | None, *, at: datetime) -> None:
        """It is over, by whoever claimed it or, unclaimed, by anybody who is paid by it.

        Refuses: PaymentNotOpen, PaymentClaimed, PaymentKeyRevoked, AuthorizationExpired.
        """
        if self.status != "claimed" or name != self.claim:
            self.require_open()
        self.require_payable(at=at)
        self.status, self.settled = "settled", amount
        self._touch(at)

    def cancel(self, *, at: datetime) -> None:
        """Refuses: PaymentNotOpen, PaymentClaimed."""
        self.require_open()
        self.status = "cancelled"
        self._touch(at)

    def require_open(self) -> None:
        """Refuses: PaymentNotOpen, PaymentClaimed."""
        if self.status == "claimed":
            raise PaymentClaimed(authorization=ids.show("aut", self.id))
        if self.status != "open":
            raise PaymentNotOpen(authorization=ids.show("aut", self.id), status=self.status)

    def require_payable(self, *, at: datetime) -> None:
        """Who has claimed it in time is paid, whatever becomes of the key. Refuses: PaymentKeyRevoked, …Expired."""
        if self.status == "open" and self.key_revoked:
            raise PaymentKeyRevoked(authorization=ids.show("aut", self.id))
        if at >= self.expires_at:
            raise AuthorizationExpired(authorization=ids.show("aut", self.id), expired_at=clock.stamp(self.expires_at))

    def _touch(self, at: datetime) -> None:
        self.updated_at, self.changed = at, True

    def document(self) -> dict[str, Any]:
        """The payment as the log keeps it and the API shows it: its whole state."""
        return {
            "id": ids.show("aut", self.id),
            "scheme": self.scheme,
            "account": ids.show("acc", self.account),
            "counterparty": ids.show("acc", self.counterparty),
            "currency": self.currency,
            "amount": str(self.amount),
            "nonce": self.nonce,
            "api_key": self.api_key and ids.show("key", self.api_key),
            "session_key": self.session_key and ids.show("ssk", self.session_key),
            "hold": self.hold and ids.show("hld", self.hold),
            "resource": self.resource,
            "status": self.status,
            "claim": self.claim,
            "settled": None if self.settled is None else str(self.settled),
            "expires_at": clock.stamp(self.expires_at),
            "created_at": clock.stamp(self.created_at),
            "updated_at": clock.stamp(self.updated_at),
        }


_COLUMNS = """
payment.id, payment.scheme, payment.account_id, payment.counterparty_id, account.currency, payment.amount,
payment.nonce, payment.api_key, payment.session_key, payment.resource, payment.expires_at, payment.created_at,
payment.updated_at, payment.status, payment.claim, payment.settled,
EXISTS (SELECT FROM accounts_apikey AS own JOIN accounts_apikey AS key ON key.id = own.id OR key.id = ANY(own.lineage)
         WHERE own.id = payment.api_key AND key.revoked_at IS NOT NULL)
"""
AUTHORIZATIONS = f"""
SELECT {_COLUMNS}
  FROM holds_paymentauthorization AS payment JOIN accounts_account AS account ON account.id = payment.account_id
"""


def read_authorization(record: Sequence[Any]) -> AuthorizationRow:
    """A row of `AUTHORIZATIONS`."""
    id, scheme, account, counterparty, currency, amount, *facts, status, claim, settled, key_revoked = record
    row = AuthorizationRow(id, scheme, account, counterparty, currency, int(amount), *facts)
    row.status, row.claim, row.key_revoked = status, claim, key_revoked
    row.settled = None if settled is None else int(settled)
    return row


class AuthorizationStore(Store):
    """Locked by id before the session key, the hold and the balances that its settlement wants.

    Kinds: `authorization` (id): the payment alone, where there is one; `authorization_hold` (id): with the hold that it
    stands on; `authorization_parties` (id): with all that settling it takes.
    """

    rank = LockOrder.PAYMENT_AUTHORIZATION
    row = AuthorizationRow
    kinds = frozenset({"authorization"})
    leads = frozenset({"authorization_parties", "authorization_hold"})
    in_parts = True

    def prepare(self, wants: Wants, look: Look) -> None:
        """Who pays whom never changes, so it is read before the lock."""
        whole = wants.refs.get("authorization_parties", set())
        wanted = whole | wants.refs.get("authorization_hold", set())
        if not wanted:
            return
        for id, scheme, payer, receiver, session in look(_PARTIES, (wants.tenant, list(wanted))):
            if scheme == "upto":
                wants.add("hold", id)
            if id in whole and scheme == "upto":
                wants.add("hold_payee", (id, REVENUE))
            elif id in whole:
                wants.add("account", payer)
                wants.add("account", receiver)
                if session is not None:
                    wants.add("session_key", session)

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("authorization")
        return (_LOCKED, (wants.tenant, list(keys))) if keys else None

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            batch.load(read_authorization(record))

    def writing(self, rows: list[AuthorizationRow], tenant: int, now: datetime) -> Iterable[Query]:
        made = [row for row in rows if row.new]
        changed = [row for row in rows if not row.new]
        if made:
            yield _insert(made, tenant)
        if changed:
            yield (
                "UPDATE holds_paymentauthorization AS old SET status = new.status, claim = new.claim,"
                " settled = new.settled, updated_at = new.updated_at"
                " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]::numeric[], %s::timestamptz[])"
                " AS new (id, status, claim, settled, updated_at) WHERE old.id = new.id",
                (
                    [row.id for row in changed],
                    [row.status for row in changed],
                    [row.claim for row in changed],
                    [None if row.settled is None else str(row.settled) for row in changed],
                    [row.updated_at for row in changed],
                ),
            )


_PARTIES = """
SELECT id, scheme, account_id, counterparty_id, session_key FROM holds_paymentauthorization
 WHERE tenant_id = %s AND id = ANY(%s::uuid[])
"""
_LOCKED = f"""
{AUTHORIZATIONS} WHERE payment.tenant_id = %s AND payment.id = ANY(%s::uuid[])
 ORDER BY payment.id FOR NO KEY UPDATE OF payment
"""


def _insert(rows: list[AuthorizationRow], tenant: int) -> Query:
    return (
        "INSERT INTO holds_paymentauthorization (tenant_id, id, scheme, account_id, counterparty_id, amount, nonce,"
        " api_key, session_key, resource, status, expires_at, created_at, updated_at)"
        " SELECT %s, id, scheme, account, counterparty, amount, nonce, api_key, session_key, resource, 'open',"
        " expires_at, created_at, created_at FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::uuid[],"
        " %s::text[]::numeric[], %s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::timestamptz[])"
        " AS new (id, scheme, account, counterparty, amount, nonce, api_key, session_key, resource, expires_at,"
        " created_at)",
        (
            tenant,
            [row.id for row in rows],
            [row.scheme for row in rows],
            [row.account for row in rows],
            [row.counterparty for row in rows],
            [str(row.amount) for row in rows],
            [row.nonce for row in rows],
            [row.api_key for row in rows],
            [row.session_key for row in rows],
            [row.resource for row in rows],
            [row.expires_at for row in rows],
            [row.created_at for row in rows],
        ),
    )
