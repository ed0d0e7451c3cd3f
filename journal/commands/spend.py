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
from journal.commands.shared import AVAILABLE, MOVEMENT, REVENUE, references, system_account
from journal.posting import Books, require_different
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, ExternalRef, Flag, LongText, Want
from ledger_project.log.command import Arguments, command


def _wants(call: Arguments) -> list[Want]:
    revenue = [] if call["to_account"] else [("beside", (call["account"], REVENUE))]
    return [*revenue, ("promo_purse", call["account"])]


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

    With a session key, its caps, receivers and time are held to. Grants pay first, in their order, and with `use_promo`
    all promotional money that has not expired is among them; the receiver gets money like any other.
    """
    payer = books.account(account)
    receiver = books.account(to_account) if to_account else system_account(books, payer, REVENUE, type="revenue")
    require_different(payer, receiver)
    key = books.pay_with(session_key, payer.facts) if session_key else None
    if key is not None:
        key.require_usable(receiver=receiver.facts.id, at=books.now)
        key.charge(amount, at=books.now)
    books.result["session_key"] = key and key.document()

    books.pay_out(amount, payer, (receiver, AVAILABLE), asked=use_promo)
    books.write_entry(
        "spend",
        description=description,
        references=references(reference=reference, session_key=ids.show("ssk", session_key) if session_key else None),
        # A refund gives granted money back to these.
        metadata={"promo": [use.document() for use in books.uses]} if books.uses else None,
    )
