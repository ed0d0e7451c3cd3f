"""Attestations as pages for people: what a browser gets, of which tenant, and how it is kept."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from accounts.models import Tenant
from ledger_project.testing.api import refused
from ledger_project.testing.ledger import Ledger
from reserves import queries
from reserves.tests.story import attest, record, register

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
ADDRESS = "/attestation/reserve"
NO_REDIS = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}


@pytest.fixture
def public(ledger: Ledger) -> Iterator[Ledger]:
    """The tenant that the public address shows."""
    with override_settings(ATTESTATION_TENANT=Tenant.objects.get(pk=ledger.tenant).slug):
        yield ledger


def look(path: str = ADDRESS, status: int = 200) -> str:
    """The words of a page."""
    response = Client().get(path, headers={"Accept": BROWSER})
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "text/html; charset=utf-8"
    text = re.sub(r"<(?:title|desc)\b.*?</(?:title|desc)>", "", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_page_says_what_is_owed_and_what_stands_behind_it(public: Ledger) -> None:
    public.open("alice", "bob", funded=600)
    public.run("place_hold", account="alice", amount=200, expires_in=3600)
    register(public, "bank", haircut_bps=1000, is_eligible=True)
    register(public, "vault", haircut_bps=0)
    record(public, "bank", 1000)
    record(public, "vault", 5000)
    made = attest(public)
    stated = json.loads(made.document)

    page = look()

    assert "75.00 % Not everything that is owed is covered. 900 CRD of reserves count; 1,200 CRD are owed." in page
    assert "Available to holders 1,000 Held 200 In escrow 0 Staked 0 Fee pools 0 Promotional 0" in page
    assert "To 2 accounts 1,200" in page
    assert re.search(r"bank First Bank; as of [\d-]+ [\d:]+ UTC counted 1,000 10.00 % 900", page)
    assert re.search(r"vault First Bank; as of [\d-]+ [\d:]+ UTC ineligible 5,000 0.00 % 0", page)
    for limit in stated["limits"]:
        assert limit in page
    for digest in (
        bytes(made.document_hash).hex(),
        stated["liabilities"]["sum_tree_root"],
        stated["checkpoint"]["root"],
    ):
        assert digest in page


@pytest.mark.parametrize(
    ("owed", "reserves", "words"),
    [
        (0, 5, "— Nothing is owed."),
        (100, 100, "100.00 % Everything that is owed is covered."),
        (10**38 - 1, 10**38 - 2, "99.99 % Not everything that is owed is covered."),
        (1, 10**38 - 1, "over 1,000,000 % Everything that is owed is covered."),
    ],
)
def test_the_verdict_is_exact(public: Ledger, owed: int, reserves: int, words: str) -> None:
    public.open("alice", funded=owed)
    register(public, haircut_bps=0, is_eligible=True)
    record(public, "bank", reserves)
    attest(public)

    page = look()

    assert words in page
    assert f"{reserves:,} CRD of reserves count; {owed:,} CRD are owed." in page


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (BROWSER, "text/html; charset=utf-8"),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("image/png", "application/json"),
        ("application/json", "application/json"),
        ("application/jose", "application/jose"),
        ("text/html;q=0.1, application/json", "application/json"),
    ],
)
def test_browsers_get_the_page_and_programs_the_document(public: Ledger, accept: str, kind: str) -> None:
    made = attest(public)

    for path in (ADDRESS, f"{ADDRESS}/{made}"):
        response = Client().get(path, headers={"Accept": accept} if accept else {})

        assert (response.status_code, response["Content-Type"], response["Vary"]) == (200, kind, "Accept")


def test_each_form_is_kept_as_long_as_it_is_true(public: Ledger) -> None:
    made = attest(public)
    tags = set()
    for kind in ("html", "json", "jws"):
        response = Client().get(f"{ADDRESS}/{made}?format={kind}")
        kept = Client().get(f"{ADDRESS}/{made}?format={kind}", headers={"If-None-Match": response["ETag"]})
        tags.add(response["ETag"])

        assert kept.status_code == 304
        # The page says whether there is a newer one.
        assert ("immutable" in response["Cache-Control"]) == (kind != "html")
        assert response["Access-Control-Allow-Origin"] == "*"
        assert not response.cookies
    assert len(tags) == 3


def test_an_older_one_leads_to_the_newest(public: Ledger) -> None:
    public.open("alice", funded=10)
    old, new = attest(public), attest(public)

    assert "This is not the newest one" in look(f"{ADDRESS}/{old}")
    assert "This is not the newest one" not in look(f"{ADDRESS}/{new}")
    assert f'href="{ADDRESS}/{old}">The one before' in Client().get(f"{ADDRESS}/{new}?format=html").content.decode()


def test_another_tenants_stands_alone(public: Ledger) -> None:
    other = Ledger()
    other.open("eve", funded=10)
    attest(public)
    theirs = attest(other)

    page = look(f"{ADDRESS}/{theirs}")

    assert "0.00 % Not everything that is owed is covered." in page
    for word in ("All attestations", "not the newest", "The one before"):
        assert word not in page


def test_the_history_goes_on_over_its_pages(public: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reserves.api.pages.PAGE", 2)
    public.open("alice", funded=10)
    register(public, haircut_bps=0, is_eligible=True)
    made = []
    for amount in (5, 10, 15, 20, 25):
        record(public, "bank", amount, ago=1)
        made.append(attest(public))

    sequences: list[int] = []
    path: str | None = f"{ADDRESS}/history"
    while path:
        answer: dict[str, Any] = Client().get(path).json()
        sequences += [each["sequence"] for each in answer["results"]]
        path = answer["next"]

    assert sequences == [5, 4, 3, 2, 1]
    page = look(f"{ADDRESS}/history")
    assert re.findall(r"(\d+\.\d\d) % (\d+) 10", page) == [("250.00", "25"), ("200.00", "20")]
    assert "Reserves that count, as a share of what is owed: between 50.00 % and 250.00 %." in page
    older = Client().get(f"{ADDRESS}/history?format=html&before=4&currency=CRD").content.decode()
    assert [str(each) in older for each in made] == [False, True, True, False, False]


def test_of_several_currencies_a_browser_gets_the_first_and_programs_are_asked(public: Ledger) -> None:
    public.run("register_currency", code="EUR", scale=2)
    public.open("alice", currency="CRD")
    public.run("open_account", name="bob", currency="EUR")
    attest(public, "CRD")
    attest(public, "EUR")

    assert "What stands behind CRD CRD EUR" in look()
    assert "What stands behind EUR" in look(f"{ADDRESS}?currency=EUR")
    assert "All attestations of CRD" in look(f"{ADDRESS}/history")
    for path in (ADDRESS, f"{ADDRESS}/history"):
        assert refused(Client().get(path), 422, "invalid_request")["reason"] == "one of CRD, EUR"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("?currency=NONE", 404, "attestation_not_found"),
        ("?currency=%00", 404, "attestation_not_found"),
        ("/att_1", 404, "attestation_not_found"),
        ("/history?currency=NONE", 404, "attestation_not_found"),
        ("/history?before=-1", 422, "invalid_request"),
        ("/history?before=99999999999999999999", 422, "invalid_request"),
    ],
)
def test_a_refusal_is_a_page_to_browsers_and_a_problem_to_programs(
    public: Ledger, path: str, status: int, code: str
) -> None:
    attest(public)

    assert f"To programs this is the problem {code} ." in look(ADDRESS + path, status)
    refused(Client().get(ADDRESS + path), status, code)


def test_where_nothing_is_attested_yet_the_page_says_so() -> None:
    with override_settings(ATTESTATION_TENANT="nobody-of-this-name"):
        page = look(ADDRESS, 404)
        refused(Client().get(ADDRESS), 404, "attestation_not_found")

    assert "HTTP status 404" in page


def test_hostile_names_stay_text(public: Ledger) -> None:
    register(public, "<script>alert(1)", provider='"><img src=x>')
    attest(public)

    page = Client().get(ADDRESS, headers={"Accept": BROWSER}).content.decode()

    assert ("<script" in page, "<img src=x" in page) == (False, False)
    assert "&lt;script&gt;alert(1)" in page


def test_the_drawing_is_made_once_and_stands_without_redis(public: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    public.open("alice", funded=10)
    attest(public)
    attest(public)
    first = look()
    monkeypatch.setattr("reserves.queries.coverage_until", lambda newest, count: [])

    assert "Reserves that count, as a share of what is owed: always 0.00 %." in first
    assert look() == first
    with override_settings(CACHES=NO_REDIS):
        assert "as a share of what is owed" not in look(), "then it is asked for each time"


def test_who_attests_later_takes_nobodys_page_off_the_air(ledger: Ledger) -> None:
    """Without a setting the address is the first attester's, for ever."""
    ledger.open("alice", funded=10)
    attest(ledger)
    with override_settings(ATTESTATION_TENANT=""):
        first = queries.public_newest()

        other = Ledger()
        other.open("mallory", funded=10)
        attest(other)

        assert first
        assert [issued.pk for issued in queries.public_newest()] == [issued.pk for issued in first]
        assert Client().get(ADDRESS, headers={"Accept": BROWSER}).status_code == 200
