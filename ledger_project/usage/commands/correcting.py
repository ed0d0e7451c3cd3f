"""What was recorded is put right: by the difference, as a posting of its own that names what it follows on."""

from accounts.errors import AccountClosed, AccountFrozen, AmountOverflow, InsufficientFunds
from accounts.rows import AccountRow
from journal.commands.shared import AVAILABLE
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Amount, Flag, LongText
from ledger_project.log.command import command
from ledger_project.usage.books import UsageBooks, in_force, lines_of, month_of
from ledger_project.usage.commands.shared import Metrics, UsageId
from ledger_project.usage.errors import (
    NothingToCorrect,
    NothingUncovered,
    UnpricedMetric,
    UsageNotFound,
    UsageSuperseded,
    UsageTooOld,
)
from ledger_project.usage.pricing import Line, Priced
from ledger_project.usage.rows import KNOWN_BOOKS, MeterRow, UsageRow, Version


@command(
    event="usage.corrected",
    refuses=(
        InvalidRequest,
        UsageNotFound,
        UsageSuperseded,
        UnpricedMetric,
        UsageTooOld,
        NothingToCorrect,
        AccountClosed,
        AccountFrozen,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=lambda call: [("price_book", None), ("usage", call["usage"]), ("usage_meter", call["usage"])],
    platform=True,
)
def correct_usage(
    books: UsageBooks,
    *,
    usage: UsageId,
    metrics: Metrics | None = None,
    reprice: Flag = False,
    reason: LongText | None = None,
) -> None:
    """Post the difference between what was recorded and what was used, or what it costs by the version in force now.

    `metrics` are all quantities as they should have been. The version that priced the usage prices the correction,
    unless `reprice`. What is due less goes back from whoever was paid, from what is `uncovered` first, and to the
    budgets that were charged; what is due more is charged, and budgets book it.
    """
    if metrics is None and not reprice:
        raise InvalidRequest(field="metrics", reason="required, unless the usage is to be priced anew")
    row = books.recorded(usage)
    old = books.version_of(row)
    new = in_force(books.batch.facts[KNOWN_BOOKS], row.book, row.at) if reprice else old
    metrics = row.metrics if metrics is None else metrics
    if metrics == row.metrics and new.id == old.id:
        raise NothingToCorrect(usage=ids.show("usg", usage))
    payer = books.account(ids.show("acc", row.account))
    receiver = books.receiver(row, payer)
    meter = books.meter(row.account, row.book)
    priced = _priced_anew(row, metrics, old, new, meter)
    due = books.charge(meter, priced.cost - row.cost)

    uncovered = row.uncovered - min(row.uncovered, max(0, -due))
    moved = due + (row.uncovered - uncovered)
    corrected = books.follow(
        row,
        "corrected",
        version=new.id,
        metrics=metrics,
        lines=lines_of(priced),
        cost=priced.cost,
        charged=moved,
        uncovered=uncovered,
        remainder=meter.remainder,
    )
    _move(books, corrected, moved, payer, receiver)
    if moved:
        books.write_entry("usage_correction", description=reason, references=_names(row))
    books.result["meter"] = meter.document()


def _priced_anew(row: UsageRow, metrics: dict[str, int], old: Version, new: Version, meter: MeterRow) -> Priced:
    """What it costs now, with the month's tiers counted anew. Refuses: UnpricedMetric, UsageTooOld."""
    before = [Line.of(line) for line in row.lines]
    month, other = month_of(old, row.at), month_of(new, row.at)
    if old.prices.graduates(before) and month not in meter.counts:
        raise UsageTooOld(at=clock.stamp(row.at), earliest=min(meter.counts, default=None))
    if old.id == new.id:
        priced = old.prices.reprice(row.model, metrics, before, meter.counts.get(month, {}))
        meter.count(month, priced.counted)
        return priced
    meter.count(month, {rate.key: -row.metrics[rate.metric] for rate in old.prices.graduates(before)})
    priced = new.prices.price(row.model, metrics, meter.counts.get(other, {}))
    meter.count(other, priced.counted)
    return priced


def _move(books: UsageBooks, usage: UsageRow, amount: int, payer: AccountRow, receiver: AccountRow) -> None:
    """Charge what is due more, or give back what is due less, at the balances and at the budgets."""
    books.model = usage.model
    books.done = True
    if amount > 0:
        books.move(amount, (payer, AVAILABLE), (receiver, AVAILABLE))
        books.charge_payments([(payer.facts, -amount), (receiver.facts, amount)])
    elif amount < 0:
        books.take_own(receiver, -amount)
        books.give(payer, AVAILABLE, -amount)
        for budget in {budget for budget, _ in usage.charges}:
            left = -amount
            for (each, start), charged in reversed(usage.charges.items()):
                back = min(charged, left) if each == budget else 0
                if back:
                    books.return_to(budget, start, back)
                    usage.add_charges({(budget, start): -back})
                    left -= back


def _names(row: UsageRow) -> dict[str, str]:
    """What every entry about a request refers to."""
    named = {"request_id": row.request_id, "usage": ids.show("usg", row.id)}
    return named | ({"source": row.source} if row.source else {})


@command(
    event="usage.collected",
    refuses=(
        UsageNotFound,
        UsageSuperseded,
        NothingUncovered,
        AccountClosed,
        AccountFrozen,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=lambda call: [("price_book", None), ("usage", call["usage"]), ("usage_meter", call["usage"])],
)
def collect_uncovered(
    books: UsageBooks, *, usage: UsageId, amount: Amount | None = None, reason: LongText | None = None
) -> None:
    """Take what was due for usage and was not there then: all of it, or `amount`. The work is done: budgets book it."""
    row = books.recorded(usage)
    asked = row.uncovered if amount is None else amount
    if not row.uncovered or asked > row.uncovered:
        raise NothingUncovered(usage=ids.show("usg", usage), uncovered=str(row.uncovered), asked=str(asked))
    payer = books.account(ids.show("acc", row.account))
    books.model = row.model
    books.done = True
    books.follow(row, "collected", charged=asked, uncovered=row.uncovered - asked)
    books.move(asked, (payer, AVAILABLE), (books.receiver(row, payer), AVAILABLE))
    books.write_entry("usage_collection", description=reason, references=_names(row))
