"""Deposits, withdrawals, and the billing engine's records."""

from ledger_project.testing.model.promises import Promises
from ledger_project.testing.model.state import Account, Deposit, No, Payment


class Cash(Promises):
    """One method a command, with the command's own parameters."""

    def custody(self) -> Account:
        return self.system("custody:CRD", "asset")

    def record_deposit(
        self,
        account: str,
        amount: int,
        source: str,
        external_ref: str,
        confirmed: bool = True,
        open_account: bool = False,
    ) -> None:
        if (source, external_ref) in self.references:
            raise No("duplicate_deposit")
        opens = open_account and account not in self.accounts
        receiver = self.open(account) if opens else self.account(account)
        if receiver.sign > 0:
            raise No("normal_balance_mismatch")
        receiver.must_not_be_closed()
        self.references.add((source, external_ref))
        self.deposits[self.made] = Deposit(account, amount)
        if confirmed:
            self._arrive(self.deposits[self.made])

    def confirm_deposit(self, deposit: str) -> None:
        self._arrive(self._announced(deposit))

    def fail_deposit(self, deposit: str, reason: str) -> None:
        self._announced(deposit)

    def _announced(self, id: str) -> Deposit:
        deposit = self.deposits.get(id[4:])
        if deposit is None:
            raise No("deposit_not_found")
        if deposit.confirmed:
            raise No("deposit_not_pending")
        return deposit

    def _arrive(self, deposit: Deposit) -> None:
        self.custody().give("available", deposit.amount)
        self.accounts[deposit.account].give("available", deposit.amount)
        deposit.confirmed = True
        self.write("deposit")

    def request_withdrawal(self, account: str, amount: int, destination: str) -> None:
        payer = self.account(account)
        if payer.sign > 0:
            raise No("normal_balance_mismatch")
        self.own(payer, amount)
        self.place("withdrawal", payer, amount)
        self.write("withdrawal_request")

    def confirm_withdrawal(self, withdrawal: str, external_ref: str) -> None:
        found = self.promised(withdrawal, "withdrawal")
        self.pending(found)
        if any(hold.ref == external_ref for hold in self.holds.values()):
            raise No("duplicate_withdrawal")
        self.accounts[found.account].take("held", found.left)
        self.custody().take("available", found.left)
        self.less(found, found.left)
        found.ref = external_ref
        self.write("withdrawal")

    def fail_withdrawal(self, withdrawal: str, reason: str) -> None:
        found = self.promised(withdrawal, "withdrawal")
        self.pending(found)
        self.give_back(found, found.left)
        self.write("withdrawal_failure")

    # Billing

    def party_account(self, role: str, party: str) -> Account:
        name = f"{role}:{party}"
        found = self.accounts[name] if name in self.accounts else self.open(name)
        if found.sign > 0:
            raise No("normal_balance_mismatch")
        return found

    def _record(self, kind: str, id: str) -> None:
        if (kind, id) in self.records:
            raise No("duplicate_record")
        self.records.add((kind, id))
        self.write(kind)

    def record_payment(
        self, payment_intent_id: str, customer_id: str, amount: int, currency: str, fees: int = 0
    ) -> None:
        self._record("payment", payment_intent_id)
        if fees > amount:
            raise No("fees_exceed_payment")
        self.system("cash", "asset").give("available", amount)
        customer = self.party_account("customer_balance", customer_id)
        if amount > fees:
            customer.give("available", amount - fees)
        if fees:
            self.system("fees", "revenue").give("available", fees)
        self.payments[payment_intent_id] = Payment(customer_id, amount, self.entry)

    def record_refund(
        self, refund_id: str, customer_id: str, amount: int, currency: str, payment_intent_id: str | None = None
    ) -> None:
        self._record("payment_refund", refund_id)
        if payment_intent_id:
            payment = self.payments.get(payment_intent_id)
            if payment is None or payment.party != customer_id:
                raise No("payment_not_found")
            if payment.entry.reversed:
                raise No("already_reversed")
            if payment.entry.refunded + amount > payment.amount:
                raise No("refund_exceeds_original")
            payment.entry.refunded += amount
        self.party_account("customer_balance", customer_id).take("available", amount)
        self.system("cash", "asset").take("available", amount)

    def record_payout(self, payout_id: str, merchant_id: str, amount: int, currency: str) -> None:
        self._record("payout", payout_id)
        self.party_account("merchant_settlement", merchant_id).take("available", amount)
        self.system("cash", "asset").take("available", amount)

    def record_dispute(self, dispute_id: str, customer_id: str, amount: int, currency: str) -> None:
        self._record("dispute", dispute_id)
        self.system("disputes_held", "asset").give("available", amount)
        self.system("cash", "asset").take("available", amount)
