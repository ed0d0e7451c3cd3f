"""Deposits: money that comes in from outside, once per source and external reference."""

from accounts.errors import (
    AccountClosed,
    AccountNotFound,
    AmountOverflow,
    CurrencyMismatch,
    CurrencyNotFound,
    NormalBalanceMismatch,
    ReservedName,
)
from accounts.fields import CurrencyCode
from accounts.rows import SOLE_CURRENCY, AccountRow
from holds.books import HoldBooks
from holds.commands.shared import AVAILABLE
from holds.deposits import DepositRow, deposit_name
from holds.errors import DepositNotFound, DepositNotPending, DuplicateDeposit
from holds.fields import DepositId, OpenableRef
from holds.rows import CUSTODY
from holds.topups.commands import TopUpId
from holds.topups.completing import complete, require_request
from holds.topups.errors import TopupNotFound
from journal.commands.shared import system_account
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, ExternalRef, Flag, LongText
from ledger_project.log.command import command


@command(
    event="deposit.recorded",
    refuses=(
        DuplicateDeposit,
        AccountNotFound,
        CurrencyNotFound,
        CurrencyMismatch,
        ReservedName,
        NormalBalanceMismatch,
        AccountClosed,
        TopupNotFound,
        AmountOverflow,
    ),
    also_wants=lambda call: [
        ("account", CUSTODY.replace("{currency}", call["currency"]))
        if call["currency"]
        else ("beside", (call["account"], CUSTODY)),
        ("deposit_ref", deposit_name(call["source"], call["external_ref"])),
        *([("currency", SOLE_CURRENCY)] if call["open_account"] and not call["currency"] else []),
        *([("topup_rule", call["topup"])] if call["topup"] else []),
    ],
    platform=True,
)
def record_deposit(
    books: HoldBooks,
    *,
    account: OpenableRef,
    amount: Amount,
    source: ExternalRef,
    external_ref: ExternalRef,
    confirmed: Flag = True,
    open_account: Flag = False,
    currency: CurrencyCode | None = None,
    topup: TopUpId | None = None,
) -> None:
    """Record money that came in from outside; while it is not `confirmed` it is announced and moves nothing.

    A source (a chain, a bank) gives each of its payments one reference (a transaction hash), which is used once.
    With `open_account` a first deposit opens its account, in `currency` or the tenant's only one; one that exists
    must have that currency. A deposit that names an open `topup` request of the account completes it.
    """
    twin = books.find(DepositRow, deposit_name(source, external_ref))
    if twin is not None:
        raise DuplicateDeposit(
            deposit=ids.show("dep", twin.id), event=ids.show("evt", twin.id), status=twin.status, source=source,
            external_ref=external_ref,
        )  # fmt: skip
    deposit_id = books.new_id()
    row = _receiver(books, account, open_account, currency)
    if topup:
        require_request(books, topup, row.facts.id)
    deposit = books.add(
        DepositRow(
            id=deposit_id,
            account=row.facts.id,
            currency=row.facts.currency,
            amount=amount,
            source=source,
            external_ref=external_ref,
            topup=topup,
            created_at=books.now,
            updated_at=books.now,
        ),
        deposit_name(source, external_ref),
    )
    if confirmed:
        _credit(books, deposit, row)
    books.result["deposit"] = deposit.document()


@command(
    event="deposit.confirmed",
    refuses=(DepositNotFound, DepositNotPending, AccountClosed, AmountOverflow),
    platform=True,
)
def confirm_deposit(books: HoldBooks, *, deposit: DepositId, reason: LongText | None = None) -> None:
    """Credit an announced deposit, or one that was given up and arrived after all."""
    found = _pending(books, deposit)
    _credit(books, found, books.account(ids.show("acc", found.account)), reason)
    books.result["deposit"] = found.document()


@command(event="deposit.failed", refuses=(DepositNotFound, DepositNotPending))
def fail_deposit(books: HoldBooks, *, deposit: DepositId, reason: LongText) -> None:
    """Give an announced deposit up: it is no longer expected. Should it arrive after all, confirm it."""
    found = _pending(books, deposit)
    found.status = "failed"
    found.reason = reason
    found.updated_at = books.now
    found.changed = True
    books.result["deposit"] = found.document()


def _pending(books: HoldBooks, deposit_id: DepositId) -> DepositRow:
    deposit = books.find(DepositRow, deposit_id)
    if deposit is None:
        raise DepositNotFound(deposit=ids.show("dep", deposit_id))
    if deposit.status == "confirmed":
        raise DepositNotPending(deposit=ids.show("dep", deposit_id), status=deposit.status)
    return deposit


def _receiver(books: HoldBooks, ref: str, open_account: bool, currency: str | None) -> AccountRow:
    """Who gets it. Custody is an asset, so what comes in stands on the credit side.

    Refuses: AccountNotFound, CurrencyNotFound, CurrencyMismatch, ReservedName, NormalBalanceMismatch, AccountClosed.
    """
    if open_account and books.find(AccountRow, ref) is None and not ids.looks_like_id(ref):
        return books.open(ref, books.currency(currency))
    row = books.account(ref)
    if currency is not None and row.facts.currency != currency:
        raise CurrencyMismatch(account=row.facts.name, currency=row.facts.currency, expected=currency)
    if row.facts.sign > 0:
        raise NormalBalanceMismatch(account=row.facts.name, type=row.facts.type, expected="liability")
    if row.status == "closed":
        raise AccountClosed(account=row.facts.name)
    return row


def _credit(books: HoldBooks, deposit: DepositRow, row: AccountRow, reason: str | None = None) -> None:
    books.give(system_account(books, row, CUSTODY, type="asset"), AVAILABLE, deposit.amount)
    books.give(row, AVAILABLE, deposit.amount)
    books.write_entry("deposit", description=reason, references=deposit.entry_references())
    complete(books, deposit)
    deposit.status = "confirmed"
    deposit.updated_at = books.now
    deposit.changed = True
