"""The ledger's rules once more, in plain Python with no database: what the state machine test compares with.

Written from the documents, not from the plans, and kept naive: accounts are dicts, every command is a method that
either raises `No` with the code of the expected refusal, or changes the model.
"""

import copy
from dataclasses import dataclass, field
from typing import Any


class No(Exception):
    """The ledger must refuse with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


OWN = ("available", "held", "escrowed", "bonded", "fee_pool", "promo")


@dataclass
class ModelAccount:
    """An account: its buckets in its normal direction; drawn credit is what it owes."""

    name: str
    type: str = "liability"
    currency: str = "CRD"
    unbounded: bool = False
    status: str = "open"
    limit: int = 0
    used: int = 0
    buckets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OWN, 0))

    @property
    def sign(self) -> int:
        return 1 if self.type in ("asset", "expense") else -1

    def must_be_open(self) -> None:
        if self.status != "open":
            raise No(f"account_{self.status}")

    def take(self, bucket: str, amount: int) -> None:
        self.must_be_open()
        has = self.buckets[bucket]
        if has >= amount or (bucket == "available" and self.unbounded):
            self.buckets[bucket] -= amount
        elif bucket == "available" and amount - has <= self.limit - self.used:
            self.used += amount - has
            self.buckets[bucket] = 0
        else:
            raise No("insufficient_funds")

    def give(self, bucket: str, amount: int) -> None:
        if self.status == "closed":
            raise No("account_closed")
        if bucket == "available":
            repaid = min(self.used, amount)
            self.used -= repaid
            amount -= repaid
        self.buckets[bucket] += amount

    def shown(self) -> dict[str, int]:
        all_buckets = self.buckets | {"credit_used": self.used}
        return {bucket: amount for bucket, amount in all_buckets.items() if amount}


@dataclass
class ModelEntry:
    """What an entry did to each account's bucket, drawn credit counted as the available money it stood for."""

    effect: dict[tuple[str, str], int]
    reversible: bool = True
    reversed: bool = False


class Model:
    """All accounts and entries of one tenant."""

    def __init__(self) -> None:
        self.accounts: dict[str, ModelAccount] = {}
        self.entries: dict[str, ModelEntry] = {}
        self.before: dict[tuple[str, str], int] = {}

    def apply(self, command: str, arguments: dict[str, Any], entry_id: str = "") -> None:
        """Carry the command out, or raise `No` and stay as it was."""
        kept = copy.deepcopy((self.accounts, self.entries))
        before = self._worth()
        try:
            getattr(self, command)(**arguments)
        except No:
            self.accounts, self.entries = kept
            raise
        after = self._worth()
        effect = {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
        if effect and entry_id:
            free = all(bucket in ("available", "fee_pool", "promo") for _, bucket in effect)
            self.entries[entry_id] = ModelEntry(effect, reversible=free and command != "reverse_entry")

    def _worth(self) -> dict[tuple[str, str], int]:
        return {
            (name, bucket): amount - (account.used if bucket == "available" else 0)
            for name, account in self.accounts.items()
            for bucket, amount in account.buckets.items()
        }

    def account(self, name: str) -> ModelAccount:
        if name not in self.accounts:
            raise No("account_not_found")
        return self.accounts[name]

    def issuance(self) -> ModelAccount:
        name = "platform:issuance:CRD"
        return self.accounts.setdefault(name, ModelAccount(name, type="equity", unbounded=True))

    def move(self, payer: ModelAccount, receiver: ModelAccount, amount: int) -> None:
        if payer.sign != receiver.sign:
            raise No("normal_balance_mismatch")
        payer.take("available", amount)
        receiver.give("available", amount)

    # One method a command, with the command's own parameters.

    def open_account(self, name: str, type: str = "liability", unbounded: bool = False) -> None:
        if name in self.accounts:
            raise No("account_exists")
        self.accounts[name] = ModelAccount(name, type=type, unbounded=unbounded)

    def ensure_account(self, account: str, initial_balance: int = 0) -> None:
        if account not in self.accounts:
            self.open_account(account)
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
        if found.status == "closed":
            raise No("account_closed")
        found.status = status

    def mint(self, account: str, amount: int) -> None:
        receiver = self.account(account)
        self.move(self.issuance(), receiver, amount)

    def burn(self, account: str, amount: int) -> None:
        self.move(self.account(account), self.issuance(), amount)

    def transfer(self, from_account: str, to_account: str, amount: int) -> None:
        payer, receiver = self.account(from_account), self.account(to_account)
        if payer is receiver:
            raise No("same_account")
        self.move(payer, receiver, amount)

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

    def reverse_entry(self, entry: str) -> None:
        if entry not in self.entries:
            raise No("entry_not_found")
        original = self.entries[entry]
        if original.reversed:
            raise No("already_reversed")
        if not original.reversible:
            raise No("not_reversible")
        for (name, bucket), value in original.effect.items():
            if value < 0:
                self.account(name).give(bucket, -value)
        for (name, bucket), value in original.effect.items():
            if value > 0:
                self.account(name).take(bucket, value)
        original.reversed = True
