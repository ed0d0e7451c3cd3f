"""What a plan can do with holds: place one, take from it, give back, end it."""

from datetime import timedelta
from uuid import UUID

from accounts.errors import (
    AccountClosed,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    NormalBalanceMismatch,
    SameAccount,
)
from accounts.rows import AccountFacts, AccountRow, Bucket
from accounts.sessions import SessionKeyRow
from holds.errors import (
    AuthorizationNotFound,
    CaptureExceedsHold,
    EscrowDisputed,
    HoldExpired,
    HoldNotFound,
    HoldNotPending,
)
from holds.rows import BUCKET_OF, HoldRow, PartyRow, in_order
from holds.x402.rows import AuthorizationRow
from journal.commands.shared import sink, system_account
from journal.posting import Books
from journal.promo import Grant, Use, granted, part_of
from ledger_project.kernel import clock, ids

AVAILABLE = Bucket.AVAILABLE


class HoldBooks(Books):
    """The unit of work of commands about promised money."""

    def hold(self, ref: UUID, *kinds: str) -> HoldRow:
        """A hold of one of these kinds, under lock. Refuses: HoldNotFound."""
        hold = self.find(HoldRow, ref)
        if hold is None or hold.kind not in kinds:
            raise HoldNotFound(hold=ids.show("hld", ref), kind=" or ".join(kinds))
        return hold

    def authorization(self, ref: UUID) -> AuthorizationRow:
        """An authorised payment, under lock. Refuses: AuthorizationNotFound."""
        payment = self.find(AuthorizationRow, ref)
        if payment is None:
            raise AuthorizationNotFound(authorization=ids.show("aut", ref))
        return payment

    def require_unclaimed(self, hold: HoldRow) -> None:
        """Nobody works for the payment that stands on this hold, if one does. Refuses: PaymentClaimed."""
        payment = self.find(AuthorizationRow, hold.id)
        if payment is not None and payment.status == "claimed" and self.now < payment.expires_at:
            payment.require_open()

    def end_payment(self, hold: HoldRow) -> None:
        """A payment whose hold has ended otherwise than by it is no more."""
        payment = self.find(AuthorizationRow, hold.id)
        if payment is not None and payment.status == "open" and hold.status != "pending":
            payment.cancel(at=self.now)
            self.result["authorization"] = payment.document()

    def holder(self, hold: HoldRow) -> AccountRow:
        """The balance row that the hold's money stands on: of an unbounded account, the stripe it was placed on."""
        row = self.find(AccountRow, (ids.show("acc", hold.account), hold.stripe))
        if row is None:
            raise AssertionError(f"the holder of {hold.id} is locked with it")
        return row

    def payee(self, hold: HoldRow, to_account: str | None, pattern: str = "") -> AccountRow:
        """Who gets the money: the account given now, the one the hold names, or the system account of the pattern.

        Refuses: AccountNotFound, SameAccount.
        """
        holder = self.holder(hold)
        if to_account is None and hold.counterparty is not None:
            to_account = ids.show("acc", hold.counterparty)
        if to_account is None:
            return system_account(self, holder, pattern, type="revenue")
        row = self.account(to_account)
        if row.facts.id == hold.account:
            raise SameAccount(account=row.facts.name)
        return row

    def party(self, ref: str, holder: AccountRow) -> AccountFacts:
        """An account that this holder may pay later.

        Refuses: AccountNotFound, SameAccount, CurrencyMismatch, NormalBalanceMismatch, AccountClosed.
        """
        named = self.find(PartyRow, ref) or self.find(AccountRow, ref)
        if named is None:
            raise AccountNotFound(account=ref)
        facts = named.facts
        if facts.id == holder.facts.id:
            raise SameAccount(account=facts.name)
        if facts.currency != holder.facts.currency:
            raise CurrencyMismatch(account=facts.name, currency=facts.currency, expected=holder.facts.currency)
        if facts.sign != holder.facts.sign:
            raise NormalBalanceMismatch(account=facts.name, type=facts.type, expected=holder.facts.type)
        if named.status == "closed":
            raise AccountClosed(account=facts.name)
        return facts

    def place(
        self,
        kind: str,
        row: AccountRow,
        amount: int,
        *,
        to: AccountFacts | None = None,
        expires_in: int | None = None,
        on_timeout: str = "refund",
        allow_overcapture: bool = False,
        reason: str | None = None,
        references: dict[str, str] | None = None,
        destination: str | None = None,
        session_key: UUID | None = None,
    ) -> HoldRow:
        """Move money from `available` to the bucket of this kind, and keep account of it.

        Refuses: SessionKeyNotFound, SessionKeyRevoked, SessionKeyExpired, ReceiverNotAllowed, SpendCapExceeded,
        AccountClosed, AccountFrozen, InsufficientFunds, BudgetExceeded.
        """
        if session_key is not None:
            key = self.pay_with(session_key, row.facts)
            key.require_usable(receiver=to.id if to else None, at=self.now)
            key.charge(amount, at=self.now, reserved=True)
        hold = HoldRow(
            id=self.new_id(),
            kind=kind,
            account=row.facts.id,
            currency=row.facts.currency,
            stripe=row.stripe,
            amount=amount,
            created_at=self.now,
            updated_at=self.now,
            counterparty=to.id if to else None,
            expires_at=self.now + timedelta(seconds=expires_in) if expires_in else None,
            on_timeout=on_timeout,
            allow_overcapture=allow_overcapture,
            reason=reason or "",
            references=in_order(references or {}),
            destination=destination,
            session_key=session_key,
        )
        uses = self.draw_grants(row, amount, (row, Bucket.HELD)) if kind == "hold" else []
        hold.grants = [use.document() for use in uses]
        self.move(amount - sum(use.amount for use in uses), (row, AVAILABLE), (row, BUCKET_OF[kind]))
        hold.budgets = self.reserve(row.facts, amount, to)
        return self.add(hold)

    def pay(self, hold: HoldRow, amount: int, target: tuple[AccountRow, Bucket], *, ending: str | None = None) -> None:
        """Held money leaves for good.

        Refuses: ReceiverNotAllowed, CurrencyMismatch, NormalBalanceMismatch, AccountClosed, AccountFrozen,
        BudgetExceeded.
        """
        self._settle_promises(hold, amount, target[0].facts)
        for use in part_of(hold.uses, hold.captured, amount):
            self._unhold(use).spent += use.amount
            self.uses.append(use)
        self.move(amount, (self.holder(hold), hold.bucket), target)
        hold.settle(amount, 0, ending=ending)

    def pay_more(self, hold: HoldRow, amount: int, target: AccountRow) -> None:
        """Pay more than was held, as any other money of the account.

        Refuses: SessionKeyRevoked, SessionKeyExpired, ReceiverNotAllowed, SpendCapExceeded, and as `move`.
        """
        holder = self.holder(hold)
        if hold.session_key is not None:
            key = self.pay_with(hold.session_key, holder.facts)
            key.require_usable(receiver=target.facts.id, at=self.now)
            key.charge(amount, at=self.now)
        self.pay_out(amount, holder, (target, AVAILABLE))
        hold.overcaptured = amount

    def give_back(self, hold: HoldRow, amount: int, *, ending: str | None = None) -> None:
        """Held money returns to its account, frozen or not, and repays drawn credit first."""
        self._settle_promises(hold, amount, None)
        row = self.holder(hold)
        uses = part_of(hold.uses, hold.amount - hold.released - amount, amount)
        self.restore(amount - sum(use.amount for use in uses), row, hold.bucket)
        for use in uses:
            self.restore(use.amount, row, hold.bucket, Bucket.PROMO)
            grant = self._unhold(use)
            if grant.over(self.now) and row.status == "open":  # a frozen account's is swept when it is open again
                grant.burned += use.amount
                self.lapse(use.amount, row, sink(self, row, grant))
        hold.settle(0, amount, ending=ending)

    def _unhold(self, use: Use) -> Grant:
        """The grant that this part of a hold came from, which holds it no longer."""
        purse, grant = granted(self, use)
        grant.held -= use.amount
        purse.touch(grant)
        return grant

    def _settle_promises(self, hold: HoldRow, amount: int, to: AccountFacts | None) -> None:
        """What was reserved for a hold is used, or given back where it is paid to nobody."""
        self.settle(hold.budgets, amount, to)
        key = self.find(SessionKeyRow, hold.session_key) if hold.session_key else None
        if key is not None:
            if to is not None:
                key.require_receiver(to.id)
            key.settle(amount, paid=to is not None, placed_at=hold.created_at)

    def show_hold(self, hold: HoldRow) -> None:
        """Name the hold in the event and the answer, by its kind; a stored one is written back."""
        hold.changed = True
        hold.updated_at = self.now
        self.result[hold.kind] = hold.document()

    def require_own(self, rows: list[AccountRow], amount: int) -> None:
        """Money that the account owns itself, without what its credit line lent it. Refuses: InsufficientFunds."""
        own = sum(row.numbers[AVAILABLE] - row.numbers[Bucket.CREDIT_USED] for row in rows)
        if rows[0].status == "open" and amount > own:
            facts = rows[0].facts
            raise InsufficientFunds(
                account=facts.name,
                bucket=AVAILABLE.label,
                required=str(amount),
                available=str(max(own, 0)),
                shortfall=str(amount - max(own, 0)),
                currency=facts.currency,
            )


def require_pending(hold: HoldRow) -> None:
    """Refuses: HoldNotPending, EscrowDisputed."""
    if hold.status == "disputed":
        raise EscrowDisputed(hold=ids.show("hld", hold.id))
    if hold.status != "pending":
        raise HoldNotPending(hold=ids.show("hld", hold.id), status=hold.status)


def require_live(hold: HoldRow, books: HoldBooks) -> None:
    """Pending, and its time is not over. Refuses: HoldExpired, HoldNotPending, EscrowDisputed.

    An expired hold is called so before and after the sweeper: the caller cannot know which it was.
    """
    if hold.status == "expired" or hold.due(books.now):
        raise HoldExpired(
            hold=ids.show("hld", hold.id), expired_at=clock.stamp(hold.expires_at) if hold.expires_at else None
        )
    require_pending(hold)


def part(hold: HoldRow, amount: int | None) -> int:
    """How much of what is left; all of it unless said. Refuses: CaptureExceedsHold."""
    if amount is None:
        return hold.remaining
    if amount > hold.remaining:
        raise CaptureExceedsHold(
            hold=ids.show("hld", hold.id), asked=str(amount), remaining=str(hold.remaining), currency=hold.currency
        )
    return amount
