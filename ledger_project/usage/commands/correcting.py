"""What was recorded is put right: by the difference, as a posting of its own that names what it follows on."""

from accounts.errors import AccountClosed, AccountFrozen, AmountOverflow, CurrencyMismatch, InsufficientFunds
from journal.commands.shared import AVAILABLE
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Amount, Flag, LongText
from ledger_project.log.command import command
from ledger_project.usage.books import UsageBooks, lines_of, month_of
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
from ledger_project.usage.rows import MeterRow, UsageRow, Version


@command(
    event="usage.corrected",
    refuses=(
        UsageNotFound,
        UsageSuperseded,
        InvalidRequest,
        UnpricedMetric,
        UsageTooOld,
        CurrencyMismatch,
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
    row = books.recorded(usage)
    if metrics is None and not reprice:
        raise InvalidRequest(field="metrics", reason="required, unless the usage is to be priced anew")
    payer = books.account(ids.show("acc", row.account))
    old = books.version_of(row)
    new = books.version(row.book, row.at, payer) if reprice else old
    metrics = row.metrics if metrics is None else metrics
    if metrics == row.metrics and new.id == old.id:
        raise NothingToCorrect(usage=ids.show("usg", usage))
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
        paid=row.paid + moved,
        uncovered=uncovered,
        remainder=meter.remainder,
    )
    books.model, books.done = row.model, True
    if moved > 0:
        books.pay_out(moved, payer, (receiver, AVAILABLE))
        books.charge_payments([(payer.facts, -moved), (receiver.facts, moved)])
    elif moved < 0:
        books.return_payment(corrected, -moved, payer, receiver)
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
    also_wants=lambda call: [("usage", call["usage"]), ("usage_meter", call["usage"])],
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
    books.follow(row, "collected", charged=asked, paid=row.paid + asked, uncovered=row.uncovered - asked)
    books.pay_out(asked, payer, (books.receiver(row, payer), AVAILABLE))
    books.write_entry("usage_collection", description=reason, references=_names(row))
