"""Rules broken by hand, one at a time: what the random lives must notice.

A mutant replaces a piece of one function's source. It is put in place without touching the module: everybody who holds
the function runs the changed code.
"""

import __future__

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from ledger_project.log.command import Command


@dataclass(frozen=True)
class Mutant:
    """`where` is module:function; `old` stands in it exactly once."""

    name: str
    breaks: str
    where: str
    old: str
    new: str

    @contextmanager
    def in_place(self) -> Iterator[None]:
        function = self._function()
        kept = function.__code__
        function.__code__ = self._mutated(function)
        try:
            yield
        finally:
            function.__code__ = kept

    def _function(self) -> FunctionType:
        module, path = self.where.split(":")
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = inspect.getattr_static(found, part)
        found = found.fget if isinstance(found, property) else found
        found = found.plan if isinstance(found, Command) else found
        assert isinstance(found, FunctionType)
        return found

    def _mutated(self, function: FunctionType) -> CodeType:
        source = textwrap.dedent(inspect.getsource(function))
        assert source.count(self.old) == 1, f"{self.name}: {source.count(self.old)} places in {self.where}"
        bare = source[source.index(f"def {function.__name__}(") :].replace(self.old, self.new)
        made: dict[str, Any] = {}
        # The annotations are not looked at, so that they need not be defined here.
        flags = __future__.annotations.compiler_flag
        exec(compile(bare, f"<{self.name}>", "exec", flags), function.__globals__ | {}, made)
        return made[function.__name__].__code__  # type: ignore[no-any-return]


MUTANTS = (
    Mutant(
        "capture_beyond_the_hold",
        "more than is held may be captured from any hold, the surplus from available money",
        "holds.commands.holds:capture_hold",
        "if held.allow_overcapture else 0",
        "",
    ),
    Mutant(
        "hold_expires_late",
        "a hold still counts at the very moment at which it expires",
        "holds.rows:HoldRow.due",
        "now >= self.expires_at",
        "now > self.expires_at",
    ),
    Mutant(
        "final_capture_keeps_the_rest",
        "what a final capture leaves over stays held",
        "holds.commands.holds:capture_hold",
        "if final and held.remaining:",
        "if False:",
    ),
    Mutant(
        "released_money_skips_the_credit_line",
        "held money that comes back does not repay drawn credit first",
        "journal.posting:Books.restore",
        "self.give(row, into, amount)",
        "self._shift(row, into, amount)",
    ),
    Mutant(
        "credit_beyond_the_limit",
        "the credit line lends one more than its limit",
        "accounts.rows:AccountRow.credit_left",
        "max(0, self.credit_limit - self.numbers[Bucket.CREDIT_USED])",
        "max(0, self.credit_limit + 1 - self.numbers[Bucket.CREDIT_USED])",
    ),
    Mutant(
        "release_twice",
        "a hold that has ended may be released again",
        "holds.books:require_pending",
        'if hold.status != "pending":',
        'if hold.status == "expired":',
    ),
    Mutant(
        "escrow_fee_taken_twice",
        "the seller gets the whole release, and the fee is taken besides",
        "holds.commands.escrow:release_escrow",
        "released - fee, (seller",
        "released, (seller",
    ),
    Mutant(
        "escrow_refund_pays_the_seller",
        "a dispute gives the buyer's part to the seller",
        "holds.commands.escrow:resolve_escrow",
        "books.give_back(held, to_buyer, ending=",
        "books.pay(held, to_buyer, (_seller(books, held), AVAILABLE), ending=",
    ),
    Mutant(
        "timeout_always_refunds",
        "an escrow that is to be released on timeout goes back to the buyer",
        "holds.commands.holds:_seller_on_timeout",
        'held.on_timeout != "release"',
        'held.on_timeout != "never"',
    ),
    Mutant(
        "slash_leaves_it_bonded",
        "slashed money is taken from what is available, and stays bonded",
        "holds.commands.stakes:slash_stake",
        "books.pay(held, slashed, _target(books, held, to_account, fee_account, burn))",
        "books.move(slashed, (books.holder(held), AVAILABLE), _target(books, held, to_account, fee_account, burn)); "
        "held.settle(slashed, 0)",
    ),
    Mutant(
        "stake_of_borrowed_money",
        "money that the credit line lent may be staked and withdrawn",
        "holds.books:HoldBooks.require_own",
        "row.numbers[AVAILABLE] - row.numbers[Bucket.CREDIT_USED]",
        "row.numbers[AVAILABLE]",
    ),
    Mutant(
        "announced_deposit_is_credited",
        "a deposit is credited when it is announced",
        "holds.commands.deposits:record_deposit",
        "if confirmed:",
        "if True:",
    ),
    Mutant(
        "failed_withdrawal_is_lost",
        "a withdrawal that fails leaves the money where it was set aside",
        "holds.commands.withdrawals:fail_withdrawal",
        "books.give_back(held, held.remaining)",
        "held.settle(0, held.remaining)",
    ),
    Mutant(
        "promo_last",
        "a spend uses promotional money only for what other money does not cover",
        "journal.posting:Books.draw_grants",
        "part = min(amount, sum(grant.left for grant in grants))",
        "part = min(max(0, amount - payer.numbers[AVAILABLE]), sum(grant.left for grant in grants))",
    ),
    Mutant(
        "expired_promo_is_spent",
        "promotional money is spendable until it is swept",
        "journal.promo:Grant.expired",
        "self.expires_at <= at",
        "self.expires_at <= at and self.spent < 0",
    ),
    Mutant(
        "fee_into_spendable_money",
        "a fee arrives in the fee account's available money, not in its pool",
        "journal.commands.fees:charge_fee",
        "(receiver, FEE_POOL)",
        "(receiver, AVAILABLE)",
    ),
    Mutant(
        "refund_above_the_original",
        "refunds of one entry are each held to the original, not their sum",
        "journal.refunds:RefundTotalRow.left",
        "self.amount - self.refunded",
        "self.amount",
    ),
    Mutant(
        "reversal_after_refund",
        "an entry that was refunded can be reversed as well",
        "journal.commands.entries:reverse_entry",
        "if given_back is not None:",
        "if False:",
    ),
    Mutant(
        "frozen_account_pays",
        "a freeze does not stop money from leaving",
        "journal.posting:require_open",
        'if row.status != "open":',
        'if row.status == "closed":',
    ),
    Mutant(
        "settled_twice",
        "a batch settles again what the one before it settled",
        "journal.clearing.commands:_position",
        "net = (cut.net - done.net) * account.facts.sign",
        "net = (cut.net + cut.net - done.net) * account.facts.sign",
    ),
    Mutant(
        "session_cap_per_spend_only",
        "what a session key has spent is not counted towards its total",
        "accounts.sessions:SessionKeyRow.charge",
        "self.spent_total += amount",
        "pass",
    ),
    Mutant(
        "payment_fees_on_top",
        "a payment credits the customer with all of it, and the fees besides",
        "journal.commands.billing:record_payment",
        "books.give(customer, AVAILABLE, amount - fees)",
        "books.give(customer, AVAILABLE, amount)",
    ),
)
