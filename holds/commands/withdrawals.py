"""Withdrawals: an account's own money leaves the platform, once somebody outside has paid it."""

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    AmountOverflow,
    InsufficientFunds,
    NormalBalanceMismatch,
)
from accounts.fields import WholeAccountRef
from holds.books import HoldBooks, require_pending
from holds.commands.shared import AVAILABLE
from holds.deposits import PayoutRow
from holds.errors import DuplicateWithdrawal, HoldNotFound, HoldNotPending, WithdrawalUnderWay
from holds.fields import Destination, HoldId
from holds.rows import CUSTODY, HoldRow
from journal.commands.shared import system_account
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, ExternalRef, Flag, LongText, References
from ledger_project.kernel.identity import fold
from ledger_project.log.command import command

PENDING = (HoldNotFound, HoldNotPending)


@command(
    event="withdrawal.requested",
    refuses=(AccountNotFound, NormalBalanceMismatch, InsufficientFunds, AccountClosed, AccountFrozen, AmountOverflow),
    own=("account",),
)
def request_withdrawal(
    books: HoldBooks,
    *,
    account: WholeAccountRef,
    amount: Amount,
    destination: Destination,
    references: References | None = None,
) -> None:
    """Set an account's own money aside for payment to `destination`. Credit and promo are never paid out."""
    rows = books.stripes(account)
    facts = rows[0].facts
    if facts.sign > 0:
        raise NormalBalanceMismatch(account=facts.name, type=facts.type, expected="liability")
    books.require_own(rows, amount)
    withdrawal = books.place(
        "withdrawal", books.account(account), amount, destination=destination, references=references
    )
    books.write_entry("withdrawal_request", references=withdrawal.entry_references())
    books.show_hold(withdrawal)


@command(
    event="withdrawal.confirmed",
    refuses=(*PENDING, DuplicateWithdrawal, AccountFrozen, AccountClosed, AmountOverflow),
    also_wants=lambda call: [
        ("hold_beside", (call["withdrawal"], CUSTODY)),
        ("withdrawal_ref", call["external_ref"]),
    ],
    platform=True,
)
def confirm_withdrawal(
    books: HoldBooks, *, withdrawal: HoldId, external_ref: ExternalRef, reason: LongText | None = None
) -> None:
    """State that the withdrawal was paid, under this reference (a transaction hash): the money has left custody."""
    held = books.hold(withdrawal, "withdrawal")
    require_pending(held)
    twin = books.find(HoldRow, ("paid", fold(external_ref)))
    if twin is not None:
        raise DuplicateWithdrawal(external_ref=external_ref, withdrawal=ids.show("hld", twin.id))
    holder = books.holder(held)
    custody = system_account(books, holder, CUSTODY, type="asset")

    books.take(holder, held.bucket, held.amount)
    books.take(custody, AVAILABLE, held.amount)
    books.write_entry("withdrawal", description=reason, references=held.entry_references(external_ref=external_ref))
    held.settle(held.amount, 0)
    held.external_ref = external_ref
    books.names[HoldRow, ("paid", fold(external_ref))] = held.id
    books.show_hold(held)


@command(
    event="withdrawal.failed",
    refuses=(*PENDING, WithdrawalUnderWay, AmountOverflow),
    also_wants=lambda call: [("payout", call["withdrawal"])],
)
def fail_withdrawal(books: HoldBooks, *, withdrawal: HoldId, reason: LongText, not_paid: Flag = False) -> None:
    """State that the withdrawal will not be paid: the money goes back to its account.

    One that was sent for payment fails when the payer has answered so. Otherwise only with `not_paid`, by which you
    state that it was not and will not be paid, and only while no request for it is on its way.
    """
    held = books.hold(withdrawal, "withdrawal")
    require_pending(held)
    payout = books.find(PayoutRow, withdrawal)
    if payout is not None and payout.answer != "failed":
        sending = payout.leased_until is not None and books.now < payout.leased_until
        if sending or not not_paid:
            raise WithdrawalUnderWay(
                withdrawal=ids.show("hld", withdrawal), answer=payout.answer or None, sending=sending
            )
    books.give_back(held, held.remaining)
    books.write_entry("withdrawal_failure", description=reason, references=held.entry_references())
    held.reason = reason
    books.show_hold(held)
