"""manage.py reprice: what it will cost whom is said first, and what is posted is that, once."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant
from journal.replay import replay
from ledger_project.testing.ledger import Ledger
from ledger_project.usage.models import Usage

RATES = [{"model": "*", "metric": "tokens", "price": "1.5"}]


def test_usage_is_priced_anew_after_it_was_said_what_it_costs(ledger: Ledger) -> None:
    ledger.open("ada", "bob", funded=100)
    ledger.run("publish_prices", book="llm", rates=RATES, effective_at="2026-01-01T00:00:00Z")
    for n in range(4):
        used = {"book": "llm", "model": "m", "metrics": {"tokens": 5}, "request_id": f"r{n}"}
        ledger.run("record_usage", account="ada" if n % 2 else "bob", **used)
    ledger.run("publish_prices", book="llm", rates=[{**RATES[0], "price": "1"}], effective_at="2026-06-01T00:00:00Z")
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    words = ["reprice", "llm", "--tenant", slug, "--from", "2026-06-01T00:00:00Z", "--to", "2099-01-01T00:00:00Z"]

    def told(*more: str) -> list[str]:
        out = StringIO()
        call_command(*words, *more, stdout=out)
        return out.getvalue().splitlines()

    # Each was charged 7.5 twice, 15 in all, and costs 10.
    said = ["4 corrections, -10 in all; 0 refused"]
    assert told()[-2:] == [*said, "nothing was posted; --yes posts it"]
    assert ledger.balance("ada") == {"available": 85}
    assert told("--yes")[:2] == ["ada: -5 was charged", "bob: -5 was charged"]
    assert told("--yes") == ["0 corrections, 0 in all; 0 refused"]

    assert ledger.balance("ada") == ledger.balance("bob") == {"available": 90}
    assert Usage.objects.filter(tenant=ledger.tenant, kind="corrected").count() == 4
    assert replay(ledger.tenant) == []


def test_a_book_that_is_not_there_is_told(ledger: Ledger) -> None:
    ledger.open("ada", funded=100)
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    words = ["reprice", "llm", "--from", "2026-06-01T00:00:00Z", "--to", "2099-01-01T00:00:00Z", "--tenant"]

    with pytest.raises(CommandError, match="no tenant"):
        call_command(*words, "nobody")
    call_command(*words, slug)
