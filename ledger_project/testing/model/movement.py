"""Accounts, supply, transfers, free-form entries, credit lines and fees."""

from typing import Any

from ledger_project.testing.model.core import Core
from ledger_project.testing.model.state import Account, No


class Movement(Core):
    """One method a command, with the command's own parameters."""

    def open_account(self, name: str, type: str = "liability", unbounded: bool = False) -> None:
        self.open(name, type, unbounded)

    def ensure_account(self, account: str, initial_balance: int = 0) -> None:
        if account not in self.accounts:
            self.open(account)
            if initial_balance:
                self.mint(account, initial_balance)

    def freeze_account(self, account: str) -> None:
        self._set_status(account, "frozen")

    def unfreeze_account(self, account: str) -> None:
        self._set_status(account, "open")

    def close_account(self, account: str) -> None:
        found = self.account(account)
        if found.status != "closed" and found.shown():
            raise No("account_not_empty")
        self._set_status(account, "closed")

    def _set_status(self, account: str, status: str) -> None:
        found = self.account(account)
        found.must_not_be_closed()
        found.status = status

    def mint(self, account: str, amount: int) -> None:
        receiver = self.account(account)
        self.move(amount, self.issuance(), receiver)
        self.write("mint")

    def burn(self, account: str, amount: int) -> None:
        self.move(amount, self.account(account), self.issuance())
        self.write("burn")

    def transfer(self, from_account: str, to_account: str, amount: int) -> None:
        payer, receiver = self.account(from_account), self.account(to_account)
        self.different(payer, receiver)
        self.move(amount, payer, receiver)
        self.write("transfer")

    def post_entry(self, postings: list[dict[str, Any]]) -> None:
        if len(postings) < 2:
            raise No("too_few_postings")
        legs = [
            (account := self.account(leg["account"]), leg.get("bucket", "available"), leg["amount"] * account.sign)
            for leg in postings
        ]
        for account, bucket, value in legs:
            if value > 0:
                account.give(bucket, value)
        for account, bucket, value in legs:
            if value < 0:
                account.take(bucket, -value)
        if sum(leg["amount"] for leg in postings):
            raise No("unbalanced_entry")
        self.write("entry")

    # Credit lines

    def set_credit_limit(self, account: str, credit_limit: int) -> None:
        found = self.account(account)
        if found.unbounded:
            raise No("account_unbounded")
        found.must_not_be_closed()
        found.limit = credit_limit

    def draw_credit(self, account: str, amount: int) -> None:
        found = self.account(account)
        found.must_be_open()
        if found.used + amount > found.limit:
            raise No("credit_limit_exceeded")
        found.owe(amount)
        found.shift("available", amount)
        self.write("credit_draw")

    def repay_credit(self, account: str, amount: int) -> None:
        found = self.account(account)
        found.must_be_open()
        if amount > found.used:
            raise No("repayment_exceeds_credit")
        if amount > found.buckets["available"]:
            raise No("insufficient_funds")
        found.owe(-amount)
        found.shift("available", -amount)
        self.write("credit_repayment")

    # Fees

    def fees(self, account: str | None) -> Account:
        """The account whose pool it goes to, the platform's where none is named."""
        return self.account(account) if account else self.system("fees:CRD", "revenue")

    def charge_fee(self, account: str, amount: int, fee_account: str | None = None) -> None:
        payer = self.account(account)
        receiver = self.fees(fee_account)
        self.different(payer, receiver)
        self.move(amount, payer, receiver, target="fee_pool")
        self.write("fee")

    def fee_transfer(self, from_account: str, to_account: str, amount: int) -> None:
        self.move(amount, self.account(from_account), self.account(to_account), source="fee_pool")
        self.write("fee_transfer")

    def fee_burn(self, account: str, amount: int) -> None:
        self.move(amount, self.account(account), self.issuance(), source="fee_pool")
        self.write("fee_burn")
