"""Session keys: budgets that an account gives out and takes back."""

from datetime import timedelta
from typing import Annotated

from accounts.books import AccountBooks
from accounts.commands.keys import Lifetime
from accounts.errors import AccountClosed, AccountNotFound, SessionKeyNotFound, SessionKeyRevoked
from accounts.fields import AccountRef, SessionKeyId
from accounts.sessions import SessionKeyRow
from ledger_project.kernel import clock, ids
from ledger_project.kernel.fields import Amount, ListField, RefField
from ledger_project.log.command import command

Receivers = Annotated[list[str], ListField(RefField(kind="account"), minimum=1, maximum=100)]


@command(event="session_key.issued", refuses=(AccountNotFound, AccountClosed), own=("account",))
def issue_session_key(
    books: AccountBooks,
    *,
    account: AccountRef,
    max_per_spend: Amount | None = None,
    max_per_day: Amount | None = None,
    max_total: Amount | None = None,
    allowed_receivers: Receivers | None = None,
    expires_in: Lifetime | None = None,
) -> None:
    """Give out a budget on an account: caps per spend, per day (UTC) and in all, receivers, and seconds to live.

    A cap that is left out is no cap. The key is not a secret; callers still need an API key that may spend.
    """
    row = books.account(account)
    if row.status == "closed":
        raise AccountClosed(account=row.facts.name)
    receivers = allowed_receivers and [ids.show("acc", books.account(ref).facts.id) for ref in allowed_receivers]
    key = SessionKeyRow(
        id=books.new_id(),
        account=row.facts.id,
        max_per_spend=max_per_spend,
        max_per_day=max_per_day,
        max_total=max_total,
        allowed_receivers=receivers,
        created_at=books.now,
        expires_at=books.now + timedelta(seconds=expires_in) if expires_in else None,
    )
    books.result["session_key"] = books.add(key).document()


@command(event="session_key.revoked", refuses=(SessionKeyNotFound, SessionKeyRevoked), own=())
def revoke_session_key(books: AccountBooks, *, session_key: SessionKeyId) -> None:
    """Take a budget back for good; what was spent with it stays spent."""
    key = books.find(SessionKeyRow, session_key)
    if key is None:
        raise SessionKeyNotFound(session_key=ids.show("ssk", session_key))
    if key.revoked_at is not None:
        raise SessionKeyRevoked(session_key=ids.show("ssk", session_key), revoked_at=clock.stamp(key.revoked_at))
    key.revoked_at, key.changed = books.now, True
    books.result["session_key"] = key.document()
