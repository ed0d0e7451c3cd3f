"""Clearing accounts and the batches that settle them."""

from ledger_project.testing.model.spending import Spending
from ledger_project.testing.model.state import Clearing, No


class Settling(Spending):
    """One method a command, with the command's own parameters."""

    def open_clearing_account(self, domain: str) -> None:
        if domain in self.clearing:
            raise No("clearing_account_exists")
        name = f"clearing:{domain}"
        self.open(name, unbounded=True)
        self.clearing[domain] = Clearing(name)

    def settle_batch(
        self, netting_batch_id: str, domains: list[str] | None = None, settlement_account: str | None = None
    ) -> None:
        if netting_batch_id in self.batches:
            raise No("settlement_exists")
        for domain in domains or ():
            if domain not in self.clearing:
                raise No("clearing_account_not_found")
        nets = {}
        waiting = False
        for domain, clearing in sorted(self.clearing.items()):
            if domains is None or domain in domains:
                settled = clearing.unsettled[: clearing.seen]
                clearing.unsettled = clearing.unsettled[clearing.seen :]
                clearing.seen = 0
                nets[clearing.account] = sum(settled)
                waiting = waiting or bool(settled)
        if not waiting:
            raise No("nothing_to_settle")
        self._bring({name: net for name, net in nets.items() if net > 0}, settlement_account)
        self._bring({name: net for name, net in nets.items() if net < 0}, settlement_account)
        self.batches.add(netting_batch_id)
        if any(nets.values()):
            self.write("settlement")

    def _bring(self, nets: dict[str, int], settlement_account: str | None) -> None:
        for name, net in nets.items():
            if settlement_account:
                target = self.account(settlement_account)
            else:
                target = self.system("settlement:CRD", "liability")
            clearing = self.accounts[name]
            self.different(clearing, target)
            payer, receiver = (clearing, target) if net > 0 else (target, clearing)
            self.move(abs(net), payer, receiver)
