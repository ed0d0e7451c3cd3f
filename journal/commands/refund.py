"""Refunds: giving back what an entry paid, in whole or in parts, and never more."""

from accounts.errors import AccountClosed, AccountFrozen, AmountOverflow, InsufficientFunds
from accounts.rows import Bucket
from journal.commands.shared import AVAILABLE
from journal.errors import AlreadyReversed, EntryNotFound, NotRefundable, RefundExceedsOriginal
from journal.fields import EntryId
from journal.posting import Books
from journal.promo import Use, purse_with, uses_of
from journal.refunds import RefundTotalRow, paid_by, require_not_reversed
from journal.rows import EntryRow
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, LongText
from ledger_project.log.command import command

PROMO = Bucket.PROMO


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
def refund(books: Books, *, entry: EntryId, amount: Amount | None = None, reason: LongText | None = None) -> None:
    """Give back what an entry paid, all that is left of it or an amount, from the receiver's money to the payer.

    The receiver's credit line is not drawn for it. At the payer it repays drawn credit first. Promotional money comes
    back last, as what it was: into the grants it came from, which keep their dates.
    """
    original = books.stored_entry(entry)
    total = require_not_reversed(books, original)
    paid = paid_by(original)
    if paid is None:
        raise NotRefundable(entry=ids.show("ent", entry), kind=original.kind)
    total = total or books.add(RefundTotalRow(entry_id=entry, amount=paid.amount))
    asked = total.left if amount is None else amount
    total.require_left(asked)

    other = min(asked, max(0, paid.amount - paid.promo - total.refunded))
    promo = asked - other
    receiver = books.account(ids.show("acc", paid.receiver.id))
    payer = books.account(ids.show("acc", paid.payer.id))
    books.take_own(receiver, asked)
    if other:
        books.give(payer, AVAILABLE, other)
    if promo:
        books.give(payer, PROMO, promo)
    uses = _give_back(books, original, total.refunded - (paid.amount - paid.promo), promo)
    total.add(asked)
    books.write_entry("refund", description=reason, references={"refund_of": ids.show("ent", entry)})
    books.result["refund"] = {
        **total.document(),
        "amount": str(asked),
        "promo": [use.document() for use in uses],
    }


def _give_back(books: Books, original: EntryRow, returned: int, promo: int) -> list[Use]:
    """Put promotional money back into its grants, the one that was used last first.

    `returned` is what earlier refunds have put back, or below zero while they have not come to it.
    """
    if not promo:
        return []
    skip, uses = max(0, returned), []
    for use in reversed(uses_of(original.metadata)):
        passed = min(skip, use.amount)
        skip -= passed
        part = min(promo, use.amount - passed)
        if part:
            uses.append(Use(use.grant, part))
            promo -= part
    for use in uses:
        found = purse_with(books, use.grant)
        if found is None:
            raise AssertionError("a grant that paid for a spend is gone")
        found[0].unspend(found[1], use.amount)
    return uses
