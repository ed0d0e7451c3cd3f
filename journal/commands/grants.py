"""Granted money: given away or bought beforehand, used in its order, and what becomes of its rest."""

from dataclasses import replace
from typing import Annotated

from accounts.commands.keys import Lifetime
from accounts.errors import AccountFrozen, AccountUnbounded, AmountOverflow
from accounts.fields import AccountRef
from accounts.rows import Bucket
from journal.commands.promo import expiry_of
from journal.commands.shared import AVAILABLE, BREAKAGE, ISSUANCE, MOVEMENT, issuance, references, sink
from journal.errors import GrantOver, PromoGrantNotFound
from journal.fields import GrantId
from journal.posting import Books, require_open
from journal.promo import FIRST, KINDS, LAST, PROMO, USUAL, Grant, PurseRow, purse_of, purse_with
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import (
    Amount,
    ChoiceField,
    ExternalRef,
    ListField,
    LongText,
    Moment,
    TextField,
    Want,
    WholeNumberField,
)
from ledger_project.log.command import Arguments, command

Kind = Annotated[str, ChoiceField(KINDS)]
Priority = Annotated[int, WholeNumberField(FIRST, LAST)]
Models = Annotated[list[str], ListField(TextField(maximum=128), minimum=1, maximum=100)]


@command(
    event="grant.given",
    refuses=(InvalidRequest, MOVEMENT[0], AccountUnbounded, *MOVEMENT[1:], AmountOverflow),
    also_wants=lambda call: [("beside", (call["account"], ISSUANCE)), ("promo_purse", call["account"])],
    platform=True,
)
def grant(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    kind: Kind = PROMO,
    priority: Priority = USUAL,
    starts_at: Moment | None = None,
    expires_in: Lifetime | None = None,
    expires_at: Moment | None = None,
    models: Models | None = None,
    reference: ExternalRef | None = None,
) -> None:
    """Grant money that pays for usage, spends, holds and x402 before the account's own, and can never be paid out.

    Grants are used by `priority`, the lowest first, then the one that expires first, then the oldest. With `models` a
    grant is for payments that name a model which fits. What is left at its end is burnt, or, of a `paid` one, breakage.
    """
    expiry = expiry_of(books, expires_in, expires_at)
    if starts_at is not None and expiry is not None and starts_at >= expiry:
        raise InvalidRequest(field="starts_at", reason="not before the end")
    row = books.account(account)
    if row.facts.unbounded:
        raise AccountUnbounded(account=row.facts.name)
    books.move(amount, (issuance(books, row), AVAILABLE), (row, Bucket.PROMO))
    entry = books.write_entry("grant", references=references(reference=reference))
    given = Grant(
        id=entry.id,
        account=row.facts.id,
        kind=kind,
        amount=amount,
        priority=priority,
        starts_at=starts_at,
        expires_at=expiry,
        models=models,
        automatic=True,
        created_at=books.now,
    )
    purse_of(books, row).add(given)
    books.result["promo_grant"] = given.document()


def _beside(call: Arguments) -> list[Want]:
    return [("promo_beside", (call["grant"], pattern)) for pattern in (ISSUANCE, BREAKAGE)]


@command(
    event="grant.voided",
    refuses=(PromoGrantNotFound, GrantOver, AccountFrozen, AmountOverflow),
    also_wants=_beside,
    platform=True,
)
def void_grant(books: Books, *, grant: GrantId, reason: LongText | None = None) -> None:
    """Take back what is free of a grant. What open holds have of it stays with them, and is burnt if it comes back."""
    purse, found = _open(books, grant)
    row = books.account(ids.show("acc", found.account))
    require_open(row)
    found.voided_at = books.now
    left = purse.finish(found)
    if left:
        books.lapse(left, row, sink(books, row, found))
        books.write_entry("grant_void", description=reason, references={"grant": ids.show("prm", grant)})
    books.result["promo_grant"] = found.document()


@command(
    event="grant.rolled_over",
    refuses=(InvalidRequest, PromoGrantNotFound, GrantOver),
    platform=True,
)
def roll_over_grant(
    books: Books,
    *,
    grant: GrantId,
    at_most: Amount | None = None,
    expires_in: Lifetime | None = None,
    expires_at: Moment | None = None,
) -> None:
    """Let what is free of a grant, or `at_most` of it, live on in a new one of its kind with another end.

    What is not rolled over stays in the old one, to its end.
    """
    expiry = expiry_of(books, expires_in, expires_at)
    purse, old = _open(books, grant)
    amount = min(old.left, at_most or old.left)
    if not amount:
        raise GrantOver(grant=ids.show("prm", grant), left="0")
    old.burned += amount
    purse.touch(old)
    rolled = replace(
        old,
        id=books.new_id(),
        amount=amount,
        spent=0,
        held=0,
        burned=0,
        expires_at=expiry,
        created_at=books.now,
    )
    purse.add(rolled)
    books.result["promo_grant"] = rolled.document()


def _open(books: Books, ref: GrantId) -> tuple[PurseRow, Grant]:
    """A grant that is not over. Refuses: PromoGrantNotFound, GrantOver."""
    found = purse_with(books, ref)
    if found is None:
        raise PromoGrantNotFound(grant=ids.show("prm", ref))
    _, given = found
    if given.over(books.now):
        ended = given.voided_at or given.expires_at
        raise GrantOver(grant=ids.show("prm", ref), over_since=ended and clock.stamp(ended), left=str(given.left))
    return found
