"""What a plan can do with accounts: look one up, open one."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from accounts.budgets.charging import BudgetBooks
from accounts.budgets.tree import Tree
from accounts.errors import AccountExists, AccountNotFound, CurrencyNotFound, SessionKeyNotFound
from accounts.reserved import require_fit
from accounts.rows import SOLE_CURRENCY, STRIPES, AccountFacts, AccountRow, Bucket, CurrencyRow
from accounts.sessions import SessionKeyRow
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Forbidden
from ledger_project.kernel.identity import fold
from ledger_project.log.unit import Row

R = TypeVar("R", bound=Row)


class AccountBooks(BudgetBooks):
    """The unit of work of commands about accounts, and the ground of those that move money."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened: list[AccountFacts] = []

    def find(self, kind: type[R], name: Hashable) -> R | None:
        """Accounts are found by what their names mean, however they are spelt."""
        row = super().find(kind, name)
        if row is None and kind.by_meaning and isinstance(name, str) and (meant := fold(name)) != name:
            return super().find(kind, meant)
        return row

    def account(self, ref: str) -> AccountRow:
        """The account under lock; of an unbounded one, this batch's stripe."""
        row = self.find(AccountRow, ref)
        if row is None:
            raise AccountNotFound(account=ref)
        return row

    def keep_within(self, arguments: Mapping[str, Any]) -> None:
        """Refuses: Forbidden, where an argument that is to be the caller's own account is another's."""
        for name in self.command.own or ():
            given = arguments[name]
            row = self.find(AccountRow, given) if given is not None else None
            if given is None or (row is not None and row.facts.id != self.caller.account):
                raise Forbidden(field=name, reason="an account's own key acts for that account alone")
        super().keep_within(arguments)

    def require_acting_as(self, account: UUID | None, reason: str) -> None:
        """What an account's own key may do only as that account. Refuses: Forbidden."""
        if self.caller.account is not None and self.caller.account != account:
            raise Forbidden(reason=reason)

    def pay_with(self, key_id: UUID, payer: AccountFacts) -> SessionKeyRow:
        """The payer's own session key, which the payments of this command name. Refuses: SessionKeyNotFound."""
        key = self.find(SessionKeyRow, key_id)
        if key is None or key.account != payer.id:
            raise SessionKeyNotFound(session_key=ids.show("ssk", key_id), account=payer.name)
        self.session_key = key.id
        return key

    def stripes(self, ref: str) -> list[AccountRow]:
        """All balance rows of an account that the command wanted whole."""
        first = self.account(ref)
        rows = (self.find(AccountRow, (first.facts.ref, stripe)) for stripe in range(first.facts.stripes))
        return [row for row in rows if row is not None]

    def currency(self, code: str | None) -> CurrencyRow:
        """A registered currency; None means the tenant's only one."""
        row = self.find(CurrencyRow, SOLE_CURRENCY if code is None else code)
        if row is None:
            raise CurrencyNotFound(currency=code or "not given, and the tenant has not just one")
        return row

    def open(
        self,
        name: str,
        currency: CurrencyRow,
        *,
        type: str = "liability",
        unbounded: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> AccountRow:
        """A new account at zero; the row returned is the stripe that this batch writes.

        Refuses: AccountExists, ReservedName.
        """
        if self.find(AccountRow, name) is not None:
            raise AccountExists(account=name)
        require_fit(name, currency=currency.code, type=type, unbounded=unbounded)
        facts = AccountFacts(
            id=self.new_id(),
            tenant=self.tenant,
            name=name,
            type=type,
            currency=currency.code,
            scale=currency.scale,
            unbounded=unbounded,
            stripes=STRIPES if unbounded else 1,
            created_at=self.now,
            metadata=metadata or {},
        )
        for stripe in reversed(range(facts.stripes)):
            self.add(AccountRow(facts, stripe, "open", 0, 0, 0, 0, [0] * len(Bucket)), facts.ref, facts.meant)
        self.opened.append(facts)
        return self.account(name)

    def show_account(self, row: AccountRow) -> None:
        """Name the account in the answer; its balance is added from the balances after."""
        self.result["account"] = row.facts.document() | {"status": row.status}

    def ensure(
        self, name: str, currency: CurrencyRow, *, type: str = "liability", unbounded: bool = False
    ) -> AccountRow:
        """The account of this name, opened now if it is new."""
        found = self.find(AccountRow, name)
        return found or self.open(name, currency, type=type, unbounded=unbounded)

    def places(self) -> dict[str, int]:
        """Where each account first stands in this command's entry."""
        return {}

    def finish(self) -> None:
        """Note what was opened and the balances after; an unbounded account's is a sum that nobody has locked."""
        if Tree in self.batch.facts:
            self.show_budgets()
        if self.opened:
            self.result["opened"] = [facts.document() for facts in self.opened]
        places = self.places()
        self.result["balances"] = []
        for row in self.rows.values():
            if isinstance(row, AccountRow) and not row.facts.unbounded:
                # An account of the entry is named by its first posting's place: ids are most of an event's bytes.
                account = row.facts.ref
                self.result["balances"].append([places.get(account, account), *row.snapshot()])
                if row.status != "open":
                    self.result.setdefault("statuses", {})[account] = row.status
            elif row.changed and isinstance(row, SessionKeyRow):
                self.result["session_key"] = row.document()
