"""Django's secret key, which signs sessions, cursors and payments: given, or made by the first `make up`.

There is none in the source. Without one Django refuses to read the setting, so nothing can be signed whatever runs;
what serves, works or signs does not even start. Commands that build, describe or migrate need none.
"""

import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

NAME = "DJANGO_SECRET_KEY"
SHORTEST, DISTINCT = 50, 5  # characters; as many different ones
# How keys begin that stand in sources for everybody to read: Django's template has one, and so had this project.
PUBLISHED = ("django-insecure-", "insecure-", "a secret of the test run")
KEYLESS = frozenset(
    {
        "check",
        "collectstatic",
        "down",
        "findstatic",
        "describe_client",
        "describe_keys",
        "help",
        "makemigrations",
        "migrate",
        "showmigrations",
        "spectacular",
        "sqlmigrate",
        "up",  # makes one before it starts anything
        "version",
    }
)


def require() -> None:
    """Raises ImproperlyConfigured where there is no key, or one that everybody knows."""
    if not given():
        raise ImproperlyConfigured(f"{NAME} is not set: it signs sessions and payments, and has no default")
    for key in (given(), *settings.SECRET_KEY_FALLBACKS):
        if key.startswith(PUBLISHED):
            raise ImproperlyConfigured(f"{NAME}, or a fallback of it, stands in a public source: make a new one")


def require_for(words: list[str]) -> None:
    """The same before a command of `manage.py`, unless it is one that needs none."""
    if len(words) > 1 and not words[1].startswith("-") and words[1] not in KEYLESS:
        require()


def require_or_exit(**_: Any) -> None:
    """The same for a receiver of Celery's signals, which logs exceptions and goes on."""
    try:
        require()
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def given() -> str:
    """The key; empty where there is none."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""


@checks.register(checks.Tags.security, deploy=True)
def check_secret_key(**_: Any) -> list[checks.CheckMessage]:
    """ledger.E001: there is no key. ledger.E002, ledger.E003: it, or a fallback, can be known or guessed."""
    if not given():
        return [checks.Error(f"{NAME} is not set.", hint=_HINT, id="ledger.E001")]
    weak = [("ledger.E002", NAME, [given()]), ("ledger.E003", f"{NAME}_FALLBACKS", settings.SECRET_KEY_FALLBACKS)]
    return [
        checks.Error(f"{name} {complaint}.", hint=_HINT, id=number)
        for number, name, keys in weak
        for key in keys
        for complaint in _complaints(key)
    ]


def _complaints(key: str) -> Iterator[str]:
    if key.startswith(PUBLISHED):
        yield "stands in a public source"
    elif len(key) < SHORTEST:
        yield f"is shorter than {SHORTEST} characters"
    elif len(set(key)) < DISTINCT:
        yield f"has fewer than {DISTINCT} different characters"


_HINT = "A random string of 50 characters or more: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
