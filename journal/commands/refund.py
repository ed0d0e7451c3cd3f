"""Refunds: giving back what an entry paid, in whole or in parts, and never more."""

from dataclasses import replace
from typing import Annotated

from accounts.errors import AccountClosed, AccountFrozen, AmountOverflow, InsufficientFunds
from accounts.rows import AccountRow, Bucket
from journal.commands.shared import AVAILABLE
from journal.errors import AlreadyReversed, EntryNotFound, NotRefundable, RefundExceedsOriginal
from journal.fields import EntryId
from journal.posting import Books
from journal.promo import Grant, Use, granted, part_of, purse_of
from journal.refunds import RefundTotalRow, paid_by, require_not_reversed
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, ChoiceField, LongText
from ledger_project.log.command import command

PROMO = Bucket.PROMO
BREAKAGE, AS_MONEY, RENEW = EXPIRED = ("breakage", "available", "renew")
Expired = Annotated[str, ChoiceField(EXPIRED)]


@command(
    event="refund.posted",
    unbudgeted="it gives back what was paid",
    seed_events=("refund",),
    refuses=(
        EntryNotFound,
        AlreadyReversed,
        NotRefundable,
        RefundExceedsOriginal,
        AccountClosed,
        AccountFrozen,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=lambda call: [("refund_total", call["entry"])],
    own=(),
)
def refund(
    books: Books,
    *,
    entry: EntryId,
    amount: Amount | None = None,
    reason: LongText | None = None,
    refund_expired: Expired = BREAKAGE,
) -> None:
    """Give back what an entry paid, all that is left of it or an amount, from the receiver's money to the payer.

    The receiver's credit line is not drawn for it. At the payer it repays drawn credit first. Granted money comes back
    last, as what it was: into the grants it came from, which keep their dates. What comes back to one that is over
    lapses with it (`refund_expired: breakage`), is `available` money, or is granted anew for as long (`renew`).
    """
    original = books.stored_entry(entry)
    total = require_not_reversed(books, original)
    paid = paid_by(original)
    if paid is None:
        raise NotRefundable(entry=ids.show("ent", entry), kind=original.kind)
    total = total or books.add(RefundTotalRow(entry_id=entry, amount=paid.amount))
    asked = total.left if amount is None else amount
    total.require_left(asked)

    other = min(asked, max(0, paid.amount - paid.granted - total.refunded))
    receiver = books.account(ids.show("acc", paid.receiver.id))
    payer = books.account(ids.show("acc", paid.payer.id))
    books.take_own(receiver, asked)
    if other:
        books.give(payer, AVAILABLE, other)
    start = paid.amount - total.refunded - asked  # of what grants have paid, and then the account itself
    back = part_of(paid.uses, start, asked - other)
    uses = [use for use in reversed(back) if _returned(books, use, payer, refund_expired)]
    total.add(asked)
    books.write_entry("refund", description=reason, references={"refund_of": ids.show("ent", entry)})
    books.result["refund"] = {
        **total.document(),
        "amount": str(asked),
        "promo": [use.document() for use in uses],
    }


def _returned(books: Books, use: Use, payer: AccountRow, expired: str) -> bool:
    """Give granted money back; whether it is in its grant again."""
    _, grant = granted(books, use)
    if grant.over(books.now) and expired == AS_MONEY:
        books.give(payer, AVAILABLE, use.amount)
        return False
    books.give(payer, PROMO, use.amount)
    if grant.over(books.now) and expired == RENEW:
        _renew(books, payer, grant, use.amount)
        return False
    books.unspend(use)
    return True


def _renew(books: Books, payer: AccountRow, old: Grant, amount: int) -> None:
    """Grant money of an expired grant anew, for as long as that was for."""
    lasted = old.expires_at - old.created_at if old.expires_at else None
    renewed = replace(
        old,
        id=books.new_id(),
        amount=amount,
        spent=0,
        held=0,
        burned=0,
        voided_at=None,
        created_at=books.now,
        starts_at=None,
        expires_at=books.now + lasted if lasted else None,
    )
    purse_of(books, payer).add(renewed)
    books.result.setdefault("renewed", []).append(renewed.document())
