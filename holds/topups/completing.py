"""The deposit that names a request completes it."""

from uuid import UUID

from holds.books import HoldBooks
from holds.deposits import DepositRow
from holds.topups.errors import TopupNotFound
from holds.topups.rows import TopUpRequestRow, TopUpRow
from ledger_project.kernel import ids


def require_request(books: HoldBooks, topup: UUID, account: UUID) -> None:
    """Refuses: TopupNotFound, where the account has made no such request."""
    request = books.find(TopUpRequestRow, topup)
    if request is None or request.account != account:
        raise TopupNotFound(topup=ids.show("top", topup))


def complete(books: HoldBooks, deposit: DepositRow) -> None:
    """End the open request that a deposit names, whatever it brings; one whose time is over stays as it is."""
    request = books.find(TopUpRequestRow, deposit.topup) if deposit.topup else None
    rule = books.find(TopUpRow, request.account) if request else None
    if request is None or rule is None or request.status != "open" or request.expires_at <= books.now:
        return
    request.settle("completed", books.now)
    request.deposit = deposit.id
    rule.failures, rule.updated_at, rule.changed = 0, books.now, True
    books.result["topup"] = {**rule.document(), "disabled": rule.disabled}
    books.result["topup_request"] = request.document()
