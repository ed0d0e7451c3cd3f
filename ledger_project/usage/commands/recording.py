"""Usage is recorded: priced, permitted by budgets, paid, once."""

import hashlib

from accounts.errors import AmountOverflow, InsufficientFunds, SameAccount
from accounts.fields import AccountRef
from holds.commands.shared import SESSION_KEY
from holds.errors import CaptureExceedsHold, HoldNotFound, HoldNotPending, PaymentClaimed
from holds.fields import HoldId
from journal.commands.shared import AVAILABLE, REVENUE, references, system_account
from journal.posting import require_alike, require_different
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import ExternalRef, Flag, Metadata, Moment, Want
from ledger_project.kernel.identity import fold
from ledger_project.log.command import Arguments, command
from ledger_project.usage.books import AVAILABLE_ONLY, UsageBooks, lines_of, month_of, require_recent
from ledger_project.usage.commands.shared import PAYING, PRICING, BookName, Metrics, Model, Overrun
from ledger_project.usage.errors import LateUsageRecorded, UsageDiffers, UsageTooOld
from ledger_project.usage.rows import UsageRow


def _wants(call: Arguments) -> list[Want]:
    hold = call["hold"]
    wants: list[Want] = [("price_book", None), ("meter", (call["account"], call["book"]))]
    wants.append(("promo_purse", call["account"]))
    if hold:
        wants += [("authorization", hold), ("late_usage", hold)]
    if not call["to_account"]:
        wants.append(("hold_payee", (hold, REVENUE)) if hold else ("beside", (call["account"], REVENUE)))
    return wants


def _name(call: Arguments) -> str:
    """A source gives a request one id for ever, however either is spelt."""
    named = f"{fold(call['source'] or '')}\n{fold(call['request_id'])}"
    return f"usage:{hashlib.sha256(named.encode()).hexdigest()}"


@command(
    event="usage.recorded",
    refuses=(
        InvalidRequest,
        UsageTooOld,
        HoldNotFound,
        HoldNotPending,
        LateUsageRecorded,
        PaymentClaimed,
        SameAccount,
        *PRICING,
        *PAYING,
        CaptureExceedsHold,
        *SESSION_KEY,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=_wants,
    identity=_name,
    differs=UsageDiffers,
)
def record_usage(
    books: UsageBooks,
    *,
    account: AccountRef,
    book: BookName,
    model: Model,
    metrics: Metrics,
    request_id: ExternalRef,
    source: ExternalRef | None = None,
    at: Moment | None = None,
    hold: HoldId | None = None,
    overrun: Overrun | None = None,
    final: Flag = True,
    to_account: AccountRef | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Price what a request used, and charge it: to `to_account`, or to `platform:revenue:{currency}`.

    The version in force at the usage's own time prices it, late or not. What of its cost is less than one minor unit is
    carried to the account's next charge in the book, so nothing drifts. A source's request is recorded once, for ever:
    so it is the tenant who records, and not an account, which could take the ids of others.

    With a `hold` it is captured, and what is left of it given back if `final`. What it costs more follows `overrun`:
    `refuse`; `available` (the default) takes what is there, without credit, and tells what is `uncovered`; `credit`
    draws the credit line. A hold that is over pays from what is there now, once, and the usage is `late`. Work for
    which a hold gave permission is done: budgets book it and do not refuse it.
    """
    if overrun and not hold:
        raise InvalidRequest(field="overrun", reason="of usage with a hold")
    moment = at or books.now
    require_recent(moment, books.now)
    payer = books.account(account)
    held = books.hold_of(hold, payer) if hold else None
    if held:
        receiver = books.payee(held, to_account, REVENUE)
    else:
        receiver = books.account(to_account) if to_account else system_account(books, payer, REVENUE, type="revenue")
    require_different(payer, receiver)
    version = books.version(book, moment, payer)
    require_alike(payer, receiver)

    meter, month = books.meter(payer.facts.id, book), month_of(version, moment)
    priced = version.prices.price(model, metrics, meter.counts.get(month, {}))
    due = books.charge(meter, priced.cost)
    meter.count(month, priced.counted)
    books.model = model
    late = held is not None and (held.status != "pending" or held.due(books.now))
    ended = held is not None and held.status != "pending"
    uncovered = 0
    if held:
        uncovered = books.pay_from_hold(held, due, receiver, overrun or AVAILABLE_ONLY, final=final)
    elif due:
        books.pay_out(due, payer, (receiver, AVAILABLE))
    if books.moved:
        shown = ids.show("hld", held.id) if held else None
        entry = books.write_entry(
            "usage", references=references(request_id=request_id, source=source, hold=shown), metadata=metadata
        )
        if held and not ended:
            held.captured_entry = entry.id
    if held and not ended:
        books.show_hold(held)
        books.end_payment(held)
    books.say(
        UsageRow(
            id=books.event_id,
            account=payer.facts.id,
            to_account=receiver.facts.id if to_account or (held and held.counterparty) else None,
            version=version.id,
            book=version.book,
            source=source or "",
            request_id=request_id,
            model=model,
            metrics=metrics,
            at=moment,
            recorded_at=books.now,
            lines=lines_of(priced),
            cost=priced.cost,
            charged=due - uncovered,
            paid=due - uncovered,
            uncovered=uncovered,
            remainder=meter.remainder,
            hold=held.id if held else None,
            late=late,
        )
    )
    books.result["meter"] = meter.document()
