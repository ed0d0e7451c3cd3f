"""The page that checks a receipt in the reader's own browser.

It holds the public keys from the start, and its policy forbids it to connect anywhere: what is pasted into it cannot
leave it, and it works with the network pulled out.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ledger_project.kernel import keys
from ledger_project.log import signing

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'none'; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'none'"
)


@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """The page with every key that ever signed."""
    page = render(request, "verify.html", {"here": "verify", "keys": keys.jwks(signing.published())})
    page.headers["Content-Security-Policy"] = POLICY
    page.headers["Cache-Control"] = "no-cache"  # or a key that was made since would be missing
    page.headers["Referrer-Policy"] = "no-referrer"
    return page
