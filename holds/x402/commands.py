"""Payments of x402: authorised by a payer, claimed by the server that works for them, settled once or cancelled.

Only the facilitator (holds/x402/payments.py) gives these, each as the payer's own signed act: nobody else has an
authorization.
"""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from accounts.errors import (
    AmountOverflow,
    InsufficientFunds,
)
from accounts.fields import AccountRef, SessionKeyId
from holds.books import HoldBooks, require_live
from holds.commands.holds import capture_hold, release_hold
from holds.commands.shared import PAYMENT, SESSION_KEY
from holds.errors import (
    AuthorizationExpired,
    AuthorizationNotFound,
    CaptureExceedsHold,
    HoldExpired,
    HoldNotPending,
    PaymentClaimed,
    PaymentKeyRevoked,
    PaymentNotOpen,
)
from holds.fields import PartyRef, Seconds
from holds.x402.rows import SCHEMES, AuthorizationRow
from journal.commands.spend import spend
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, ChoiceField, IdField, Limit, Text, TextField
from ledger_project.log.command import Arguments, command

AuthorizationId = Annotated[UUID, IdField("aut", "authorization")]
Scheme = Annotated[str, ChoiceField(SCHEMES)]
Nonce = Annotated[str, TextField(minimum=16, maximum=128, pattern=r"[A-Za-z0-9_-]+")]
Resource = Annotated[str, TextField(maximum=1024)]

ENDED = (AuthorizationNotFound, PaymentNotOpen, PaymentClaimed)
UNPAYABLE = (*ENDED, PaymentKeyRevoked, AuthorizationExpired)


def _hold(call: Arguments) -> list[tuple[str, UUID]]:
    return [("authorization_hold", call["authorization"])]


@command(
    event="payment.authorized",
    refuses=(*PAYMENT, *SESSION_KEY, InsufficientFunds, AmountOverflow),
    also_wants=lambda call: [("promo_purse", call["account"])],
    internal=True,
    own=("account",),
)
def authorize_payment(
    books: HoldBooks,
    *,
    account: AccountRef,
    to_account: PartyRef,
    amount: Amount,
    scheme: Scheme,
    nonce: Nonce,
    expires_in: Seconds,
    session_key: SessionKeyId | None = None,
    resource: Resource | None = None,
) -> None:
    """Let a receiver take up to, or exactly, an amount, once; of the scheme `upto` it is set aside now.

    It lasts no longer than the key that authorises it.
    """
    row = books.account(account)
    to = books.party(to_account, row)
    until = min(filter(None, (books.now + timedelta(seconds=expires_in), books.caller.expires_at)))
    if scheme == "upto":
        references = {"x402": nonce, **({"resource": resource} if resource else {})}
        hold = books.place("hold", row, amount, to=to, references=references, session_key=session_key)
        hold.expires_at = until
        books.write_entry("hold", references=hold.entry_references())
        books.show_hold(hold)
    payment = AuthorizationRow(
        id=books.event_id,  # which is the hold's, too
        scheme=scheme,
        account=row.facts.id,
        counterparty=to.id,
        currency=row.facts.currency,
        amount=amount,
        nonce=nonce,
        api_key=books.caller.key,
        session_key=session_key,
        resource=resource or "",
        expires_at=until,
        created_at=books.now,
        updated_at=books.now,
    )
    books.result["authorization"] = books.add(payment).document()


@command(
    event="payment.claimed",
    refuses=(*UNPAYABLE, HoldExpired, HoldNotPending),
    also_wants=_hold,
    internal=True,
    own=(),
)
def claim_payment(books: HoldBooks, *, authorization: AuthorizationId, settlement: Text) -> None:
    """Work for a payment under a name: from now on only a settlement of that name, or time, ends it."""
    payment = books.authorization(authorization)
    payment.make_claim(settlement, at=books.now)
    if payment.hold:
        require_live(books.hold(payment.hold, "hold"), books)
    books.result["authorization"] = payment.document()


@command(
    event="payment.settled",
    refuses=(
        *UNPAYABLE,
        HoldExpired,
        HoldNotPending,
        CaptureExceedsHold,
        *PAYMENT,
        *SESSION_KEY,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=lambda call: [("authorization_parties", call["authorization"])],
    internal=True,
    own=(),
)
def settle_payment(
    books: HoldBooks,
    *,
    authorization: AuthorizationId,
    amount: Limit,
    settlement: Text | None = None,
    attempt: Text | None = None,
) -> None:
    """Take what was authorised: of `upto`, `amount` of it, and the rest goes back; of `exact`, all of it.

    `settlement` is the server's name of it, which is the name of the claim where there is one. `attempt` is the name of
    the request: the same again is the same settlement.
    """
    payment = books.authorization(authorization)
    payment.settle(amount, settlement, at=books.now)
    books.result["authorization"] = payment.document()
    if payment.scheme == "exact":
        spend.plan(
            books,
            account=ids.show("acc", payment.account),
            to_account=ids.show("acc", payment.counterparty),
            amount=payment.amount,
            session_key=payment.session_key,
            reference=payment.nonce,
            description=settlement,
        )
    elif amount == 0:
        release_hold.plan(books, hold=payment.id, reason=settlement)
    else:
        capture_hold.plan(books, hold=payment.id, amount=amount, order_id=settlement)


@command(
    event="payment.cancelled", refuses=(*ENDED, HoldNotPending, AmountOverflow), also_wants=_hold, internal=True, own=()
)
def cancel_payment(books: HoldBooks, *, authorization: AuthorizationId) -> None:
    """Take back what was authorised and nobody has claimed; what was set aside for it goes back."""
    payment = books.authorization(authorization)
    payment.cancel(at=books.now)
    books.result["authorization"] = payment.document()
    if payment.hold:
        release_hold.plan(books, hold=payment.hold, reason="cancelled")
