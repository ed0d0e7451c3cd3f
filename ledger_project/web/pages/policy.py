"""What a page may load and do, said to the browser: a Content-Security-Policy for everything that is not the API.

Public pages get by without any script. Swagger's scripts are our own files. Only the back office is less strict: its
theme evaluates the expressions of its own templates (Alpine) and sets inline styles, and it shows no stranger's markup.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
CLOSED = "base-uri 'none'; frame-ancestors 'none'"
PAGES = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; {CLOSED}"
DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    f" form-action 'none'; {CLOSED}"
)
BACK_OFFICE = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    f" font-src 'self'; connect-src 'self'; form-action 'self'; {CLOSED}"
)
BY_ADDRESS = {"/admin/": BACK_OFFICE, "/docs": DOCS}

GetResponse = Callable[[HttpRequest], HttpResponse]


class ContentSecurityPolicy:
    """Send the policy of the address; a view that sets one of its own knows better."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, policy_of(request.path_info))
        return response


def policy_of(address: str) -> str:
    return next((policy for start, policy in BY_ADDRESS.items() if address.startswith(start)), PAGES)
