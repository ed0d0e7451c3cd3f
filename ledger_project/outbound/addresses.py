"""Where requests may go to whose URL a tenant chose (webhooks, feeds of reserves), and to which addresses they connect.

A tenant chooses the URL and our network sends the request, so a URL is an attempt to reach what only we can reach until
shown otherwise. What a URL says by itself is judged when it is registered, and again at every request; what its name
resolves to is judged at every request, all of it, and the connection goes to an address that was judged.

Addresses in `WEBHOOK_ALLOWED_NETWORKS` are trusted: any port, and plain http. It is meant for development, and for
receivers inside a private network whose operator says so.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

from ledger_project.outbound.errors import UnsafeUrl

Address = IPv4Address | IPv6Address

PORTS = {"http": 80, "https": 443}

# One grammar, ASCII only and without user or fragment: what it reads is what is judged and connected to, so there is no
# second parser that could see another host in the same text.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?](?:[A-Za-z0-9._~:/?@!$&'()*+,;=\[\]-]|%[0-9A-Fa-f]{2})*)?"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Names that mean "here" by definition, or that public DNS will never have.
_LOCAL_SUFFIXES = (".localhost", ".local", ".localdomain", ".internal", ".lan", ".home.arpa", ".onion", ".test")

# IANA's special-purpose registries; whatever is not in them and not unicast is refused below.
_SPECIAL_V4 = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved and broadcast
    )
]
_UNICAST_V6 = ip_network("2000::/3")  # outside it: loopback, mapped, NAT64, unique local, link-local, multicast
_SPECIAL_V6 = [
    ip_network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarking and the rest of the protocol block
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address, which may be anything
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts. `host` is a name or an address without brackets, `path` what is asked for there."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def header(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read(url: str) -> Target:
    """The URL in its parts. Refuses: UnsafeUrl."""
    match = _URL.fullmatch(url)
    if match is None:
        raise UnsafeUrl(url=url, reason="not of the form https://host[:port][/path][?query], in ASCII and without user")
    scheme, path = match["scheme"], match["target"] or "/"
    port = int(match["port"] or PORTS[scheme])
    if not 0 < port < 65536:
        raise UnsafeUrl(url=url, reason="no such port")
    host = match["host"].lower()
    if host.startswith("["):
        host = _bracketed(host[1:-1], url)
    else:
        _require_name(host, url)
    return Target(scheme, host, port, path if path.startswith("/") else f"/{path}")


def require_registrable(url: str) -> Target:
    """Judge what the URL says by itself, without asking DNS. Refuses: UnsafeUrl."""
    target = read(url)
    known = _stated(target.host)
    if known:
        _require_reachable(target, known)
    elif not settings.WEBHOOK_ALLOWED_NETWORKS:
        if "." not in target.host or target.host.endswith(_LOCAL_SUFFIXES):
            raise UnsafeUrl(url=url, reason="a name of a private network")
        _require_public_form(target)
    return target


def resolve(target: Target) -> list[Address]:
    """The addresses to connect to, now. Refuses: UnsafeUrl, if there is a single one among them that may not be."""
    try:
        found = [ip_address(target.host)] if _is_address(target.host) else _look_up(target)
    except (OSError, UnicodeError) as error:
        raise UnresolvableHost(f"{target.host} does not resolve") from error
    if not found:
        raise UnresolvableHost(f"{target.host} has no address")
    _require_reachable(target, found)
    return found


class UnresolvableHost(OSError):
    """DNS has no address for this name, now."""


def is_allowed(address: Address) -> bool:
    """Whether the operator trusts this address."""
    return any(address in network for network in settings.WEBHOOK_ALLOWED_NETWORKS)


def is_public(address: Address) -> bool:
    """Whether this is an address of the internet at large, which every tenant could reach without us."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if address.scope_id is not None or address not in _UNICAST_V6:
        return False
    return not any(address in network for network in _SPECIAL_V6)


def _require_reachable(target: Target, addresses: Sequence[Address]) -> None:
    """One address that may not be connected to condemns the name: which one is used would be chance."""
    strangers = [address for address in addresses if not is_allowed(address)]
    for address in strangers:
        if not is_public(address):
            raise UnsafeUrl(url=_shown(target), reason=f"{address} is not an address of the public internet")
    if strangers:
        _require_public_form(target)


def _require_public_form(target: Target) -> None:
    if target.scheme != "https" and not settings.DEBUG:
        raise UnsafeUrl(url=_shown(target), reason="not https")
    if target.port not in {*PORTS.values(), *settings.WEBHOOK_ALLOWED_PORTS}:
        raise UnsafeUrl(url=_shown(target), reason=f"port {target.port} is not one that requests are sent to")


def _require_name(host: str, url: str) -> None:
    """A DNS name, or an address in its one canonical spelling; resolvers also take 127.1, 0x7f.1 and 2130706433."""
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]) and not _is_address(host):
        raise UnsafeUrl(url=url, reason="an IPv4 address is written as four decimal numbers")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise UnsafeUrl(url=url, reason="not a host name")


def _bracketed(text: str, url: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise UnsafeUrl(url=url, reason="not an IPv6 address") from None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _stated(host: str) -> list[Address]:
    """The addresses that everybody knows the host to be, without DNS."""
    if host == "localhost" or host.endswith(".localhost"):
        return [IPv4Address("127.0.0.1")]
    return [ip_address(host)] if _is_address(host) else []


def _look_up(target: Target) -> list[Address]:
    answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(ip_address(str(answer[4][0])) for answer in answers))


def _shown(target: Target) -> str:
    return f"{target.scheme}://{target.header}{target.path}"
