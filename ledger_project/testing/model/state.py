"""What the model knows: accounts, entries and promises as plain records."""

from dataclasses import dataclass, field
from datetime import datetime

OWN = ("available", "held", "escrowed", "bonded", "fee_pool", "promo")
BUCKET_OF = {"hold": "held", "withdrawal": "held", "escrow": "escrowed", "stake": "bonded"}


class No(Exception):
    """The ledger must refuse with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Line = tuple[str, str, int]  # account, bucket, change in the account's normal direction


@dataclass
class Account:
    """An account: its buckets in its normal direction; drawn credit is what it owes.

    Every change is noted in `lines`, drawn and repaid credit as the available money that it stands for.
    """

    name: str
    lines: list[Line]
    type: str = "liability"
    unbounded: bool = False
    status: str = "open"
    limit: int = 0
    used: int = 0
    buckets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OWN, 0))

    @property
    def sign(self) -> int:
        return 1 if self.type in ("asset", "expense") else -1

    @property
    def credit_left(self) -> int:
        return max(0, self.limit - self.used)

    def must_be_open(self) -> None:
        if self.status != "open":
            raise No(f"account_{self.status}")

    def must_not_be_closed(self) -> None:
        if self.status == "closed":
            raise No("account_closed")

    def shift(self, bucket: str, change: int) -> None:
        self.buckets[bucket] += change
        self.lines.append((self.name, bucket, change))

    def owe(self, change: int) -> None:
        self.used += change
        self.lines.append((self.name, "available", -change))

    def take(self, bucket: str, amount: int, *, credit: bool = True) -> None:
        """Money leaves; a shortfall of available money is drawn from the credit line."""
        self.must_be_open()
        if bucket == "available" and self.unbounded:
            self.shift(bucket, -amount)
            return
        own = min(amount, self.buckets[bucket])
        lent = amount - own
        if lent and (bucket != "available" or not credit or lent > self.credit_left):
            raise No("insufficient_funds")
        if own:
            self.shift(bucket, -own)
        if lent:
            self.owe(lent)

    def give(self, bucket: str, amount: int) -> None:
        """Money arrives, also at a frozen account; what is available repays drawn credit first."""
        self.must_not_be_closed()
        repaid = min(self.used, amount) if bucket == "available" else 0
        if repaid:
            self.owe(-repaid)
        if amount > repaid:
            self.shift(bucket, amount - repaid)

    def shown(self) -> dict[str, int]:
        all_buckets = self.buckets | {"credit_used": self.used}
        return {bucket: amount for bucket, amount in all_buckets.items() if amount}


@dataclass
class Grant:
    """Promotional money given at once."""

    account: str
    left: int
    expires: datetime | None

    def over(self, now: datetime) -> bool:
        return self.expires is not None and now >= self.expires


@dataclass
class Entry:
    """What an entry did, what was given back of it, and which grants paid for it."""

    kind: str = ""
    lines: list[Line] = field(default_factory=list)
    refunded: int = 0
    reversed: bool = False
    uses: list[tuple[Grant, int]] = field(default_factory=list)

    def effect(self) -> dict[tuple[str, str], int]:
        effect: dict[tuple[str, str], int] = {}
        for name, bucket, change in self.lines:
            effect[name, bucket] = effect.get((name, bucket), 0) + change
        return effect


@dataclass
class Hold:
    """Promised money of any kind: hold, escrow, stake, withdrawal."""

    kind: str
    account: str
    left: int
    to: str | None = None
    expires: datetime | None = None
    overcapture: bool = False
    on_timeout: str = "refund"
    status: str = "pending"
    ref: str | None = None

    @property
    def bucket(self) -> str:
        return BUCKET_OF[self.kind]

    @property
    def open(self) -> bool:
        return self.status in ("pending", "disputed")

    def due(self, now: datetime) -> bool:
        return self.status == "pending" and self.expires is not None and now >= self.expires


@dataclass
class Deposit:
    account: str
    amount: int
    confirmed: bool = False


@dataclass
class SessionKey:
    """A budget on an account."""

    account: str
    per_spend: int | None
    per_day: int | None
    total: int | None
    receivers: list[str] | None
    expires: datetime | None
    revoked: bool = False
    spends: list[tuple[datetime, int]] = field(default_factory=list)


@dataclass
class Payment:
    """A payment of the billing engine."""

    party: str
    amount: int
    entry: Entry


@dataclass
class Clearing:
    """A domain's clearing account and what it exchanged since it was settled."""

    account: str
    unsettled: list[int] = field(default_factory=list)
    seen: int = 0  # how many of those were there when the batch at hand began
