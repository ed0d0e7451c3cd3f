"""The model's ground: carrying a command out or refusing it as a whole, and finding and moving things."""

import pickle
from datetime import UTC, datetime
from typing import Any, Self

from ledger_project.testing.model.state import (
    Account,
    Clearing,
    Deposit,
    Entry,
    Grant,
    Hold,
    Line,
    No,
    Payment,
    SessionKey,
)

# The types of the platform's own accounts, which are unbounded.
PLATFORM = {
    "issuance": "equity",
    "fees": "revenue",
    "revenue": "revenue",
    "settlement": "liability",
    "custody": "asset",
    "cash": "asset",
    "disputes_held": "asset",
}


class Core:
    """The state of one tenant. What a command makes stands under the hex of its event's id."""

    def __init__(self) -> None:
        # A whole second, so that the moments of the log are the model's to the digit.
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.lines: list[Line] = []
        self.accounts: dict[str, Account] = {}
        self.entries: dict[str, Entry] = {}
        self.holds: dict[str, Hold] = {}
        self.deposits: dict[str, Deposit] = {}
        self.references: set[tuple[str, str]] = set()
        self.grants: dict[str, Grant] = {}
        self.keys: dict[str, SessionKey] = {}
        self.records: set[tuple[str, str]] = set()
        self.payments: dict[str, Payment] = {}
        self.clearing: dict[str, Clearing] = {}
        self.batches: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """A batch begins: accounts that are only named and unsettled positions are seen as they are now."""
        self.statuses = {name: account.status for name, account in self.accounts.items()}
        for clearing in self.clearing.values():
            clearing.seen = len(clearing.unsettled)

    def apply(self, command: str, arguments: dict[str, Any], made: str = "new") -> None:
        """Carry the command out, or raise `No` and stay as it was."""
        kept = pickle.dumps(self.__dict__)  # several times as fast as a deep copy
        self.made = made
        self.entry = Entry()
        self.lines.clear()
        try:
            getattr(self, command)(**arguments)
        except No:
            self.__dict__.update(pickle.loads(kept))
            raise
        if self.entry.kind:
            self.entry.lines = self.lines.copy()
            self.entries[made] = self.entry
            self._exchange()

    def accepts(self, command: str, arguments: dict[str, Any]) -> bool:
        """Whether the command would be carried out now."""
        try:
            self.copy().apply(command, arguments)
        except No:
            return False
        return True

    def copy(self) -> Self:
        """A model of its own, as this one is now."""
        made: Self = pickle.loads(pickle.dumps(self))
        return made

    def _exchange(self) -> None:
        """What a domain's account took in or gave out waits to be settled; a settlement itself does not."""
        if self.entry.kind == "settlement":
            return
        for clearing in self.clearing.values():
            clearing.unsettled += [
                change for name, bucket, change in self.lines if name == clearing.account and bucket == "available"
            ]

    def rename(self, made: str, known: str) -> None:
        """Give what a command made the id that the ledger gave it."""
        tables: tuple[dict[str, Any], ...] = (self.entries, self.holds, self.deposits, self.grants, self.keys)
        for things in tables:
            if made in things:
                things[known] = things.pop(made)

    def account(self, name: str) -> Account:
        if name not in self.accounts:
            raise No("account_not_found")
        return self.accounts[name]

    def open(self, name: str, type: str = "liability", unbounded: bool = False) -> Account:
        if name in self.accounts:
            raise No("account_exists")
        if name.startswith("platform:") and (type, unbounded) != (PLATFORM.get(name.split(":")[1]), True):
            raise No("reserved_name")
        self.accounts[name] = Account(name, self.lines, type=type, unbounded=unbounded)
        return self.accounts[name]

    def system(self, what: str, type: str) -> Account:
        """An account of the platform, opened on first use."""
        name = f"platform:{what}"
        return self.accounts[name] if name in self.accounts else self.open(name, type, unbounded=True)

    def issuance(self) -> Account:
        return self.system("issuance:CRD", "equity")

    def alike(self, payer: Account, receiver: Account) -> None:
        if payer.sign != receiver.sign:
            raise No("normal_balance_mismatch")

    def different(self, payer: Account, receiver: Account) -> None:
        if payer is receiver:
            raise No("same_account")

    def move(
        self, amount: int, payer: Account, receiver: Account, source: str = "available", target: str = "available"
    ) -> None:
        self.alike(payer, receiver)
        if amount:
            payer.take(source, amount)
            receiver.give(target, amount)

    def write(self, kind: str) -> None:
        self.entry.kind = kind
