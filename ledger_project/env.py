"""Reading configuration from the environment, with `NAME_FILE` for secrets that come as files."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The value of `name`, or the content of the file that `name`_FILE points to."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set")
    return value


def given(name: str) -> bool:
    """Whether `text` would find a value of `name` in the environment."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def flag(name: str, *, default: bool) -> bool:
    """`true`/`false`, `1`/`0`, `yes`/`no`; anything else is refused by name."""
    raw = os.environ.get(name, "").strip().lower()
    if not raw:
        return default
    if raw not in {"true", "1", "yes", "false", "0", "no"}:
        raise ImproperlyConfigured(f"{name} must be true or false, not {raw!r}")
    return raw in {"true", "1", "yes"}


def integer(name: str, *, default: int, minimum: int = 0) -> int:
    """A whole number of at least `minimum`."""
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    if not raw.isdigit() or int(raw) < minimum:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {minimum}, not {raw!r}")
    return int(raw)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default=default).split(",") if word.strip()]


def origin(name: str) -> str:
    """`https://host` or `http://host:port`, without a path; empty where it is not set."""
    found = text(name, default="").rstrip("/")
    if found and not re.fullmatch(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?", found):
        raise ImproperlyConfigured(f"{name} must be an origin such as https://ledger.example, not {found!r}")
    return found


def contacts(name: str) -> list[str]:
    """A comma-separated list of addresses at which people can be reached (RFC 9116): `mailto:`, `https://`, `tel:`."""
    found = words(name)
    for word in found:
        if not word.startswith(("mailto:", "https://", "tel:")) or not word.isprintable() or " " in word:
            raise ImproperlyConfigured(f"{name} must be a list of mailto:, https:// or tel: addresses, not {word!r}")
    return found


def integers(name: str) -> list[int]:
    """A comma-separated list of whole numbers."""
    found = words(name)
    for word in found:
        if not word.isdigit():
            raise ImproperlyConfigured(f"{name} must be a list of whole numbers, not {word!r}")
    return [int(word) for word in found]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """A comma-separated list of networks: `127.0.0.0/8,::1/128`."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error
