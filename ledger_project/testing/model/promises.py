"""Holds, escrow and stakes: money that is promised, then paid or given back."""

from datetime import timedelta

from ledger_project.testing.model.movement import Movement
from ledger_project.testing.model.state import Account, Hold, No

WEEK = 7 * 24 * 3600


class Promises(Movement):
    """One method a command, with the command's own parameters."""

    def later(self, seconds: int | None) -> timedelta:
        return timedelta(seconds=seconds or 0)

    def place(self, kind: str, payer: Account, amount: int, **more: object) -> None:
        payer.take("available", amount)
        hold = Hold(kind, payer.name, amount, **more)  # type: ignore[arg-type]
        payer.give(hold.bucket, amount)
        self.holds[self.made] = hold

    def party(self, name: str, payer: Account) -> str:
        """Somebody who is only named: as last committed, and judged again when money moves."""
        named = self.account(name)
        self.different(payer, named)
        self.alike(payer, named)
        if self.statuses.get(name, named.status) == "closed":
            raise No("account_closed")
        return name

    def own(self, account: Account, amount: int) -> None:
        """Only what the account owns, not what its credit line lent it."""
        if account.status == "open" and amount > account.buckets["available"] - account.used:
            raise No("insufficient_funds")

    def promised(self, id: str, *kinds: str) -> Hold:
        hold = self.holds.get(id[4:])
        if hold is None or hold.kind not in kinds:
            raise No("hold_not_found")
        return hold

    def pending(self, hold: Hold) -> None:
        if hold.status == "disputed":
            raise No("escrow_disputed")
        if hold.status != "pending":
            raise No("hold_not_pending")

    def live(self, hold: Hold) -> None:
        if hold.status == "expired" or hold.due(self.now):
            raise No("hold_expired")
        self.pending(hold)

    def part(self, hold: Hold, amount: int | None) -> int:
        if amount is not None and amount > hold.left:
            raise No("capture_exceeds_hold")
        return hold.left if amount is None else amount

    def pay(self, hold: Hold, amount: int, receiver: Account, bucket: str = "available") -> None:
        self.move(amount, self.accounts[hold.account], receiver, hold.bucket, bucket)
        self.less(hold, amount)

    def give_back(self, hold: Hold, amount: int) -> None:
        """To its owner, frozen or not."""
        if amount:
            owner = self.accounts[hold.account]
            owner.shift(hold.bucket, -amount)
            owner.give("available", amount)
            self.less(hold, amount)

    def less(self, hold: Hold, amount: int) -> None:
        hold.left -= amount
        if not hold.left:
            hold.status = "ended"

    # Holds

    def place_hold(
        self,
        account: str,
        amount: int,
        to_account: str | None = None,
        expires_in: int = WEEK,
        allow_overcapture: bool = False,
    ) -> None:
        payer = self.account(account)
        to = self.party(to_account, payer) if to_account else None
        expires = self.now + self.later(expires_in)
        self.place("hold", payer, amount, to=to, expires=expires, overcapture=allow_overcapture)
        self.write("hold")

    def capture_hold(
        self, hold: str, amount: int | None = None, to_account: str | None = None, final: bool = True
    ) -> None:
        found = self.promised(hold, "hold")
        self.live(found)
        asked = found.left if amount is None else amount
        if asked > found.left and not found.overcapture:
            raise No("capture_exceeds_hold")
        owner, to = self.accounts[found.account], to_account or found.to
        payee = self.account(to) if to else self.system("revenue:CRD", "revenue")
        self.different(owner, payee)
        surplus = max(0, asked - found.left)
        self.pay(found, asked - surplus, payee)
        self.move(surplus, owner, payee)
        if final:
            self.give_back(found, found.left)
        self.write("capture")

    def release_hold(self, hold: str, amount: int | None = None) -> None:
        found = self.promised(hold, "hold")
        self.pending(found)
        due = found.due(self.now)
        self.give_back(found, found.left if due else self.part(found, amount))
        if due:
            found.status = "expired"
        self.write("release")

    def extend_hold(self, hold: str, expires_in: int) -> None:
        found = self.promised(hold, "hold", "escrow")
        self.live(found)
        then = self.now + self.later(expires_in)
        if found.expires is None or then <= found.expires:
            raise No("expiry_not_later")
        found.expires = then

    def expire_hold(self, hold: str) -> None:
        found = self.promised(hold, "hold", "escrow")
        self.pending(found)
        if not found.due(self.now):
            raise No("hold_not_due")
        seller = self.accounts[found.to] if found.to and found.on_timeout == "release" else None
        if seller and seller.status != "closed":
            self.pay(found, found.left, seller)
        else:
            self.give_back(found, found.left)
        found.status = "expired"
        self.write("expiry")

    # Escrow

    def lock_escrow(
        self,
        buyer: str,
        seller: str,
        amount: int,
        reference: str,
        expires_in: int | None = None,
        on_timeout: str = "refund",
    ) -> None:
        if on_timeout == "release" and not expires_in:
            raise No("invalid_request")
        payer = self.account(buyer)
        to = self.party(seller, payer)
        expires = self.now + self.later(expires_in) if expires_in else None
        self.place("escrow", payer, amount, to=to, expires=expires, on_timeout=on_timeout)
        self.write("escrow_lock")

    def release_escrow(
        self, escrow: str, amount: int | None = None, fee: int = 0, fee_account: str | None = None
    ) -> None:
        found = self.promised(escrow, "escrow")
        self.live(found)
        released = self.part(found, amount)
        if fee > released:
            raise No("fee_exceeds_release")
        pool = self.fees(fee_account) if fee else None
        self.pay(found, released - fee, self.account(found.to or ""))
        if pool:
            self.pay(found, fee, pool, "fee_pool")
        self.write("escrow_release")

    def refund_escrow(self, escrow: str, amount: int | None = None) -> None:
        found = self.promised(escrow, "escrow")
        self.live(found)
        self.give_back(found, self.part(found, amount))
        self.write("escrow_refund")

    def dispute_escrow(self, escrow: str, reason: str) -> None:
        found = self.promised(escrow, "escrow")
        self.live(found)
        found.status = "disputed"

    def resolve_escrow(self, escrow: str, to_seller: int, to_buyer: int) -> None:
        found = self.promised(escrow, "escrow")
        if found.status != "disputed":
            raise No("escrow_not_disputed" if found.status == "pending" else "hold_not_pending")
        if to_seller + to_buyer != found.left:
            raise No("split_differs_from_escrow")
        self.pay(found, to_seller, self.account(found.to or ""))
        self.give_back(found, to_buyer)
        self.write("escrow_resolution")

    # Stakes

    def lock_stake(self, account: str, amount: int) -> None:
        payer = self.account(account)
        self.own(payer, amount)
        self.place("stake", payer, amount)
        self.write("stake_lock")

    def release_stake(self, stake: str, amount: int | None = None) -> None:
        found = self.promised(stake, "stake")
        self.pending(found)
        self.give_back(found, self.part(found, amount))
        self.write("stake_release")

    def slash_stake(
        self,
        stake: str,
        amount: int,
        to_account: str | None = None,
        fee_account: str | None = None,
        burn: bool = False,
    ) -> None:
        if len([target for target in (to_account, fee_account, burn) if target]) > 1:
            raise No("invalid_request")
        found = self.promised(stake, "stake")
        self.pending(found)
        slashed = self.part(found, amount)
        if to_account:
            payee = self.account(to_account)
            self.different(self.accounts[found.account], payee)
            self.pay(found, slashed, payee)
        elif burn:
            self.pay(found, slashed, self.issuance())
        else:
            self.pay(found, slashed, self.fees(fee_account), "fee_pool")
        self.write("stake_slash")
