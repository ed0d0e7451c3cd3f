"""Usage is permitted beforehand: a hold of the most that it can cost."""

from accounts.errors import AmountOverflow, InsufficientFunds
from accounts.fields import AccountRef, SessionKeyId
from holds.commands.shared import PAYMENT, SESSION_KEY
from holds.fields import PartyRef, Seconds
from journal.commands.shared import references
from ledger_project.kernel.fields import ExternalRef, LongText
from ledger_project.log.command import command
from ledger_project.usage.books import UsageBooks
from ledger_project.usage.commands.shared import PRICING, BookName, Metrics, Model
from ledger_project.usage.pricing import whole

HOUR = 3600


@command(
    event="usage.authorized",
    refuses=(PAYMENT[0], *PRICING, *PAYMENT[1:], *SESSION_KEY, InsufficientFunds, AmountOverflow),
    also_wants=lambda call: [("price_book", None), ("promo_purse", call["account"])],
    own=("account",),
)
def authorize_usage(
    books: UsageBooks,
    *,
    account: AccountRef,
    book: BookName,
    model: Model,
    metrics: Metrics,
    expires_in: Seconds = HOUR,
    to_account: PartyRef | None = None,
    session_key: SessionKeyId | None = None,
    request_id: ExternalRef | None = None,
    source: ExternalRef | None = None,
    reason: LongText | None = None,
) -> None:
    """Set aside the most that a request can cost, with `metrics` as its upper bounds, until its usage is recorded.

    Tiers are taken where they are dearest, so no other request can make it cost more. Where it is free there is nothing
    to hold, and the answer has none.
    """
    row = books.account(account)
    to = books.party(to_account, row) if to_account is not None else None
    version = books.version(book, books.now, row)
    maximum = whole(version.prices.most(model, metrics))
    books.model = model
    books.result["quote"] = {
        "book": version.book,
        "version": version.number,
        "model": model,
        "metrics": metrics,
        "maximum": str(maximum),
    }
    if not maximum:
        return
    named = references(request_id=request_id, source=source)
    hold = books.place(
        "hold",
        row,
        maximum,
        to=to,
        expires_in=expires_in,
        reason=reason,
        references=named,
        session_key=session_key,
    )
    books.write_entry("hold", description=reason, references=hold.entry_references())
    books.show_hold(hold)
