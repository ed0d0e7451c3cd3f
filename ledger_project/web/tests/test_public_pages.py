"""What anybody may read: the front page and what programs look for, cached, without cookies, and when little works."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from accounts.models import Tenant
from ledger_project import env
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.api import Api
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

OURS = "https://ledger.example"
PAGES = ["/", "/skill.md", "/llms.txt", "/robots.txt", "/sitemap.xml", "/.well-known/security.txt"]
NOBODY = {"ATTESTATION_TENANT": "nobody-of-this-name"}
NO_REDIS = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}


@pytest.fixture(autouse=True)
def fresh():
    """What the front page of another test's books said is forgotten, and what this one said."""
    cache.delete("landing")
    yield
    cache.delete("landing")


def figures() -> dict[str, tuple[str, str]]:
    """What the front page says: `{"Accounts": ("2", "in 1 currency")}`."""
    found = re.findall(
        r'<dt>(.*?)</dt>\s*<dd class="number">(.*?)</dd>\s*<dd class="caption">(.*?)</dd>', read("/"), re.DOTALL
    )
    return {label: (re.sub(r"<.*?>", "", figure), caption) for label, figure, caption in found}


def read(path: str, **headers: str) -> str:
    response = Client().get(path, headers=headers)
    assert response.status_code == 200, (path, response.content)
    return str(response.content.decode())


@pytest.mark.parametrize("path", PAGES)
def test_it_is_kept_by_caches_and_knows_nobody(path: str) -> None:
    answer = Client().get(path)
    kept = Client().get(path, headers={"If-None-Match": answer["ETag"]})
    head = Client().head(path)

    assert answer.status_code == head.status_code == 200
    assert re.fullmatch(r"public, max-age=\d+", answer["Cache-Control"])
    assert (kept.status_code, kept.content, kept["ETag"]) == (304, b"", answer["ETag"])
    assert head["ETag"] == answer["ETag"]
    assert (answer.cookies, "Cookie" in answer.get("Vary", "")) == ({}, False)
    assert answer["Access-Control-Allow-Origin"] == kept["Access-Control-Allow-Origin"] == "*"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert b"<script" not in answer.content
    assert Client().post(path).status_code == 405


def test_the_front_page_counts_what_there_is() -> None:
    with own_database():
        assert figures() == {
            "Events sealed": ("0", "in one signed Merkle tree"),
            "Accounts": ("0", "in 0 currencies"),
            "Last checkpoint": ("—", "nothing is sealed yet"),
            "Coverage by reserves": ("—", "not attested yet"),
        }
        ledger = Ledger()
        ledger.open("alice", "bob", funded=150)
        ledger.run("register_reserve_asset", **BANK)
        taken = clock.stamp(clock.now() - timedelta(seconds=1))
        ledger.run("record_reserve_snapshot", asset="bank", amount=400, taken_at=taken, provenance="statement")
        sealing.seal()
        sealed = sealing.newest()
        assert sealed is not None
        Api(ledger).post("/v1/attestations", {"currency": "CRD"})
        cache.delete("landing")

        now = figures()

    assert now["Events sealed"] == (str(sealed.size), "in one signed Merkle tree")
    assert sealed.size == 7
    assert now["Accounts"] == ("3", "in 1 currency")  # and the issuance account
    assert now["Last checkpoint"][0] == f"{sealed.recorded_at.astimezone(UTC):%H:%M:%S}"
    assert now["Coverage by reserves"][0] == "133.33 %"
    assert now["Coverage by reserves"][1].startswith("of CRD, attested ")


BANK: dict[str, Any] = {
    "name": "bank",
    "asset_type": "fiat",
    "provider": "First Bank",
    "unit": "CRD",
    "currency": "CRD",
    "haircut_bps": 0,
    "is_eligible": True,
    "max_age_seconds": 3600,
}


def test_the_front_page_asks_the_database_once_in_ten_seconds(django_assert_num_queries: Any) -> None:
    read("/")

    with django_assert_num_queries(0):
        read("/")


def test_the_front_page_stands_without_redis() -> None:
    with override_settings(CACHES=NO_REDIS):
        assert list(figures()) == ["Events sealed", "Accounts", "Last checkpoint", "Coverage by reserves"]


@pytest.mark.parametrize("path", ["/", "/llms.txt", "/skill.md"])
def test_every_link_leads_somewhere(path: str, ledger: Ledger) -> None:
    ledger.open("alice", funded=1)
    sealing.seal()
    Api(ledger).post("/v1/attestations", {"currency": "CRD"})
    with override_settings(PUBLIC_URL=OURS, ATTESTATION_TENANT=Tenant.objects.get(pk=ledger.tenant).slug):
        page = read(path)
        links = set(re.findall(r'href="(/[^"]*)"', page)) | set(re.findall(rf"\({OURS}(/[^)]*)\)", page))
        links |= {link for link in re.findall(rf"{OURS}(/[\w./-]+)", page) if not link.startswith("/v1/")}
        for link in sorted(links):
            if not link.startswith(("/static/", "/x402/")):
                assert read(link), link

    assert len(links) >= 7


def test_the_first_transfer_of_the_front_page_is_that_of_the_skill() -> None:
    call = re.search(r"^```sh\n(curl[^`]*skill-transfer[^`]*)\n```", read("/skill.md"), re.MULTILINE)

    assert call
    page = read("/").replace("&quot;", '"').replace("&#x27;", "'")
    assert call[1] in page


def test_security_txt_is_that_of_rfc_9116() -> None:
    with override_settings(
        PUBLIC_URL=OURS, SECURITY_CONTACT=["mailto:guard@ledger.example", "https://x.example/s?a&b"]
    ):
        response = Client().get("/.well-known/security.txt")
    fields = [line.split(": ", 1) for line in response.content.decode().splitlines() if not line.startswith("#")]

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert [name for name, _ in fields] == ["Contact", "Contact", "Expires", "Preferred-Languages", "Canonical"]
    told = dict(fields)
    assert [value for name, value in fields if name == "Contact"] == [
        "mailto:guard@ledger.example",
        "https://x.example/s?a&b",
    ]
    assert told["Canonical"] == f"{OURS}/.well-known/security.txt"
    left = datetime.strptime(told["Expires"], "%Y-%m-%dT%H:%M:%S%z") - clock.now()
    assert timedelta(days=179) < left <= timedelta(days=180)  # and so less than a year, as it recommends


@pytest.mark.parametrize(
    ("url", "mailbox"),
    [
        (OURS, "security@ledger.example"),
        ("http://localhost:8000", "security@localhost"),
        ("http://127.0.0.1:8000", "security@%5B127.0.0.1%5D"),
        ("http://[::1]:8000", "security@%5BIPv6%3A%3A%3A1%5D"),
    ],
)
def test_who_names_no_contact_has_the_mailbox_of_rfc_2142(url: str, mailbox: str) -> None:
    with override_settings(PUBLIC_URL=url, SECURITY_CONTACT=[]):
        page = read("/.well-known/security.txt")

    assert f"\nContact: mailto:{mailbox}\n" in page
    assert ("Canonical" in page) == url.startswith("https")


def test_the_sitemap_lists_pages_that_crawlers_may_read() -> None:
    with override_settings(PUBLIC_URL=OURS):
        root = ElementTree.fromstring(read("/sitemap.xml"))
        robots = read("/robots.txt").splitlines()
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    listed = [place.text or "" for place in root.findall(f"{space}url/{space}loc")]

    assert root.tag == f"{space}urlset"
    assert len(listed) == len(root) == len(set(listed)) == 6
    assert robots[0] == "User-agent: *"
    assert robots[-1] == f"Sitemap: {OURS}/sitemap.xml"
    closed = [line.removeprefix("Disallow: ") for line in robots if line.startswith("Disallow: ")]
    assert closed == ["/admin/", "/v1/", "/x402/"]
    for address in listed:
        assert address.startswith(f"{OURS}/")
        assert not urlsplit(address).path.startswith(tuple(closed))


def test_addresses_are_those_of_the_request_unless_said_otherwise() -> None:
    asked = Client().get("/skill.md", headers={"Host": "localhost:9000"})
    with override_settings(PUBLIC_URL=OURS):
        named = Client().get("/skill.md", headers={"Host": "localhost:9000"})

    assert (b"http://localhost:9000/v1/mints" in asked.content, OURS.encode() in asked.content) == (True, False)
    assert (b"localhost:9000" in named.content, f"{OURS}/v1/mints".encode() in named.content) == (False, True)
    assert Client().get("/skill.md", headers={"Host": "x.example/$(id)"}).status_code == 400


@pytest.mark.parametrize(
    "value", ["ledger.example", "https://ledger.example/a", "https://a b", "ftp://a", "https://$(id)"]
)
def test_a_public_url_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PUBLIC_URL", value)

    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL must be an origin"):
        env.origin("PUBLIC_URL")


@pytest.mark.parametrize("value", ["guard@ledger.example", "http://x.example", "mailto:a b", "mailto:a\nExpires: x"])
def test_a_contact_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SECURITY_CONTACT", value)

    with pytest.raises(ImproperlyConfigured, match="SECURITY_CONTACT must be a list"):
        env.contacts("SECURITY_CONTACT")
