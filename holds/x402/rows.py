"""Authorised payments as the executor sees them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from holds.errors import AuthorizationExpired, PaymentClaimed, PaymentKeyRevoked, PaymentNotOpen
from journal.commands.shared import REVENUE
from ledger_project.kernel import clock, ids
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Look, Wants

SCHEMES = ("upto", "exact")
_KEY_REVOKED = """
EXISTS (SELECT FROM accounts_apikey AS own JOIN accounts_apikey AS key ON key.id = own.id OR key.id = ANY(own.lineage)
         WHERE own.id = stored.api_key AND key.revoked_at IS NOT NULL)
"""


@stored
class AuthorizationRow(StoredRow):
    """A payment under lock; `key_revoked` says whether its key, or one above it, was when it was locked."""

    id: UUID = column(public="aut")
    scheme: str = column()
    account: UUID = column("account_id", public="acc")
    counterparty: UUID = column("counterparty_id", public="acc")
    currency: str = column(joined="account.currency")
    amount: int = money()
    nonce: str = column()
    api_key: UUID | None = column(public="key")
    session_key: UUID | None = column(public="ssk")
    resource: str = column()
    status: str = column(changes=True, default="open")
    claim: str | None = column(changes=True, default=None)
    settled: int | None = money(changes=True, default=None)
    expires_at: datetime = column()
    created_at: datetime = column()
    updated_at: datetime = column(changes=True)
    key_revoked: bool = column(joined=_KEY_REVOKED, shown=False, default=False)

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
        return {**self.shown(), "hold": self.hold and ids.show("hld", self.hold)}


class AuthorizationStore(TableStore):
    """Locked by id before the session key, the hold and the balances that its settlement wants.

    Kinds: `authorization` (id): the payment alone, where there is one; `authorization_hold` (id): with the hold that it
    stands on; `authorization_parties` (id): with all that settling it takes.
    """

    rank = LockOrder.PAYMENT_AUTHORIZATION
    row = AuthorizationRow
    kinds = frozenset({"authorization"})
    leads = frozenset({"authorization_parties", "authorization_hold"})
    in_parts = True
    table = "holds_paymentauthorization"
    joins = "JOIN accounts_account AS account ON account.id = stored.account_id"

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
                wants.add("promo_purse", payer)
                wants.add("account", receiver)
                if session is not None:
                    wants.add("session_key", session)


_PARTIES = """
SELECT id, scheme, account_id, counterparty_id, session_key FROM holds_paymentauthorization
 WHERE tenant_id = %s AND id = ANY(%s::uuid[])
"""
