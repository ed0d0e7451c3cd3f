"""An account that runs low asks for money: rules, requests, and how a request ends."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from accounts.errors import AccountNotFound, AccountUnbounded
from accounts.fields import AccountRef
from accounts.rows import AccountRow, Bucket
from holds.books import HoldBooks
from holds.topups.errors import TopupNotDue, TopupNotExpired, TopupNotFound, TopupNotOpen
from holds.topups.rows import TopUpRequestRow, TopUpRow
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Amount, IdField, Limit, LongText, TextField, WholeNumberField
from ledger_project.log.command import command

HOUR, DAY, YEAR = 3600, 24 * 3600, 365 * 24 * 3600
TopUpId = Annotated[UUID, IdField("top", "topup_request")]
Url = Annotated[str, TextField(maximum=2048, pattern=r"https?://[^\s]+")]


@command(
    event="topup.set",
    refuses=(AccountNotFound, AccountUnbounded, InvalidRequest),
    also_wants=lambda call: [("topup", call["account"])],
)
def set_topup(
    books: HoldBooks,
    *,
    account: AccountRef,
    below: Amount,
    to: Limit | None = None,
    amount: Amount | None = None,
    at_most_per_month: Amount | None = None,
    cooldown: Annotated[int, WholeNumberField(0, YEAR)] = HOUR,
    expires_in: Annotated[int, WholeNumberField(60, YEAR)] = DAY,
    url: Url | None = None,
) -> None:
    """Let an account ask for money when less than `below` is available: up to `to`, or an `amount`.

    A request is the event `topup.requested`, one at a time, `cooldown` seconds apart and no more than
    `at_most_per_month` in a calendar month of UTC. The deposit that names it completes it. After three failures in a
    row the rule is off until it is set again. Whoever is refused for want of money is told the `url`.
    """
    row = books.account(account)
    if row.facts.unbounded:
        raise AccountUnbounded(account=row.facts.name)
    if (to is None) == (amount is None):
        raise InvalidRequest(field="to", reason="name `to` or `amount`, one of the two")
    if to is not None and to <= below:
        raise InvalidRequest(field="to", reason="not more than `below`")
    rule = books.find(TopUpRow, row.facts.id)
    if rule is None:
        rule = books.add(
            TopUpRow(
                account=row.facts.id,
                below=below,
                to=to,
                amount=amount,
                at_most_per_month=at_most_per_month,
                cooldown=cooldown,
                expires_in=expires_in,
                url=url,
                created_at=books.now,
                updated_at=books.now,
            )
        )
    rule.below, rule.to, rule.amount, rule.at_most_per_month = below, to, amount, at_most_per_month
    rule.cooldown, rule.expires_in, rule.url = cooldown, expires_in, url
    rule.failures, rule.ended_at = 0, None
    _show(books, rule)


@command(
    event="topup.ended",
    refuses=(AccountNotFound, TopupNotFound),
    also_wants=lambda call: [("topup", call["account"])],
)
def end_topup(books: HoldBooks, *, account: AccountRef) -> None:
    """Ask for no more money; a request that is open may still be completed."""
    rule = books.find(TopUpRow, books.account(account).facts.id)
    if rule is None or rule.ended_at:
        raise TopupNotFound(account=account)
    rule.ended_at = books.now
    _show(books, rule)


@command(
    event="topup.requested",
    refuses=(AccountNotFound, TopupNotFound, TopupNotDue),
    also_wants=lambda call: [("topup", call["account"])],
    internal=True,
)
def request_topup(books: HoldBooks, *, account: AccountRef) -> None:
    """Ask for money, if the account is short of it and may."""
    row = books.account(account)
    rule = books.find(TopUpRow, row.facts.id)
    if rule is None or rule.ended_at:
        raise TopupNotFound(account=account)
    amount = _due(books, rule, row)
    request = books.add(
        TopUpRequestRow(
            id=books.new_id(),
            account=row.facts.id,
            amount=amount,
            url=rule.url,
            requested_at=books.now,
            expires_at=books.now + timedelta(seconds=rule.expires_in),
        ),
        ("open", row.facts.id),
    )
    rule.count(amount, books.now)
    rule.requested_at = books.now
    _show(books, rule)
    books.result["topup_request"] = request.document()


def _due(books: HoldBooks, rule: TopUpRow, row: AccountRow) -> int:
    """How much to ask for now. Refuses: TopupNotDue."""
    has = row.numbers[Bucket.AVAILABLE]
    left = rule.left(books.now)
    wanted = rule.amount if rule.amount is not None else (rule.to or 0) - has
    amount = wanted if left is None else min(wanted, left)
    before = books.find(TopUpRequestRow, ("open", row.facts.id))
    waits = rule.requested_at is not None and rule.requested_at + timedelta(seconds=rule.cooldown) > books.now
    reasons = (
        (before is not None and before.status == "open", "a request is open"),
        (rule.disabled, "three requests have failed"),
        (row.status != "open", f"the account is {row.status}"),
        (has >= rule.below, "enough is available"),
        (waits, "the last request was a moment ago"),
        (amount <= 0, "the month's most was asked for"),
    )
    reason = next((said for applies, said in reasons if applies), None)
    if reason is not None:
        raise TopupNotDue(account=row.facts.name, reason=reason)
    return amount


@command(
    event="topup.failed",
    refuses=(TopupNotFound, TopupNotOpen),
    also_wants=lambda call: [("topup_rule", call["topup"])],
)
def fail_topup(books: HoldBooks, *, topup: TopUpId, reason: LongText) -> None:
    """Say that a request cannot be met. After three in a row the rule is off until it is set again."""
    rule, request = _open(books, topup)
    if request.expires_at <= books.now:
        raise TopupNotOpen(topup=ids.show("top", topup), status="expired")
    _fail(books, rule, request, reason)


@command(
    event="topup.expired",
    refuses=(TopupNotFound, TopupNotOpen, TopupNotExpired),
    also_wants=lambda call: [("topup_rule", call["topup"])],
    internal=True,
)
def expire_topup(books: HoldBooks, *, topup: TopUpId) -> None:
    """Give up a request whose time is over, which counts as a failure; that of a rule that has ended, too."""
    rule, request = _open(books, topup)
    if books.now < request.expires_at:
        raise TopupNotExpired(topup=ids.show("top", topup))
    _fail(books, rule, request, "expired")


def _open(books: HoldBooks, topup: UUID) -> tuple[TopUpRow, TopUpRequestRow]:
    """An open request and its rule. Refuses: TopupNotFound, TopupNotOpen."""
    request = books.find(TopUpRequestRow, topup)
    rule = books.find(TopUpRow, request.account) if request else None
    if request is None or rule is None:
        raise TopupNotFound(topup=ids.show("top", topup))
    if request.status != "open":
        raise TopupNotOpen(topup=ids.show("top", topup), status=request.status)
    return rule, request


def _fail(books: HoldBooks, rule: TopUpRow, request: TopUpRequestRow, reason: str) -> None:
    """What was not paid counts no longer in the month in which it was asked for."""
    request.settle("failed", books.now, reason)
    rule.failures += 1
    rule.count(-request.amount, request.requested_at)
    _show(books, rule)
    books.result["topup_request"] = request.document()


def _show(books: HoldBooks, rule: TopUpRow) -> None:
    rule.updated_at, rule.changed = books.now, True
    books.result["topup"] = {**rule.document(), "disabled": rule.disabled}
