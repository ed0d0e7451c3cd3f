"""What programs look for at addresses that they know: how to use this, what to index, whom to warn, in which words."""

from datetime import UTC, timedelta
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ledger_project.kernel import clock
from ledger_project.web.pages.public import address, for_everybody, text

HOUR, DAY = 3600, 24 * 3600
VALID_FOR = timedelta(days=180)  # RFC 9116 recommends less than a year
PAGES = ("/", "/docs", "/skill.md", "/attestation/reserve", "/attestation/reserve/history", "/verify")
PRIVATE = ("/admin/", "/v1/", "/x402/")


@for_everybody(seconds=HOUR)
def skill(request: HttpRequest) -> HttpResponse:
    """How an agent uses the ledger, with calls that run as they are written."""
    return text("discovery/skill.md", {"url": address(request)}, "text/markdown")


@for_everybody(seconds=HOUR)
def llms(request: HttpRequest) -> HttpResponse:
    """What there is to read here (llmstxt.org)."""
    return text("discovery/llms.txt", {"url": address(request)}, "text/plain")


@for_everybody(seconds=DAY)
def robots(request: HttpRequest) -> HttpResponse:
    """RFC 9309."""
    return text("discovery/robots.txt", {"url": address(request), "private": PRIVATE}, "text/plain")


@for_everybody(seconds=DAY)
def sitemap(request: HttpRequest) -> HttpResponse:
    return text("discovery/sitemap.xml", {"url": address(request), "pages": PAGES}, "application/xml")


@for_everybody(seconds=DAY)
def security(request: HttpRequest) -> HttpResponse:
    """RFC 9116. It ends at a midnight, so that it is the same all day."""
    today = clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    url = address(request)
    context = {
        "url": url,
        "contacts": settings.SECURITY_CONTACT or [mailbox(url)],
        "expires": today + VALID_FOR,
        "canonical": f"{url}{request.path}" if url.startswith("https://") else "",  # RFC 9116 knows no other
    }
    return text("discovery/security.txt", context, "text/plain")


def mailbox(url: str) -> str:
    """The mailbox that RFC 2142 keeps for this at every domain; of a bare address, a literal (RFC 5321)."""
    host = urlsplit(url).hostname or "localhost"
    bare = ":" in host or host.replace(".", "").isdigit()
    literal = f"[IPv6:{host}]" if ":" in host else f"[{host}]"
    return f"mailto:security@{quote(literal if bare else host)}"
