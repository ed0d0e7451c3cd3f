"""Short words for tests about promised money."""

from datetime import timedelta
from typing import Any

import pytest

from holds.models import Deposit, Hold
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log.command import COMMANDS
from ledger_project.testing.ledger import Ledger

NOUNS = ("hold", "escrow", "stake", "withdrawal", "deposit")


class Story(Ledger):
    """A ledger whose commands about holds can be told in one line."""

    def make(self, command: str, /, **arguments: Any) -> str:
        """Run a command; the id of what it made."""
        result = self.run(command, **arguments).document["result"]
        return next(result[noun]["id"] for noun in NOUNS if noun in result)

    def hold(self, amount: int = 60, **arguments: Any) -> str:
        return self.make("place_hold", account="alice", amount=amount, **arguments)

    def escrow(self, amount: int = 60, **arguments: Any) -> str:
        return self.make("lock_escrow", buyer="alice", seller="shop", amount=amount, reference="job_1", **arguments)

    def stake(self, amount: int = 60, **arguments: Any) -> str:
        return self.make("lock_stake", account="alice", amount=amount, **arguments)

    def deposit(self, amount: int = 60, **arguments: Any) -> str:
        named = {"account": "alice", "source": "base", "external_ref": "0xfeed"} | arguments
        return self.make("record_deposit", amount=amount, **named)

    def withdrawal(self, amount: int = 60, **arguments: Any) -> str:
        named = {"account": "alice", "destination": "0xa11ce"} | arguments
        return self.make("request_withdrawal", amount=amount, **named)

    def credit(self, name: str, limit: int) -> None:
        self.run("set_credit_limit", account=name, credit_limit=limit)

    def stored(self, hold: str) -> Hold:
        return Hold.objects.get(tenant=self.tenant, pk=hold[4:])

    def stored_deposit(self, deposit: str) -> Deposit:
        return Deposit.objects.get(tenant=self.tenant, pk=deposit[4:])

    def state(self, hold: str) -> tuple[str, int, int]:
        """Status, captured, released."""
        row = self.stored(hold)
        return row.status, int(row.captured), int(row.released)

    def refused(self, refusal: type[Refusal], command: str, /, **arguments: Any) -> dict[str, Any]:
        """The command is refused by this rule, which it has declared, and leaves no trace; the refusal's facts."""
        before = self.picture()
        with pytest.raises(refusal) as caught:
            self.run(command, **arguments)
        assert type(caught.value) is refusal
        assert refusal in COMMANDS[command].refuses, f"{command} does not declare {refusal.__name__}"
        assert self.picture() == before
        return caught.value.facts

    def picture(self) -> Any:
        """All that a refusal must not change."""
        holds = Hold.objects.filter(tenant=self.tenant).order_by("pk").values_list()
        deposits = Deposit.objects.filter(tenant=self.tenant).order_by("pk").values_list()
        return self.size(), list(holds), list(deposits)

    def right(self) -> None:
        """Replay finds nothing wrong, the buckets against the open holds included."""
        assert replay(self.tenant) == []


def later(**span: int) -> Any:
    """Inside, time is later."""
    return clock.moved(timedelta(**span))
