"""The billing engine's records, with its account names and postings.

| record  | debit                            | credit                                                     |
|---------|----------------------------------|------------------------------------------------------------|
| payment | platform:cash                    | customer_balance:{customer}, platform:fees (where not zero) |
| refund  | customer_balance:{customer}      | platform:cash                                              |
| payout  | merchant_settlement:{merchant}   | platform:cash                                              |
| dispute | platform:disputes_held           | platform:cash                                              |

Accounts are opened on first use, the platform's unbounded, those of customers and merchants not: what is refunded or
paid out is money that is there. An account has one currency, and a name belongs to the currency that used it first;
in another one the account is `{name}:{currency}`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from accounts.errors import (
    AccountClosed,
    AccountExists,
    AccountFrozen,
    AmountOverflow,
    CurrencyNotFound,
    InsufficientFunds,
    NormalBalanceMismatch,
)
from accounts.fields import CurrencyCode
from accounts.rows import DEBIT_NORMAL, AccountRow
from journal.billing import RecordRow
from journal.commands.shared import AVAILABLE
from journal.errors import (
    AlreadyReversed,
    DuplicateRecord,
    FeesExceedPayment,
    PaymentNotFound,
    RefundExceedsOriginal,
)
from journal.posting import Books
from journal.refunds import RefundTotalRow
from ledger_project.kernel import ids
from ledger_project.kernel.fields import (
    Amount,
    ExternalRef,
    ExternalRefField,
    Limit,
    LongText,
    Metadata,
    Moment,
    Want,
)
from ledger_project.kernel.identity import fold
from ledger_project.log.command import Arguments, command

RecordId = ExternalRef
PartyId = Annotated[str, ExternalRefField(maximum=200, pattern=r"[^\s/]([^/]*[^\s/])?")]


@dataclass(frozen=True, slots=True)
class Role:
    """An account of the billing engine; `party` is the argument that its name ends in."""

    name: str
    type: str
    party: str = ""

    def name_for(self, party: str) -> str:
        return f"{self.name}:{party}" if self.party else self.name


CASH = Role("platform:cash", "asset")
FEES = Role("platform:fees", "revenue")
DISPUTES = Role("platform:disputes_held", "asset")
CUSTOMER = Role("customer_balance", "liability", "customer_id")
MERCHANT = Role("merchant_settlement", "liability", "merchant_id")

ID_OF = {
    "payment": "payment_intent_id",
    "payment_refund": "refund_id",
    "payout": "payout_id",
    "dispute": "dispute_id",
}
ACCOUNTS = (CurrencyNotFound, AccountExists, NormalBalanceMismatch, AccountClosed, AccountFrozen)


def _wants(call: Arguments, kind: str, *roles: Role) -> Iterator[Want]:
    """The record by its id, and each role's account under both its names."""
    yield "billing_record", (kind, call[ID_OF[kind]])
    for role in roles:
        name = role.name_for(call[role.party] if role.party else "")
        yield "account", name
        yield "account", f"{name}:{call['currency']}"


@command(
    event="payment.recorded",
    refuses=(DuplicateRecord, FeesExceedPayment, *ACCOUNTS, AmountOverflow),
    also_wants=lambda call: _wants(call, "payment", CASH, CUSTOMER, FEES),
    platform=True,
)
def record_payment(
    books: Books,
    *,
    payment_intent_id: RecordId,
    customer_id: PartyId,
    amount: Amount,
    currency: CurrencyCode,
    fees: Limit = 0,
    description: LongText | None = None,
    metadata: Metadata | None = None,
    effective_at: Moment | None = None,
) -> None:
    """Record a customer's payment: the cash, the customer's balance less the fees, and the fees."""
    record = Record("payment", payment_intent_id, CUSTOMER, customer_id, amount, currency)
    record.require_new(books)
    if fees > amount:
        raise FeesExceedPayment(amount=str(amount), fees=str(fees))
    cash, customer = record.account(books, CASH), record.account(books, CUSTOMER)
    books.give(cash, AVAILABLE, amount)
    if amount > fees:
        books.give(customer, AVAILABLE, amount - fees)
    if fees:
        books.give(record.account(books, FEES), AVAILABLE, fees)
    record.write(books, description=description, metadata=metadata, effective_at=effective_at, fees=str(fees))


def _refund_wants(call: Arguments) -> Iterator[Want]:
    yield from _wants(call, "payment_refund", CASH, CUSTOMER)
    if call["payment_intent_id"]:
        yield "billing_record", ("payment", call["payment_intent_id"])
        yield "refunds_of", call["payment_intent_id"]


@command(
    event="payment_refund.recorded",
    refuses=(
        DuplicateRecord,
        PaymentNotFound,
        AlreadyReversed,
        RefundExceedsOriginal,
        *ACCOUNTS,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=_refund_wants,
    platform=True,
)
def record_refund(
    books: Books,
    *,
    refund_id: RecordId,
    customer_id: PartyId,
    amount: Amount,
    currency: CurrencyCode,
    payment_intent_id: RecordId | None = None,
    description: LongText | None = None,
    metadata: Metadata | None = None,
    effective_at: Moment | None = None,
) -> None:
    """Record money given back to a customer; of a payment that is named, never more than it was."""
    record = Record("payment_refund", refund_id, CUSTOMER, customer_id, amount, currency)
    record.require_new(books)
    if payment_intent_id is not None:
        record.count_against(books, payment_intent_id)
    cash, customer = record.account(books, CASH), record.account(books, CUSTOMER)
    books.take(customer, AVAILABLE, amount)
    books.take(cash, AVAILABLE, amount)
    named = {"payment_intent_id": payment_intent_id} if payment_intent_id else {}
    record.write(
        books, description=description, metadata=metadata, effective_at=effective_at, references=named, **named
    )


@command(
    event="payout.recorded",
    refuses=(DuplicateRecord, *ACCOUNTS, InsufficientFunds, AmountOverflow),
    also_wants=lambda call: _wants(call, "payout", CASH, MERCHANT),
    platform=True,
)
def record_payout(
    books: Books,
    *,
    payout_id: RecordId,
    merchant_id: PartyId,
    amount: Amount,
    currency: CurrencyCode,
    description: LongText | None = None,
    metadata: Metadata | None = None,
    effective_at: Moment | None = None,
) -> None:
    """Record money paid out to a merchant, of what was settled for it."""
    record = Record("payout", payout_id, MERCHANT, merchant_id, amount, currency)
    record.require_new(books)
    cash, merchant = record.account(books, CASH), record.account(books, MERCHANT)
    books.take(merchant, AVAILABLE, amount)
    books.take(cash, AVAILABLE, amount)
    record.write(books, description=description, metadata=metadata, effective_at=effective_at)


@command(
    event="dispute.recorded",
    refuses=(DuplicateRecord, *ACCOUNTS, AmountOverflow),
    also_wants=lambda call: _wants(call, "dispute", CASH, DISPUTES),
    platform=True,
)
def record_dispute(
    books: Books,
    *,
    dispute_id: RecordId,
    customer_id: PartyId,
    amount: Amount,
    currency: CurrencyCode,
    description: LongText | None = None,
    metadata: Metadata | None = None,
    effective_at: Moment | None = None,
) -> None:
    """Record money that a customer's dispute holds back from the platform's cash."""
    record = Record("dispute", dispute_id, CUSTOMER, customer_id, amount, currency)
    record.require_new(books)
    cash, disputes = record.account(books, CASH), record.account(books, DISPUTES)
    books.give(disputes, AVAILABLE, amount)
    books.take(cash, AVAILABLE, amount)
    record.write(books, description=description, metadata=metadata, effective_at=effective_at)


@dataclass(frozen=True, slots=True)
class Record:
    """One record on its way into the books; `whose` is the role of its party."""

    kind: str
    external_id: str
    whose: Role
    party: str
    amount: int
    currency: str

    def require_new(self, books: Books) -> None:
        """Refuses: DuplicateRecord, with the original."""
        first = books.find(RecordRow, (self.kind, fold(self.external_id)))
        if first is not None:
            raise DuplicateRecord(
                **{ID_OF[self.kind]: self.external_id},
                entry=ids.show("ent", first.entry_id),
                amount=str(first.amount),
                currency=first.currency,
            )

    def count_against(self, books: Books, payment_intent_id: str) -> None:
        """Refuses: PaymentNotFound, AlreadyReversed, RefundExceedsOriginal."""
        payment = books.find(RecordRow, ("payment", fold(payment_intent_id)))
        if payment is None or (fold(payment.party), payment.currency) != (fold(self.party), self.currency):
            raise PaymentNotFound(payment_intent_id=payment_intent_id, currency=self.currency)
        total = books.find(RefundTotalRow, payment.entry_id)
        total = total or books.add(RefundTotalRow(entry_id=payment.entry_id, amount=payment.amount))
        if total.reversed:
            raise AlreadyReversed(entry=ids.show("ent", payment.entry_id))
        total.require_left(self.amount)
        total.add(self.amount)

    def account(self, books: Books, role: Role) -> AccountRow:
        """The role's account in this currency, opened on first use.

        Refuses: CurrencyNotFound, AccountExists where the name is another party's, NormalBalanceMismatch.
        """
        unit = books.currency(self.currency)
        party = self.party if role.party else ""
        name = role.name_for(party)
        row = books.find(AccountRow, name)
        if row is not None and row.facts.currency != unit.code:
            name = f"{name}:{unit.code}"
            row = books.find(AccountRow, name)
        if row is None:
            owner = {role.party: party} if role.party else {}
            return books.open(name, unit, type=role.type, unbounded=not role.party, metadata=owner)
        # `a:EUR` is customer "a" in euros and customer "a:EUR" in the first currency; the metadata tells which.
        if row.facts.currency != unit.code or fold(row.facts.metadata.get(role.party, party)) != fold(party):
            raise AccountExists(account=name)
        if (row.facts.type in DEBIT_NORMAL) != (role.type in DEBIT_NORMAL):
            raise NormalBalanceMismatch(account=name, type=row.facts.type, expected=role.type)
        return row

    def write(
        self,
        books: Books,
        *,
        description: str | None,
        metadata: dict[str, Any] | None,
        effective_at: datetime | None,
        references: dict[str, str] | None = None,
        **more: str,
    ) -> None:
        """The entry of what was moved, the record of the id, and the answer."""
        named = {ID_OF[self.kind]: self.external_id, self.whose.party: self.party}
        entry = books.write_entry(
            self.kind,
            description=description,
            references=named | (references or {}),
            metadata=metadata,
            effective_at=effective_at,
        )
        books.add(
            RecordRow(
                kind=self.kind,
                external_id=self.external_id,
                party=self.party,
                currency=self.currency,
                amount=self.amount,
                entry_id=entry.id,
            )
        )
        books.result[self.kind] = {**named, "amount": str(self.amount), "currency": self.currency, **more}
