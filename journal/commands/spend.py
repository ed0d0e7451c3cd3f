"""Spending: paying a receiver within the budget of a session key, promotional money first where that is wanted."""

from accounts.errors import (
    AmountOverflow,
    InsufficientFunds,
    ReceiverNotAllowed,
    SameAccount,
    SessionKeyExpired,
    SessionKeyNotFound,
    SessionKeyRevoked,
    SpendCapExceeded,
)
from accounts.fields import AccountRef, SessionKeyId
from accounts.rows import AccountRow, Bucket
from journal.commands.shared import AVAILABLE, MOVEMENT, REVENUE, references, system_account
from journal.posting import Books, require_alike, require_different, require_open, short
from journal.promo import Use, purse_of
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, ExternalRef, Flag, LongText, Want
from ledger_project.log.command import Arguments, command

PROMO = Bucket.PROMO


def _wants(call: Arguments) -> list[Want]:
    revenue = [] if call["to_account"] else [("beside", (call["account"], REVENUE))]
    return [*revenue, ("promo_purse", call["account"])] if call["use_promo"] else revenue


@command(
    event="spend.posted",
    refuses=(
        MOVEMENT[0],
        SameAccount,
        SessionKeyNotFound,
        SessionKeyRevoked,
        SessionKeyExpired,
        ReceiverNotAllowed,
        SpendCapExceeded,
        *MOVEMENT[1:],
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=_wants,
    own=("account",),
)
def spend(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    to_account: AccountRef | None = None,
    session_key: SessionKeyId | None = None,
    use_promo: Flag = False,
    reference: ExternalRef | None = None,
    description: LongText | None = None,
) -> None:
    """Pay a receiver, or `platform:revenue:{currency}`, opened on first use, where none is named.

    With a session key, its caps, receivers and time are held to. With `use_promo`, promotional money that has not
    expired pays first, the grant that expires first before the others; the receiver gets money like any other.
    """
    payer = books.account(account)
    receiver = books.account(to_account) if to_account else system_account(books, payer, REVENUE, type="revenue")
    require_different(payer, receiver)
    key = books.pay_with(session_key, payer.facts) if session_key else None
    if key is not None:
        key.require_usable(receiver=receiver.facts.id, at=books.now)
        key.charge(amount, at=books.now)
    books.result["session_key"] = key and key.document()

    require_alike(payer, receiver)
    uses = _spend_promo(books, payer, amount) if use_promo else []
    promo = sum(use.amount for use in uses)
    if promo:
        books.move(promo, (payer, PROMO), (receiver, AVAILABLE))
    books.move(amount - promo, (payer, AVAILABLE), (receiver, AVAILABLE))
    books.write_entry(
        "spend",
        description=description,
        references=references(reference=reference, session_key=ids.show("ssk", session_key) if session_key else None),
        # A refund gives promotional money back to these.
        metadata={"promo": [use.document() for use in uses]} if uses else None,
    )


def _spend_promo(books: Books, payer: AccountRow, amount: int) -> list[Use]:
    """Use as much promotional money as there is, up to the amount. Refuses: AccountClosed, …, InsufficientFunds."""
    require_open(payer)
    purse = purse_of(books, payer)
    promo = min(amount, purse.spendable(at=books.now))
    other = payer.numbers[AVAILABLE] + payer.credit_left
    if promo + other < amount and not payer.facts.unbounded:
        raise short(payer, AVAILABLE, amount, promo + other)
    return purse.spend(promo, at=books.now)
