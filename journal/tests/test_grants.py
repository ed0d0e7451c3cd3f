"""Grants: which pays first for what, what holds have of them, and what becomes of the rest."""

import random
from datetime import timedelta
from typing import Any

import pytest

from accounts.errors import AccountFrozen, InsufficientFunds
from holds.models import Hold
from journal.errors import GrantOver
from journal.models import PromoGrant
from journal.promo_expiry import expire_due
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.testing.ledger import Ledger

HOUR = timedelta(hours=1)
RATES = [{"model": "*", "metric": "tokens", "price": "1"}]


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("ada", funded=100)
    ledger.open("shop")
    ledger.run("publish_prices", book="llm", rates=RATES, effective_at="2026-01-01T00:00:00Z")
    return ledger


def give(books: Ledger, amount: int, **given: Any) -> str:
    return str(books.answer("grant", account="ada", amount=amount, **given)["promo_grant"]["id"])


def left(*grants: str) -> list[int]:
    found = {f"prm_{each.id.hex}": each for each in PromoGrant.objects.all()}
    return [int(each.amount - each.spent - each.held - each.burned) for each in map(found.__getitem__, grants)]


def use(books: Ledger, tokens: int, request: str = "r", model: str = "gpt", **given: Any) -> dict[str, Any]:
    used = {"account": "ada", "book": "llm", "model": model, "metrics": {"tokens": tokens}}
    return books.answer("record_usage", request_id=request, **used, **given)


def test_priority_then_the_first_to_expire_then_the_oldest(books: Ledger) -> None:
    never = give(books, 10)
    late = give(books, 10, expires_in=7200)
    soon = give(books, 10, expires_in=3600)
    first = give(books, 10, priority=1)

    def spend(amount: int) -> None:
        books.run("spend", account="ada", to_account="shop", amount=amount)

    spend(12)
    assert left(first, soon, late, never) == [0, 8, 10, 10]
    spend(25)
    assert left(first, soon, late, never) == [0, 0, 0, 3]
    spend(13)
    assert (left(never), books.balance("ada")) == ([0], {"available": 90})
    assert books.balance("shop") == {"available": 50}
    assert replay(books.tenant) == []


def test_a_grant_for_models_pays_for_what_names_them(books: Ledger) -> None:
    grant = give(books, 10, models=["gpt-4*"])

    books.run("spend", account="ada", to_account="shop", amount=1)
    use(books, 1, "other", model="llama")
    answer = use(books, 4, "gpt", model="gpt-4o")

    assert left(grant) == [6]
    assert answer["usage"]["grants"] == [{"grant": grant, "amount": "4"}]
    assert books.balance("ada") == {"available": 98, "promo": 6}
    assert replay(books.tenant) == []


def test_a_grant_that_has_not_begun_or_was_given_by_promo_mint_is_not_taken(books: Ledger) -> None:
    with pytest.raises(InvalidRequest):
        give(books, 1, starts_at=clock.stamp(clock.now() + HOUR), expires_in=60)
    later = give(books, 10, starts_at=clock.stamp(clock.now() + HOUR))
    books.run("promo_mint", account="ada", amount=5)

    books.run("spend", account="ada", to_account="shop", amount=3)
    assert books.balance("ada") == {"available": 97, "promo": 15}
    books.run("spend", account="ada", to_account="shop", amount=3, use_promo=True)
    assert books.balance("ada") == {"available": 97, "promo": 12}
    with clock.moved(2 * HOUR):
        books.run("spend", account="ada", to_account="shop", amount=3)
    assert left(later) == [7]


def test_a_hold_takes_grants_first_pays_by_the_first_and_gives_back_to_the_last(books: Ledger) -> None:
    one, two = give(books, 10), give(books, 10)

    hold = books.answer("place_hold", account="ada", amount=30)["hold"]
    assert hold["grants"] == [{"grant": one, "amount": "10"}, {"grant": two, "amount": "10"}]
    assert books.balance("ada") == {"available": 90, "held": 30}
    assert left(one, two) == [0, 0]

    captured = books.answer("capture_hold", hold=hold["id"], amount=14, final=False, to_account="shop")
    assert captured["entry"]["metadata"]["promo"] == [{"grant": one, "amount": "10"}, {"grant": two, "amount": "4"}]
    books.run("release_hold", hold=hold["id"], amount=13)
    assert (left(one, two), books.balance("ada")) == ([0, 3], {"available": 100, "held": 3, "promo": 3})
    books.run("release_hold", hold=hold["id"])
    assert (left(one, two), books.balance("ada")) == ([0, 6], {"available": 100, "promo": 6})
    assert replay(books.tenant) == []


@pytest.mark.parametrize(("kind", "sink"), [("promo", "platform:issuance:CRD"), ("paid", "platform:breakage:CRD")])
def test_what_a_hold_gives_back_after_the_end_is_burnt_or_breakage(books: Ledger, kind: str, sink: str) -> None:
    give(books, 20, kind=kind, expires_in=60)
    hold = books.answer("place_hold", account="ada", amount=15, expires_in=86400)["hold"]["id"]
    issued = books.balance("platform:issuance:CRD")["available"]

    with clock.moved(HOUR):
        expire_due()
        assert books.balance("ada") == {"available": 100, "held": 15}
        books.run("capture_hold", hold=hold, amount=6)  # permission was given in time

    assert books.balance("ada") == {"available": 100}
    burnt = {"platform:issuance:CRD": issued, "platform:breakage:CRD": 0}[sink] + 5 + 9
    assert books.balance(sink) == {"available": burnt}
    assert books.balance("platform:revenue:CRD") == {"available": 6}
    assert replay(books.tenant) == []


def test_a_frozen_accounts_rest_waits_until_it_is_open_again(books: Ledger) -> None:
    give(books, 20, expires_in=60)
    hold = books.answer("place_hold", account="ada", amount=15, expires_in=86400)["hold"]["id"]
    books.run("freeze_account", account="ada")

    with clock.moved(HOUR):
        books.run("release_hold", hold=hold)
        expire_due()
        assert books.balance("ada") == {"available": 100, "promo": 20}
        books.run("unfreeze_account", account="ada")
        expire_due()

    assert books.balance("ada") == {"available": 100}
    assert replay(books.tenant) == []


def test_a_void_takes_what_is_free_and_not_what_is_held(books: Ledger) -> None:
    grant = give(books, 20, kind="paid")
    hold = books.answer("place_hold", account="ada", amount=15)["hold"]["id"]

    voided = books.answer("void_grant", grant=grant, reason="charged back")
    assert (voided["promo_grant"]["left"], voided["promo_grant"]["held"]) == ("0", "15")
    with pytest.raises(GrantOver):
        books.run("void_grant", grant=grant)
    books.run("capture_hold", hold=hold, amount=5)

    assert books.balance("ada") == {"available": 100}
    assert books.balance("platform:issuance:CRD") == {"available": -105}
    assert replay(books.tenant) == []


def test_the_rest_of_a_grant_is_rolled_over(books: Ledger) -> None:
    old = give(books, 20, kind="paid", priority=7, expires_in=60)
    books.run("spend", account="ada", to_account="shop", amount=5)

    new = books.answer("roll_over_grant", grant=old, at_most=10, expires_in=86400)["promo_grant"]

    assert (new["amount"], new["kind"], new["priority"]) == ("10", "paid", 7)
    with clock.moved(HOUR):
        expire_due()
    assert books.balance("ada") == {"available": 100, "promo": 10}
    assert books.balance("platform:breakage:CRD") == {"available": 5}
    assert replay(books.tenant) == []


@pytest.mark.parametrize(
    ("refund_expired", "balance"),
    [("breakage", {"available": 100}), ("available", {"available": 108}), ("renew", {"available": 100, "promo": 8})],
)
def test_a_refund_to_an_expired_grant_is_the_tenants_choice(
    books: Ledger, refund_expired: str, balance: dict[str, int]
) -> None:
    give(books, 8, kind="paid", expires_in=60)
    entry = books.answer("spend", account="ada", to_account="shop", amount=8)["entry"]["id"]

    with clock.moved(HOUR):
        books.run("refund", entry=entry, refund_expired=refund_expired)
        expire_due()
        assert books.balance("ada") == balance
        assert replay(books.tenant) == []


def test_a_refund_of_a_capture_comes_back_to_its_grants(books: Ledger) -> None:
    grant = give(books, 8)
    hold = books.answer("place_hold", account="ada", amount=20)["hold"]["id"]
    entry = books.answer("capture_hold", hold=hold, to_account="shop")["entry"]["id"]

    books.run("refund", entry=entry, amount=15)

    assert (books.balance("ada"), left(grant)) == ({"available": 100, "promo": 3}, [3])
    assert replay(books.tenant) == []


def test_an_entry_that_only_says_that_a_grant_paid_gives_it_nothing_back(books: Ledger) -> None:
    grant = give(books, 8)
    books.run("spend", account="ada", to_account="shop", amount=8)
    postings = [{"account": "ada", "amount": 5}, {"account": "shop", "amount": -5}]
    said = {"promo": f"{grant}: 5"}
    for kind in ("spend", "capture"):
        forged = books.answer("post_entry", postings=postings, kind=kind, metadata=said)["entry"]["id"]
        books.run("refund", entry=forged)

    assert (left(grant), books.balance("ada")) == ([0], {"available": 100})
    assert replay(books.tenant) == []


def test_a_correction_comes_back_to_the_account_first_and_to_grants_last(books: Ledger) -> None:
    grant = give(books, 8)
    usage = use(books, 20)["usage"]["id"]
    assert books.balance("ada") == {"available": 88}

    less = books.answer("correct_usage", usage=usage, metrics={"tokens": 5})["usage"]

    assert (books.balance("ada"), less["grants"]) == (
        {"available": 100, "promo": 3},
        [{"grant": grant, "amount": "5"}],
    )
    books.run("correct_usage", usage=less["id"], metrics={"tokens": 6})
    assert books.balance("ada") == {"available": 100, "promo": 2}
    assert replay(books.tenant) == []


def test_grants_are_asked_for_what_there_is_in_all(books: Ledger) -> None:
    give(books, 8)
    with pytest.raises(InsufficientFunds) as refused:
        books.run("spend", account="ada", to_account="shop", amount=109)
    assert refused.value.facts["available"] == "108"
    books.run("freeze_account", account="ada")
    with pytest.raises(AccountFrozen):
        books.run("spend", account="ada", to_account="shop", amount=1)


class Model:
    """Grants in order of use, and holds that remember them: the rule, written down."""

    def __init__(self) -> None:
        self.own = 100
        self.grants: dict[str, list[Any]] = {}  # priority, expiry, age, left, held
        self.holds: dict[str, list[list[Any]]] = {}

    def take(self, amount: int, now: int) -> list[list[Any]]:
        parts = []
        for name, grant in sorted(self.grants.items(), key=lambda each: each[1][:3]):
            part = min(amount, grant[3]) if grant[1] > now else 0
            if part:
                grant[3] -= part
                parts.append([name, part])
                amount -= part
        self.own -= amount
        return [*parts, ["own", amount]] if amount else parts

    def give_back(self, parts: list[list[Any]], now: int) -> None:
        for name, part in parts:
            if name == "own":
                self.own += part
            elif self.grants[name][1] > now:
                self.grants[name][3] += part

    def split(self, hold: str, amount: int) -> tuple[list[list[Any]], list[list[Any]]]:
        paid, rest = [], []
        for name, part in self.holds[hold]:
            now = min(amount, part)
            amount -= now
            paid.append([name, now])
            rest.append([name, part - now])
        return paid, rest


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_grants_holds_releases_and_expiry_is_the_models(books: Ledger, seed: int) -> None:
    chance, model, far = random.Random(seed), Model(), 10**4
    for age in range(5):
        priority, expiry = chance.choice([1, 2]), chance.choice([2, 4, 6, far])
        amount = chance.randrange(5, 30)
        name = give(books, amount, priority=priority, expires_in=expiry * 3600, kind=chance.choice(["promo", "paid"]))
        model.grants[name] = [priority, expiry, age, amount]

    for step in range(24):
        now = step // 4
        with clock.moved(now * HOUR + HOUR / 2 * (now > 0)):
            amount = chance.randrange(1, 12)
            total = model.own + sum(each[3] for each in model.grants.values() if each[1] > now)
            act = chance.choice(["spend", "hold", "hold", "capture", "release"])
            if act in ("spend", "hold") and amount <= total:
                parts = model.take(amount, now)
                if act == "spend":
                    books.run("spend", account="ada", to_account="shop", amount=amount)
                else:
                    placed = books.answer("place_hold", account="ada", amount=amount, expires_in=30 * 86400)
                    model.holds[placed["hold"]["id"]] = parts
            elif act in ("capture", "release") and model.holds:
                hold = chance.choice(sorted(model.holds))
                whole = sum(part for _, part in model.holds[hold])
                paid = chance.randrange(1, whole + 1) if act == "capture" else 0
                if paid:
                    books.run("capture_hold", hold=hold, amount=paid, to_account="shop")
                else:
                    books.run("release_hold", hold=hold)
                model.give_back(model.split(hold, paid)[1], now)
                del model.holds[hold]
            expire_due()
            for grant in model.grants.values():
                grant[3] = grant[3] if grant[1] > now else 0
            assert left(*model.grants) == [each[3] for each in model.grants.values()], (step, act)
            assert books.balance("ada").get("available", 0) == model.own
    assert Hold.objects.filter(tenant=books.tenant, status="pending").count() == len(model.holds)
    assert replay(books.tenant) == []
