"""Drawing the next command of a random life: mostly one that may be accepted, often one that must be refused."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from ledger_project.testing.model import Model

Draw = Callable[[Random], Any]
Arguments = dict[str, Draw]

NOBODYS = "0" * 32
PEOPLE = ("alice", "bob", "did:web:carol", "0xd0d0", "cash", "fees", "nobody")
PARTIES = ("customer_balance:c1", "merchant_settlement:m1", "clearing:north", "clearing:south")


def one_of(choices: Sequence[Any]) -> Draw:
    return lambda random: random.choice(choices)


def number(lowest: int, highest: int) -> Draw:
    return lambda random: random.randint(lowest, highest)


def always(value: Any) -> Draw:
    return lambda random: value


def maybe(draw: Draw, share: float = 0.5) -> Draw:
    """The argument given, or left out."""
    return lambda random: draw(random) if random.random() < share else None


def record(draws: Arguments) -> Draw:
    return lambda random: {name: draw(random) for name, draw in draws.items()}


def some(draw: Draw, lowest: int, highest: int) -> Draw:
    return lambda random: [draw(random) for _ in range(random.randint(lowest, highest))]


# Those with money come more often than those at the edges.
people = one_of([*PEOPLE, *PEOPLE[:3] * 4, *PARTIES, "platform:issuance:CRD"])
payers = one_of([*PEOPLE[:3] * 8, *PEOPLE, *PARTIES])
large = lambda random: random.choice([number(1, 60), number(1, 10**30)])(random)  # noqa: E731
small = number(1, 60)
seconds = one_of([1, 60, 3600, 86400])
flags = one_of([True, False])


def ids_of(prefix: str, likely: list[str], others: list[str]) -> Draw:
    """The id of a likely thing, seldom of another or of none."""
    return one_of([f"{prefix}_{key}" for key in [*likely * 8, *others[-6:], NOBODYS]])


def promised(model: Model, *kinds: str, status: str = "pending") -> Draw:
    """The id of a hold, mostly one of these kinds that is open."""
    likely = [key for key, hold in model.holds.items() if hold.kind in kinds and hold.status == status]
    return ids_of("hld", likely, [key for key in model.holds if key not in likely])


def entries(model: Model, *kinds: str) -> Draw:
    likely = [key for key, entry in model.entries.items() if entry.kind in kinds]
    return ids_of("ent", likely, [key for key in model.entries if key not in likely])


def keys(model: Model) -> Draw:
    return ids_of("ssk", [key for key, found in model.keys.items() if not found.revoked], list(model.keys))


def deposits(model: Model) -> Draw:
    likely = [key for key, deposit in model.deposits.items() if not deposit.confirmed]
    return ids_of("dep", likely, list(model.deposits))


def grants(model: Model) -> Draw:
    over = [key for key, grant in model.grants.items() if grant.left and grant.over(model.now)]
    return ids_of("prm", over, list(model.grants))


def one_of_few(prefix: str, count: int = 9) -> Draw:
    """A name that comes up again now and then."""
    return one_of([f"{prefix}{number}" for number in range(count)])


def _accounts(model: Model, random: Random) -> dict[str, Arguments]:
    statuses = one_of(["bob", "did:web:carol", "0xd0d0", "nobody", "fees", *PARTIES, "platform:issuance:CRD"])
    return {
        "open_account": {"name": people, "type": one_of(["liability", "asset"]), "unbounded": flags},
        "ensure_account": {"account": people, "initial_balance": number(0, 50)},
        "freeze_account": {"account": statuses},
        "unfreeze_account": {"account": statuses},
        "close_account": {"account": statuses},
        "issue_session_key": {
            "account": payers,
            "max_per_spend": maybe(small),
            "max_per_day": maybe(small),
            "max_total": maybe(small),
            "allowed_receivers": maybe(some(people, 1, 3)),
            "expires_in": maybe(seconds),
        },
        "revoke_session_key": {"session_key": keys(model)},
    }


def _money(model: Model, random: Random) -> dict[str, Arguments]:
    leg = {
        "account": people,
        "bucket": one_of(["available", "fee_pool"]),
        "amount": one_of([-5, -3, -2, 2, 3, 5]),
    }
    return {
        "mint": {"account": people, "amount": large},
        "burn": {"account": payers, "amount": small},
        "transfer": {"from_account": payers, "to_account": people, "amount": small},
        "post_entry": {"postings": some(record(leg), 0, 4)},
        "set_credit_limit": {"account": payers, "credit_limit": number(0, 80)},
        "draw_credit": {"account": payers, "amount": small},
        "repay_credit": {"account": payers, "amount": number(1, 20)},
        "charge_fee": {"account": payers, "amount": small, "fee_account": maybe(people)},
        "fee_transfer": {"from_account": pools(model), "to_account": people, "amount": number(1, 20)},
        "fee_burn": {"account": pools(model), "amount": number(1, 20)},
    }


def pools(model: Model) -> Draw:
    """An account with fees in its pool, or any."""
    full = [name for name, account in model.accounts.items() if account.buckets["fee_pool"]]
    return one_of([*full * 4, "fees", "alice", "cash", "nobody"])


def _holds(model: Model, random: Random) -> dict[str, Arguments]:
    hold = promised(model, "hold")
    ending = promised(model, "hold", "escrow")
    return {
        "place_hold": {
            "account": payers,
            "amount": small,
            "to_account": maybe(people),
            "expires_in": seconds,
            "allow_overcapture": flags,
        },
        "capture_hold": {"hold": hold, "amount": maybe(small), "to_account": maybe(people), "final": flags},
        "release_hold": {"hold": hold, "amount": maybe(small)},
        "extend_hold": {"hold": ending, "expires_in": seconds},
        "expire_hold": {"hold": ending},
    }


def _escrow(model: Model, random: Random) -> dict[str, Arguments]:
    escrow = promised(model, "escrow")
    return {
        "lock_escrow": {
            "buyer": payers,
            "seller": people,
            "amount": small,
            "reference": one_of_few("order-"),
            "expires_in": maybe(seconds),
            "on_timeout": one_of(["refund", "release"]),
        },
        "release_escrow": {
            "escrow": escrow,
            "amount": maybe(small),
            "fee": number(0, 5),
            "fee_account": maybe(people),
        },
        "refund_escrow": {"escrow": escrow, "amount": maybe(small)},
        "dispute_escrow": {"escrow": escrow, "reason": always("not as described")},
        "resolve_escrow": _resolution(model, random),
    }


def _resolution(model: Model, random: Random) -> Arguments:
    """A split of what is left of a disputed escrow."""
    disputed = [key for key, hold in model.holds.items() if hold.status == "disputed"]
    others = [key for key, hold in model.holds.items() if hold.kind == "escrow"]
    key = random.choice([*disputed * 8, *others[-3:], NOBODYS])
    left = model.holds[key].left if key in model.holds else 10
    to_seller = random.randint(0, left)
    off = random.choice([0, 0, 0, 0, 1])
    return {"escrow": always(f"hld_{key}"), "to_seller": always(to_seller), "to_buyer": always(left - to_seller + off)}


def _stakes(model: Model, random: Random) -> dict[str, Arguments]:
    stake = promised(model, "stake")
    return {
        "lock_stake": {"account": payers, "amount": small},
        "release_stake": {"stake": stake, "amount": maybe(small)},
        "slash_stake": {
            "stake": stake,
            "amount": number(1, 20),
            "to_account": maybe(people),
            "fee_account": maybe(people, 0.3),
            "burn": flags,
        },
    }


def _promo(model: Model, random: Random) -> dict[str, Arguments]:
    return {
        "promo_mint": {"account": payers, "amount": small, "expires_in": maybe(seconds)},
        "promo_burn": {"account": payers, "amount": number(1, 20)},
        "expire_promo": {"grant": grants(model)},
        "spend": {
            "account": payers,
            "amount": small,
            "to_account": maybe(people),
            "session_key": maybe(keys(model)),
            "use_promo": flags,
        },
        "refund": {
            "entry": entries(model, "spend", "transfer", "capture", "escrow_release", "entry"),
            "amount": maybe(number(1, 30)),
        },
        "reverse_entry": {"entry": entries(model, "spend", "transfer", "mint", "payment", "entry", "fee")},
    }


def _cash(model: Model, random: Random) -> dict[str, Arguments]:
    withdrawal = promised(model, "withdrawal")
    return {
        "record_deposit": {
            "account": payers,
            "amount": small,
            "source": one_of(["chain", "bank"]),
            "external_ref": one_of_few("0x"),
            "confirmed": flags,
            "open_account": flags,
        },
        "confirm_deposit": {"deposit": deposits(model)},
        "fail_deposit": {"deposit": deposits(model), "reason": always("never arrived")},
        "request_withdrawal": {"account": payers, "amount": small, "destination": always("IBAN")},
        "confirm_withdrawal": {"withdrawal": withdrawal, "external_ref": one_of_few("paid-")},
        "fail_withdrawal": {"withdrawal": withdrawal, "reason": always("bounced")},
    }


def _billing(model: Model, random: Random) -> dict[str, Arguments]:
    customer = {"customer_id": one_of(["c1", "c1", "c2"]), "amount": small, "currency": always("CRD")}
    merchant = {"merchant_id": one_of(["m1", "m1", "m2"]), "amount": small, "currency": always("CRD")}
    return {
        "record_payment": {"payment_intent_id": one_of_few("pi-"), **customer, "fees": number(0, 9)},
        "record_refund": {
            "refund_id": one_of_few("re-"),
            **customer,
            "payment_intent_id": maybe(one_of([*model.payments, *model.payments, "pi-9"])),
        },
        "record_payout": {"payout_id": one_of_few("po-"), **merchant},
        "record_dispute": {"dispute_id": one_of_few("dp-"), **customer},
    }


def _clearing(model: Model, random: Random) -> dict[str, Arguments]:
    domains = one_of(["north", "north", "south"])
    return {
        "open_clearing_account": {"domain": one_of(["north", "south", "west"])},
        "settle_batch": {
            "netting_batch_id": one_of_few("net-"),
            "domains": maybe(some(domains, 1, 2)),
            "settlement_account": maybe(people, 0.3),
        },
        "transfer": {"from_account": payers, "to_account": one_of(PARTIES), "amount": small},
    }


# Where there is most to go wrong, twice as often.
FAMILIES: tuple[Callable[[Model, Random], dict[str, Arguments]], ...] = (
    _accounts,
    _money,
    _holds,
    _holds,
    _escrow,
    _escrow,
    _stakes,
    _promo,
    _promo,
    _cash,
    _billing,
    _clearing,
)
VERBS = sorted({verb for family in FAMILIES for verb in family(Model(), Random(0))})


def command(random: Random, model: Model) -> tuple[str, dict[str, Any]]:
    """Any command with arguments; one that was left out is not there. Three in four are such as may be accepted."""
    tries = random.choice([1, 12, 12, 12])
    for _ in range(tries):
        verbs = random.choice(FAMILIES)(model, random)
        verb = random.choice(sorted(verbs))
        drawn = record(verbs[verb])(random)
        arguments = {name: value for name, value in drawn.items() if value is not None}
        if tries == 1 or model.accepts(verb, arguments):
            break
    return verb, arguments
