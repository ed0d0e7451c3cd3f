"""Promotional money: given by the platform, spent before other money where a spend allows it, never redeemed."""

from datetime import datetime, timedelta

from accounts.commands.keys import Lifetime
from accounts.errors import AccountFrozen, AccountUnbounded, AmountOverflow, InsufficientFunds
from accounts.fields import AccountRef
from accounts.rows import Bucket
from journal.commands.shared import AVAILABLE, BREAKAGE, ISSUANCE, MOVEMENT, issuance, references, sink
from journal.errors import PromoGrantNotFound, PromoNotExpired
from journal.fields import GrantId
from journal.posting import Books, require_alike, require_open, short
from journal.promo import Grant, purse_of, purse_with
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Amount, ExternalRef, Moment, Want
from ledger_project.log.command import Arguments, command

PROMO = Bucket.PROMO


def _issuance(call: Arguments) -> list[Want]:
    return [("beside", (call["account"], ISSUANCE))]


@command(
    event="promo.minted",
    seed_events=("promo_mint",),
    refuses=(InvalidRequest, MOVEMENT[0], AccountUnbounded, *MOVEMENT[1:], AmountOverflow),
    also_wants=_issuance,
    platform=True,
)
def promo_mint(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    expires_in: Lifetime | None = None,
    expires_at: Moment | None = None,
    reference: ExternalRef | None = None,
) -> None:
    """Grant promotional money, for good or until a moment, when what is left of it is burnt."""
    expiry = expiry_of(books, expires_in, expires_at)
    row = books.account(account)
    if row.facts.unbounded:
        raise AccountUnbounded(account=row.facts.name)
    books.move(amount, (issuance(books, row), AVAILABLE), (row, PROMO))
    entry = books.write_entry("promo_mint", references=references(reference=reference))
    grant = Grant(id=entry.id, account=row.facts.id, amount=amount, expires_at=expiry, created_at=books.now)
    purse_of(books, row).add(grant)
    books.result["promo_grant"] = grant.document()


def expiry_of(books: Books, expires_in: int | None, expires_at: datetime | None) -> datetime | None:
    if expires_in is not None and expires_at is not None:
        raise InvalidRequest(field="expires_at", reason="given together with expires_in")
    if expires_at is not None and expires_at <= books.now:
        raise InvalidRequest(field="expires_at", reason="in the past")
    return books.now + timedelta(seconds=expires_in) if expires_in else expires_at


@command(
    event="promo.burned",
    seed_events=("promo_burn",),
    refuses=(*MOVEMENT, InsufficientFunds, AmountOverflow),
    also_wants=lambda call: [*_issuance(call), ("promo_purse", call["account"])],
    platform=True,
)
def promo_burn(books: Books, *, account: AccountRef, amount: Amount, reference: ExternalRef | None = None) -> None:
    """Take promotional money back out of circulation, the grant that expires first before the others."""
    row = books.account(account)
    purse, target = purse_of(books, row), issuance(books, row)
    require_alike(row, target)
    require_open(row)
    left = sum(grant.left for grant in purse.grants if grant.kind == "promo")
    if left < amount:
        raise short(row, PROMO, amount, left)
    books.move(amount, (row, PROMO), (target, AVAILABLE))
    books.write_entry("promo_burn", references=references(reference=reference))
    books.result["promo"] = [use.document() for use in purse.burn(amount)]


@command(
    event="promo.expired",
    refuses=(PromoGrantNotFound, PromoNotExpired, AccountFrozen, AmountOverflow),
    also_wants=lambda call: [("promo_beside", (call["grant"], pattern)) for pattern in (ISSUANCE, BREAKAGE)],
    platform=True,
)
def expire_promo(books: Books, *, grant: GrantId) -> None:
    """Burn what is left of a grant whose time has come, or book it as breakage if it was paid for; beat does so."""
    found = purse_with(books, grant)
    if found is None:
        raise PromoGrantNotFound(grant=ids.show("prm", grant))
    purse, expiring = found
    left = expiring.left
    if not left or not expiring.expired(books.now):
        raise PromoNotExpired(grant=ids.show("prm", grant), left=str(left))
    row = books.account(ids.show("acc", purse.account_id))
    require_open(row)
    books.lapse(purse.finish(expiring), row, sink(books, row, expiring))
    books.write_entry("promo_expiry", references={"grant": ids.show("prm", grant)})
    books.result["promo_grant"] = expiring.document()
