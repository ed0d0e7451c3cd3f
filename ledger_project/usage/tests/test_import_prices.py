"""manage.py import_prices: LiteLLM's table becomes a version of a price book, digit by digit."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant
from ledger_project.testing.ledger import Ledger
from ledger_project.usage.litellm import read_table
from ledger_project.usage.models import PriceVersion

TABLE = """{
  "sample_spec": {"input_cost_per_token": 0.0, "mode": "one of chat, embedding …"},
  "gpt-4o": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06,
             "max_tokens": 16384, "litellm_provider": "openai", "mode": "chat"},
  "long": {"input_cost_per_token": 3e-06, "input_cost_per_token_above_200k_tokens": 6e-06},
  "odd": {"input_cost_per_token": 8.333333333333333e-08},
  "free": {"input_cost_per_token": 0}
}"""


def test_prices_are_read_digit_by_digit() -> None:
    table = read_table(TABLE, scale=2)

    assert table.rates == [
        {"model": "free", "metric": "input_tokens", "price": "0"},
        {"model": "gpt-4o", "metric": "cached_input_tokens", "price": "0.000125"},
        {"model": "gpt-4o", "metric": "input_tokens", "price": "0.00025"},
        {"model": "gpt-4o", "metric": "output_tokens", "price": "0.001"},
        {"model": "long", "metric": "input_tokens", "price": "0.0003"},
    ]
    assert [line.partition(":")[0] for line in table.skipped] == [
        "long input_cost_per_token_above_200k_tokens",
        "odd input_cost_per_token",
    ]


def test_a_table_is_published_once(ledger: Ledger, tmp_path: Path) -> None:
    ledger.run("register_currency", code="USD", scale=2)
    path, told = tmp_path / "prices.json", StringIO()
    path.write_text(TABLE, "utf-8")
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    words = ["import_prices", str(path), "--tenant", slug, "--models", "gpt-*"]

    call_command(*words, "--dry-run", stdout=told)
    call_command(*words, stdout=told)
    call_command(*words, stdout=told)
    call_command(*words, "--markup-bps", "1000", stdout=told)

    assert told.getvalue().splitlines() == [
        "litellm 1 would be published: 3 rates",
        "litellm 1 is published: 3 rates",
        "litellm 1 was published: 3 rates",
        "litellm 2 is published: 3 rates",
    ]
    assert PriceVersion.objects.filter(tenant=ledger.tenant).count() == 2


@pytest.mark.parametrize("text", ["[]", "{", json.dumps({"m": {"mode": "chat"}})])
def test_what_is_no_table_is_told(ledger: Ledger, tmp_path: Path, text: str) -> None:
    ledger.run("register_currency", code="USD", scale=2)
    path = tmp_path / "prices.json"
    path.write_text(text, "utf-8")

    with pytest.raises(CommandError):
        call_command("import_prices", str(path), "--tenant", Tenant.objects.get(pk=ledger.tenant).slug)
