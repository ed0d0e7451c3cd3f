"""simulate: without drafts it is what happened, to the unit; with drafts, what a fresh tenant gets that lives so."""

import io
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant
from holds.expiry import expire_due as expire_holds
from journal.promo_expiry import expire_due as expire_grants
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log.models import Event
from ledger_project.testing.ledger import Ledger
from ledger_project.tests.everything import everything
from ledger_project.usage.simulation import simulate

RATES = [{"model": "*", "metric": "tokens", "price": "0.37"}]
AGENTS = ("team:a", "team:b", "team:c")


def life(ledger: Ledger, *, budget: int = 300, price: str = "0.37", seed: int = 3) -> list[str]:
    """A day of a team; which of its calls were refused, by their request ids."""
    chance, refused = random.Random(seed), []
    for name in AGENTS:
        ledger.open(name, funded=2000)
    ledger.run("publish_prices", book="llm", rates=[{**RATES[0], "price": price}], effective_at="2026-01-01T00:00:00Z")
    ledger.run("set_budget", name="team", account_prefix="team:", window="total", limit=budget, currency="CRD")
    for name in AGENTS:
        ledger.run("grant", account=name, amount=chance.randrange(10, 40), expires_in=3600, kind="paid")
    for n in range(40):
        agent, tokens = chance.choice(AGENTS), chance.randrange(1, 60)
        used = {"account": agent, "book": "llm", "model": "m", "metrics": {"tokens": tokens}}
        way, more = chance.choice(["direct", "hold", "expire"]), chance.randrange(30)
        try:
            if way == "direct":
                ledger.run("record_usage", request_id=f"r{n}", **used)
                continue
            hold = ledger.answer("authorize_usage", request_id=f"r{n}", expires_in=60, **used)["hold"]["id"]
            if way == "hold":
                real = {**used, "metrics": {"tokens": tokens + more}}
                ledger.run("record_usage", request_id=f"r{n}", hold=hold, **real)
        except Refusal:
            refused.append(f"r{n}")
    with clock.moved(timedelta(hours=2)):
        expire_holds()
        expire_grants()
        ledger.run("record_usage", account="team:a", book="llm", model="m", metrics={"tokens": 3}, request_id="last")
    return refused


def requests(refused: list[Any]) -> list[str]:
    """The requests that a simulation says would have been refused, each once."""
    payloads = [Event.objects.get(pk=each.event[4:]).payload for each in refused]
    return list(dict.fromkeys(payload["request_id"] for payload in payloads if "request_id" in payload))


def test_without_drafts_it_is_what_happened(ledger: Ledger) -> None:
    life(ledger)

    with clock.moved(timedelta(hours=3)):
        found = simulate(ledger.tenant)

    assert found.calls == Event.objects.filter(tenant=ledger.tenant).count()
    assert (found.refused, found.changes, found.lapsed) == ([], [], {})


@pytest.mark.parametrize("seed", range(3))
def test_a_budget_cut_by_half_refuses_what_a_fresh_tenant_is_refused(seed: int) -> None:
    was, fresh = Ledger(), Ledger()
    assert life(was, budget=100_000, seed=seed) == []
    draft = {"name": "team", "account_prefix": "team:", "window": "total", "limit": 150, "currency": "CRD"}
    refused = life(fresh, budget=150, seed=seed)

    with clock.moved(timedelta(hours=3)):
        found = simulate(was.tenant, drafts={"budgets": [draft]})

    assert refused
    assert requests(found.refused) == refused
    would = {change.account: change.balance[1] for change in found.changes}
    assert {name: sum(fresh.balance(name).values()) for name in AGENTS} == {
        name: would.get(name, sum(was.balance(name).values())) for name in AGENTS
    }


def test_other_prices_charge_what_a_fresh_tenant_is_charged() -> None:
    was, fresh = Ledger(), Ledger()
    life(was, budget=10_000)
    life(fresh, budget=10_000, price="0.5")
    dearer = {"book": "llm", "rates": [{**RATES[0], "price": "0.5"}], "effective_at": "2026-01-01T00:00:00Z"}

    with clock.moved(timedelta(hours=3)):
        found = simulate(was.tenant, drafts={"prices": [dearer]})

    would = {change.account: change.balance[1] for change in found.changes if change.account in AGENTS}
    assert would
    assert would == {name: sum(fresh.balance(name).values()) for name in would}
    assert all(change.charged[0] < change.charged[1] for change in found.changes if change.account in AGENTS)


def test_more_credit_says_what_of_it_would_lapse(ledger: Ledger, tmp_path: Path) -> None:
    life(ledger, budget=10_000)
    draft = tmp_path / "grants.json"
    draft.write_text(json.dumps([{"account": "team:a", "amount": 500, "expires_in": 1800, "priority": 1}]))
    told = io.StringIO()
    slug = Tenant.objects.get(pk=ledger.tenant).slug

    with clock.moved(timedelta(hours=3)):
        call_command("simulate", "--tenant", slug, "--grants", str(draft), "--json", stdout=told)

    found = json.loads(told.getvalue())
    [new] = [each for each in found["lapsed"] if int(each["would_be"]) > 200]
    assert (new["was"], int(new["would_be"]) < 500) == ("0", True)
    with pytest.raises(CommandError, match="there is no tenant"):
        call_command("simulate", "--tenant", "nobody")


def test_everything_that_a_ledger_does_can_be_run_again() -> None:
    ledger = everything()

    with clock.moved(timedelta(days=400)):
        found = simulate(ledger.tenant)

    assert (found.refused, found.changes) == ([], [])
