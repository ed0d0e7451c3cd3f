"""Promotional money, session keys, spends, refunds and reversals."""

from ledger_project.testing.model.cash import Cash
from ledger_project.testing.model.state import Account, Entry, Grant, No, SessionKey

PAYMENTS = ("transfer", "spend", "capture", "escrow_release", "escrow_resolution", "entry")


class Spending(Cash):
    """One method a command, with the command's own parameters."""

    def promo_mint(self, account: str, amount: int, expires_in: int | None = None) -> None:
        receiver = self.account(account)
        if receiver.unbounded:
            raise No("account_unbounded")
        self.move(amount, self.issuance(), receiver, target="promo")
        self.grants[self.made] = Grant(account, amount, self.now + self.later(expires_in) if expires_in else None)
        self.write("promo_mint")

    def promo_burn(self, account: str, amount: int) -> None:
        payer = self.account(account)
        self.move(amount, payer, self.issuance(), source="promo")
        self._use(self._purse(payer), amount)
        self.write("promo_burn")

    def expire_promo(self, grant: str) -> None:
        found = self.grants.get(grant[4:])
        if found is None:
            raise No("promo_grant_not_found")
        if not found.left or not found.over(self.now):
            raise No("promo_not_expired")
        self.move(found.left, self.accounts[found.account], self.issuance(), source="promo")
        found.left = 0
        self.write("promo_expiry")

    def _purse(self, account: Account) -> list[Grant]:
        """The account's grants, those first that expire first, then in the order in which they were given."""
        mine = [grant for grant in self.grants.values() if grant.account == account.name]
        return sorted(mine, key=lambda grant: (grant.expires is None, grant.expires or self.now))

    def _use(self, purse: list[Grant], amount: int) -> list[tuple[Grant, int]]:
        uses = []
        for grant in purse:
            part = min(grant.left, amount)
            if part:
                grant.left -= part
                amount -= part
                uses.append((grant, part))
        return uses

    def spend(
        self,
        account: str,
        amount: int,
        to_account: str | None = None,
        session_key: str | None = None,
        use_promo: bool = False,
    ) -> None:
        payer = self.account(account)
        receiver = self.account(to_account) if to_account else self.system("revenue:CRD", "revenue")
        self.different(payer, receiver)
        if session_key:
            self._charge(session_key, payer, receiver, amount)
        self.alike(payer, receiver)
        payer.must_be_open()
        purse = [grant for grant in self._purse(payer) if not grant.over(self.now)] if use_promo else []
        promo = min(amount, sum(grant.left for grant in purse))
        if not payer.unbounded and promo + payer.buckets["available"] + payer.credit_left < amount:
            raise No("insufficient_funds")
        self.move(promo, payer, receiver, source="promo")
        self.move(amount - promo, payer, receiver)
        self.entry.uses = self._use(purse, promo)
        self.write("spend")

    # Session keys

    def issue_session_key(
        self,
        account: str,
        max_per_spend: int | None = None,
        max_per_day: int | None = None,
        max_total: int | None = None,
        allowed_receivers: list[str] | None = None,
        expires_in: int | None = None,
    ) -> None:
        self.account(account).must_not_be_closed()
        for receiver in allowed_receivers or ():
            self.account(receiver)
        expires = self.now + self.later(expires_in) if expires_in else None
        self.keys[self.made] = SessionKey(account, max_per_spend, max_per_day, max_total, allowed_receivers, expires)

    def revoke_session_key(self, session_key: str) -> None:
        key = self.keys.get(session_key[4:])
        if key is None:
            raise No("session_key_not_found")
        if key.revoked:
            raise No("session_key_revoked")
        key.revoked = True

    def _charge(self, id: str, payer: Account, receiver: Account, amount: int) -> None:
        key = self.keys.get(id[4:])
        if key is None or key.account != payer.name:
            raise No("session_key_not_found")
        if key.revoked:
            raise No("session_key_revoked")
        if key.expires and self.now >= key.expires:
            raise No("session_key_expired")
        if key.receivers is not None and receiver.name not in key.receivers:
            raise No("receiver_not_allowed")
        key.spends.append((self.now, amount))
        today = sum(spent for at, spent in key.spends if at.date() == self.now.date())
        total = sum(spent for _, spent in key.spends)
        for cap, spent in ((key.per_spend, amount), (key.per_day, today), (key.total, total)):
            if cap is not None and spent > cap:
                raise No("spend_cap_exceeded")

    # Giving back

    def _unreversed(self, entry: str) -> Entry:
        original = self.entries.get(entry[4:])
        if original is None:
            raise No("entry_not_found")
        if original.reversed:
            raise No("already_reversed")
        return original

    def refund(self, entry: str, amount: int | None = None) -> None:
        original = self._unreversed(entry)
        payer, receiver, paid = self._paid(original)
        left = paid - original.refunded
        asked = left if amount is None else amount
        if asked > left or not left:
            raise No("refund_exceeds_original")
        promo_left = sum(part for _, part in original.uses)
        promo = max(0, asked - (left - promo_left))  # what was paid with promotional money comes back last
        receiver.take("available", asked, credit=False)
        if asked > promo:
            payer.give("available", asked - promo)
        if promo:
            payer.give("promo", promo)
        original.refunded += asked
        while promo:
            grant, used = original.uses.pop()
            back = min(used, promo)
            grant.left += back
            promo -= back
            if used > back:
                original.uses.append((grant, used - back))
        self.write("refund")

    def _paid(self, entry: Entry) -> tuple[Account, Account, int]:
        """Who paid whom how much, where the entry is a payment of one to one other's available money."""
        net: dict[str, int] = {}
        for name, _, change in entry.lines:
            net[name] = net.get(name, 0) + change
        minus = [name for name in net if net[name] < 0]
        plus = [name for name in net if net[name] > 0]
        if entry.kind not in PAYMENTS or len(minus) != 1 or len(plus) != 1 or net[minus[0]] + net[plus[0]]:
            raise No("not_refundable")
        if any(name == plus[0] and bucket != "available" for name, bucket, _ in entry.lines):
            raise No("not_refundable")
        return self.accounts[minus[0]], self.accounts[plus[0]], net[plus[0]]

    def reverse_entry(self, entry: str) -> None:
        original = self._unreversed(entry)
        effect = original.effect()
        promised = any(bucket not in ("available", "fee_pool") for _, bucket in effect)
        final = original.kind in ("reversal", "refund", "payment_refund", "settlement")
        if promised or final or not any(effect.values()):
            raise No("not_reversible")
        if original.refunded:
            raise No("already_refunded")
        for (name, bucket), value in effect.items():
            if value < 0:
                self.accounts[name].give(bucket, -value)
        for (name, bucket), value in effect.items():
            if value > 0:
                self.accounts[name].take(bucket, value)
        original.reversed = True
        self.write("reversal")
