"""What sources say is recorded to the unit; what cannot be read in one way only is not, and the asset goes stale."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import Tenant
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.outbound.errors import UnsafeUrl
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks.tests.receiver import Receiver, Reply
from reserves import reading
from reserves.errors import SourceIncomplete
from reserves.models import ReserveAsset, ReserveSnapshot
from reserves.sources import SourceFailed
from reserves.tests.story import attest, record, register

RECORDED = Path(__file__).parent / "recorded"  # what the providers answer
CENT = {"num": "1", "den": "1", "provenance": "1 CRD is sold for a cent"}


@pytest.fixture
def provider(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    receiver = Receiver()
    yield receiver
    receiver.stop()


def says(provider: Receiver, body: Any, **reply: Any) -> None:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    provider.behaves = lambda request: Reply(body=text, **reply)


def feed(provider: Receiver, **options: Any) -> dict[str, Any]:
    return {"kind": "feed", "url": provider.url, "amount": "/balance"} | options


def asset(ledger: Ledger, name: str = "bank") -> ReserveAsset:
    return ReserveAsset.objects.get(tenant=ledger.tenant, name=name)


def snapshots(ledger: Ledger) -> list[ReserveSnapshot]:
    return list(ReserveSnapshot.objects.filter(tenant=ledger.tenant).order_by("id"))


def ours(ledger: Ledger, settings: Settings) -> str:
    settings.ATTESTATION_TENANT = Tenant.objects.get(pk=ledger.tenant).slug
    return str(settings.ATTESTATION_TENANT)


def test_a_feed_is_read_where_it_points_and_rounded_down(ledger: Ledger, provider: Receiver) -> None:
    body = b'{"accounts": [{"a/b": 1}, {"a/b": 1234567890123456789012345.6789}], "at": "2026-11-20T10:00:00+01:00"}'
    says(provider, body)
    register(ledger, source=feed(provider, amount="/accounts/1/a~1b", decimals=2, taken_at="/at"))

    reading.record_from_source(asset(ledger))
    again = reading.record_from_source(asset(ledger))

    [row] = snapshots(ledger)
    assert again.replayed  # it says the same of the same moment
    assert int(row.amount) == 123456789012345678901234567
    assert clock.stamp(row.taken_at) == "2026-11-20T09:00:00.000000Z"
    assert row.provenance == f"feed: {provider.url}"
    assert row.evidence_hash == hashlib.sha256(body).hexdigest()
    assert "authorization" not in provider.received[0].headers


FAILING: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "not there": (b"{}", {"status": 404}, "status 404"),
    "a redirect": (b"", {"status": 302, "headers": {"Location": "http://169.254.169.254/"}}, "status 302"),
    "an accepted request": (b'{"balance": 5}', {"status": 202}, "status 202"),
    "no answer": (b"", {"hang_up": True}, "connection"),
    "not JSON": (b"<html>", {}, "not JSON"),
    "a key twice": (b'{"balance": 5, "balance": 500}', {}, "a key occurs twice"),
    "too large": (b'{"balance": 5, "x": "' + b"x" * 20_000 + b'"}', {}, "too large"),
    "nothing there": (b'{"other": 5}', {}, "nothing at /balance"),
    "no number": (b'{"balance": null}', {}, "neither a number nor a text"),
    "a flag": (b'{"balance": true}', {}, "neither a number nor a text"),
    "an exponent": (b'{"balance": 1e999999999}', {}, "not a plain decimal number"),
    "infinity": (b'{"balance": Infinity}', {}, "Infinity is not a number"),
    "39 digits": (b'{"balance": ' + b"9" * 39 + b"}", {}, "not a plain decimal number"),
    "nested without end": (b"[" * 10_000, {}, "not JSON"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_feed_that_fails_records_nothing(ledger: Ledger, provider: Receiver, name: str) -> None:
    body, reply, words = FAILING[name]
    says(provider, body, **reply)
    register(ledger, source=feed(provider))
    before = ledger.size()

    with pytest.raises(SourceFailed, match=words):
        reading.record_from_source(asset(ledger))

    assert ledger.size() == before
    assert snapshots(ledger) == []


def test_an_asset_whose_feed_fails_goes_stale_and_counts_for_nothing(ledger: Ledger, provider: Receiver) -> None:
    ledger.open("alice", funded=80)
    key = register(ledger, source=feed(provider), haircut_bps=0, is_eligible=True, max_age_seconds=600)
    says(provider, {"balance": "100"})
    reading.record_from_source(asset(ledger))
    fresh = json.loads(attest(ledger).document)
    provider.behaves = lambda request: Reply(status=500)

    with clock.moved(timedelta(seconds=601)):
        reading.read_due()
        stale = json.loads(attest(ledger).document)

    assert fresh["coverage_ratio"]["decimal"] == "1.250000"
    assert (stale["stale_asset_ids"], stale["eligible_reserves_total"]) == ([key], "0")
    assert len(snapshots(ledger)) == 1


def test_what_is_due_is_read_and_one_failure_stops_nobody(ledger: Ledger, provider: Receiver) -> None:
    says(provider, {"balance": 7})
    register(ledger, "good", source=feed(provider), max_age_seconds=3600)
    register(ledger, "bad", source=feed(provider, amount="/other"), max_age_seconds=3600)
    register(ledger, "by hand", max_age_seconds=3600)

    reading.read_due()
    reading.read_due()
    with clock.moved(timedelta(seconds=901)):
        mine = [each.name for each in reading.due() if each.tenant_id == ledger.tenant]

    assert [(row.asset.name, int(row.amount)) for row in snapshots(ledger)] == [("good", 7)]
    assert sorted(mine) == ["bad", "good"]


def test_fal_and_gemini_are_read_in_cents(ledger: Ledger, provider: Receiver, settings: Settings) -> None:
    slug = ours(ledger, settings)
    settings.FAL_BALANCE_URL, settings.FAL_ADMIN_KEY = f"{provider.url}/fal?expand=credits", "fal-secret"
    settings.GEMINI_BALANCE_URL, settings.GEMINI_BALANCE_TOKEN = f"{provider.url}/gemini", "gemini-secret"
    provider.behaves = lambda request: Reply(
        body=(RECORDED / ("fal.json" if "/fal" in request.path else "gemini.json")).read_bytes()
    )
    call_command("register_compute_reserves", tenant=slug, stdout=StringIO())
    with pytest.raises(CommandError, match="2 of the sources failed"):  # what a credit is worth is nowhere said
        call_command("read_reserves", tenant=slug, stderr=StringIO())
    for name in ("compute:fal", "compute:gemini"):
        record(ledger, name, 0, ago=60, price=CENT)
    out = StringIO()

    call_command("read_reserves", tenant=slug, stdout=out)

    assert [line.split(" (")[0] for line in out.getvalue().splitlines()] == [
        "compute:fal: 2450 FAL_CREDIT",
        "compute:gemini: 120399 GEMINI_CREDIT",
    ]
    sent = {request.path: request.headers["authorization"] for request in provider.received}
    assert sent == {
        "/hook/fal?expand=credits": "Key fal-secret",
        "/hook/gemini": "Bearer gemini-secret",
    }
    ledger.open("alice", funded=100_000)
    made = json.loads(attest(ledger).document)
    lines = {line["name"]: (line["raw_value"], line["counted"], line["status"]) for line in made["assets"]}
    assert lines == {
        "compute:fal": ("2450", str(2450 * 3000 // 10_000), "counted"),
        "compute:gemini": ("120399", str(120399 * 5000 // 10_000), "counted"),
    }
    assert [row.price_provenance for row in snapshots(ledger)] == [CENT["provenance"]] * 4
    assert len({row.price_taken_at for row in snapshots(ledger)}) == 2  # carried on with its own time


def test_the_operators_credentials_back_one_tenant_alone(
    ledger: Ledger, provider: Receiver, settings: Settings
) -> None:
    settings.FAL_BALANCE_URL, settings.FAL_ADMIN_KEY = provider.url, "fal-secret"
    settings.RESERVE_FEED_TOKENS = ["127.0.0.1=feed-secret"]
    says(provider, {"balance": 5, "credits": {"current_balance": 5, "currency": "USD"}})
    ours(ledger, settings)
    stranger = Ledger()
    for each in (ledger, stranger):
        register(each, source=feed(provider))
        register(each, "fal", source={"kind": "fal"})

    for name in ("bank", "fal"):
        with pytest.raises(SourceFailed, match="credentials"):
            reading.record_from_source(asset(stranger, name))
    assert provider.received == []
    reading.record_from_source(asset(ledger))
    assert provider.received[0].headers["authorization"] == "Bearer feed-secret"


@pytest.mark.parametrize(
    ("balance", "currency", "amount"),
    [("0.009", "USD", 0), ("-12.50", "USD", 0), ("9.999", "USD", 999), ("5.00", "EUR", None)],
)
def test_dollars_are_whole_cents_and_nothing_below_zero(
    ledger: Ledger, provider: Receiver, settings: Settings, balance: str, currency: str, amount: int | None
) -> None:
    ours(ledger, settings)
    settings.FAL_BALANCE_URL, settings.FAL_ADMIN_KEY = provider.url, "secret"
    says(provider, f'{{"credits": {{"current_balance": {balance}, "currency": "{currency}"}}}}'.encode())
    register(ledger, source={"kind": "fal"})

    if amount is None:
        with pytest.raises(SourceFailed, match="not in USD"):
            reading.record_from_source(asset(ledger))
        assert snapshots(ledger) == []
        return
    reading.record_from_source(asset(ledger))
    assert [int(row.amount) for row in snapshots(ledger)] == [amount]


def test_a_price_is_read_with_its_own_source(ledger: Ledger, provider: Receiver) -> None:
    rate = b'{"rate": "0.9975"}'
    provider.behaves = lambda request: Reply(body=rate if "rate" in request.path else b'{"balance": 3}')
    source = feed(provider, price_url=f"{provider.url}/rate", price="/rate", price_decimals=2)
    register(ledger, unit="USDC", source=source)

    reading.record_from_source(asset(ledger))

    [row] = snapshots(ledger)
    assert (int(row.amount), row.price_num, row.price_den) == (3, 399, 4)  # 99.75 cents
    assert row.price_provenance == f"{provider.url}/rate"
    assert row.price_evidence_hash == hashlib.sha256(rate).hexdigest()


def test_an_asset_account_of_the_ledger_is_read_as_it_stands(ledger: Ledger) -> None:
    ledger.open("alice")
    custody = ledger.run("open_account", name="vault", type="asset").document["result"]["account"]["id"]
    ledger.run(
        "post_entry",
        postings=[
            {"account": "vault", "amount": 100},
            {"account": "alice", "amount": -100},
        ],
    )
    register(ledger, source={"kind": "account", "account": "vault"}, haircut_bps=0, is_eligible=True)
    register(ledger, "wrong", source={"kind": "account", "account": "alice"})
    register(ledger, "gone", source={"kind": "account", "account": "nobody"})

    reading.record_from_source(asset(ledger))

    [row] = snapshots(ledger)
    assert (int(row.amount), row.provenance) == (100, f"account: account {custody} of this ledger at version 1")
    for name in ("wrong", "gone"):
        with pytest.raises(SourceFailed):
            reading.record_from_source(asset(ledger, name))
    made = json.loads(attest(ledger).document)
    assert made["assets"][0]["counted"] == "100"


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ({"kind": "feed", "url": "https://bank.example.com/"}, SourceIncomplete),
        ({"kind": "feed", "amount": "/x"}, SourceIncomplete),
        ({"kind": "account"}, SourceIncomplete),
        ({"kind": "fal", "url": "https://example.com/"}, SourceIncomplete),
        ({"kind": "manual", "price": "/x"}, SourceIncomplete),
        ({"kind": "fal", "price": "/x"}, SourceIncomplete),
        ({"kind": "feed", "url": "https://169.254.169.254/", "amount": "/x"}, UnsafeUrl),
        ({"kind": "feed", "url": "http://bank.example.com/", "amount": "/x"}, UnsafeUrl),
        ({"kind": "fal", "price_url": "https://localhost/", "price": "/x"}, UnsafeUrl),
        ({"kind": "oracle"}, Refusal),
    ],
)
def test_a_source_is_said_in_full_and_leads_outside(
    ledger: Ledger, source: dict[str, Any], refusal: type[Refusal]
) -> None:
    before = ledger.size()

    with pytest.raises(refusal):
        register(ledger, source=source)

    assert ledger.size() == before


def test_a_feed_in_our_own_network_is_not_asked(ledger: Ledger, provider: Receiver, settings: Settings) -> None:
    register(ledger, source=feed(provider))
    settings.WEBHOOK_ALLOWED_NETWORKS = []

    with pytest.raises(SourceFailed, match="unsafe_url"):
        reading.record_from_source(asset(ledger))

    assert provider.received == []
