"""Reading how much of an asset there is, and what a unit is worth, from where the asset says.

Each kind of source is a function from an asset to a `Reading`. What cannot be read in full, and in one way only, raises
SourceFailed, and nothing is recorded: the asset's last snapshot grows old then and counts for nothing in the end.
Feeds go over the judged and pinned connection of `outbound/transport.py`, since a tenant chooses their address.
"""

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from math import gcd
from typing import Any

from django.conf import settings

from accounts.errors import AccountNotFound
from accounts.models import Tenant
from accounts.queries import show_balance, total
from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import content_hash
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import MomentField
from ledger_project.log.queries import read
from ledger_project.outbound.addresses import Target, require_registrable
from ledger_project.outbound.errors import UnsafeUrl
from ledger_project.outbound.transport import Wire
from reserves.models import ReserveAsset

Document = dict[str, Any]
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ledger-reserves/1"}
BALANCE, DOLLARS = "/credits/current_balance", "/credits/currency"  # as FAL documents them
CENTS = 2  # decimals of a balance in dollars of which one credit is a cent

# Plain decimal numbers: an exponent could stand for more digits than there is memory.
_NUMBER = re.compile(r"(?P<minus>-?)(?P<whole>0|[1-9][0-9]{0,37})(?:\.(?P<rest>[0-9]{1,30}))?")


class SourceFailed(Exception):
    """The source could not be read; nothing is recorded."""


@dataclass(frozen=True)
class Reading:
    """What a source said. `price` as in a snapshot, None where the source has none."""

    amount: int
    taken_at: datetime
    provenance: str
    evidence_hash: str
    price: Document | None = None


@dataclass(frozen=True)
class Feed:
    """A JSON document of the web: what to send, and where in it the amount and, if it must be USD, its currency is."""

    url: str
    amount: str
    decimals: int
    headers: dict[str, str]
    currency: str | None = None


class Number(str):
    """A JSON number as it was written."""


def read_source(asset: ReserveAsset) -> Reading:
    """What the asset's source says now. Raises SourceFailed."""
    ((now,),) = read("SELECT clock_timestamp()", ())  # before the source is asked: what it says is not newer
    kind = asset.source.get("kind", "manual")
    if kind not in KINDS:
        raise SourceFailed(f"{asset.name} is recorded by hand")
    return KINDS[kind](asset, clock.adjusted(now))


def _feed(asset: ReserveAsset, now: datetime) -> Reading:
    source = asset.source
    feed = Feed(source["url"], source["amount"], source.get("decimals", 0), _token(asset, source["url"]))
    return _over_http(asset, now, feed)


def _gemini(asset: ReserveAsset, now: datetime) -> Reading:
    """Google shows the prepaid balance to people only, so the operator names an address that repeats it."""
    if not settings.GEMINI_BALANCE_URL:
        raise SourceFailed("GEMINI_BALANCE_URL is not set")
    _require_ours(asset)
    token = settings.GEMINI_BALANCE_TOKEN
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return _over_http(asset, now, Feed(settings.GEMINI_BALANCE_URL, BALANCE, CENTS, headers, DOLLARS))


def _fal(asset: ReserveAsset, now: datetime) -> Reading:
    """FAL's address of an account's billing, with an admin key."""
    if not settings.FAL_ADMIN_KEY:
        raise SourceFailed("FAL_ADMIN_KEY is not set")
    _require_ours(asset)
    headers = {"Authorization": f"Key {settings.FAL_ADMIN_KEY}"}
    return _over_http(asset, now, Feed(settings.FAL_BALANCE_URL, BALANCE, CENTS, headers, DOLLARS))


def _account(asset: ReserveAsset, now: datetime) -> Reading:
    """An asset account of this ledger, as its postings have it by now."""
    try:
        held = total(asset.tenant_id, asset.source["account"])
    except AccountNotFound as refusal:
        raise SourceFailed(f"there is no account {asset.source['account']}") from refusal
    if held.type != "asset" or held.currency != asset.currency or asset.unit != asset.currency:
        raise SourceFailed(f"{held.name} is not an asset account in {asset.currency}, which the asset counts")
    balance = show_balance(held)
    said = f"account {ids.show('acc', held.account_id)} of this ledger at version {balance['version']}"
    amount = max(0, int(held.available))
    return Reading(amount, min(now, clock.read(balance["as_of"])), said, content_hash(balance).hex())


KINDS: dict[str, Callable[[ReserveAsset, datetime], Reading]] = {
    "feed": _feed,
    "gemini": _gemini,
    "fal": _fal,
    "account": _account,
}


def _over_http(asset: ReserveAsset, now: datetime, feed: Feed) -> Reading:
    body = fetch(feed.url, feed.headers)
    document = parse(body)
    if feed.currency and find(document, feed.currency) != "USD":
        raise SourceFailed("the balance is not in USD")
    sign, digits = scaled(find(document, feed.amount), feed.decimals)
    stated = asset.source.get("taken_at")
    return Reading(
        amount=digits if sign > 0 else 0,  # what is overdrawn backs nothing
        taken_at=_moment(find(document, stated)) if stated else now,
        provenance=feed.url.partition("?")[0],  # a query may hold a secret
        evidence_hash=hashlib.sha256(body).hexdigest(),
        price=_price(asset, now),
    )


def _price(asset: ReserveAsset, now: datetime) -> Document | None:
    url = asset.source.get("price_url")
    if url is None:
        return None
    body = fetch(url, _token(asset, url))
    number = _NUMBER.fullmatch(str(find(parse(body), asset.source["price"])))
    if number is None or number["minus"]:
        raise SourceFailed("the price is not a plain decimal number")
    rest = number["rest"] or ""
    num, den = int(number["whole"] + rest) * 10 ** asset.source.get("price_decimals", 0), 10 ** len(rest)
    return {
        "num": str(num // gcd(num, den)),
        "den": str(den // gcd(num, den)),
        "provenance": url.partition("?")[0],
        "taken_at": clock.stamp(now),
        "evidence_hash": hashlib.sha256(body).hexdigest(),
    }


def fetch(url: str, headers: dict[str, str]) -> bytes:
    """The body of a document of the web. Raises SourceFailed for anything but a whole answer of status 200."""
    with closing(Wire(_target(url))) as wire:
        answer = wire.get({**HEADERS, **headers})
    if answer.status != 200:
        raise SourceFailed(f"status {answer.status}" if answer.status else f"{answer.error}: {answer.detail}")
    if answer.content is None:
        raise SourceFailed("the answer is too large")
    return answer.content


def parse(body: bytes) -> Any:
    """JSON that means one thing only: no key twice, and numbers as they are written. Raises SourceFailed."""

    def once(pairs: list[tuple[str, Any]]) -> Document:
        document = dict(pairs)
        if len(document) != len(pairs):
            raise ValueError("a key occurs twice")
        return document

    def no_number(text: str) -> Any:
        raise ValueError(f"{text} is not a number")

    try:
        return json.loads(
            body.decode(), object_pairs_hook=once, parse_int=Number, parse_float=Number, parse_constant=no_number
        )
    except (ValueError, RecursionError) as error:
        raise SourceFailed(f"not JSON: {error}") from error


def find(document: Any, pointer: str) -> str:
    """The text or number that a JSON pointer (RFC 6901) leads to. Raises SourceFailed."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and re.fullmatch("0|[1-9][0-9]{0,5}", name) and int(name) < len(document):
            document = document[int(name)]
        else:
            raise SourceFailed(f"there is nothing at {pointer}")
    if not isinstance(document, str):
        raise SourceFailed(f"there is neither a number nor a text at {pointer}")
    return document


def scaled(text: str, decimals: int) -> tuple[int, int]:
    """The sign of a decimal number, and its size in units of 10^-`decimals`, rounded towards zero."""
    number = _NUMBER.fullmatch(text)
    if number is None:
        raise SourceFailed("the amount is not a plain decimal number")
    return -1 if number["minus"] else 1, int(number["whole"] + (number["rest"] or "")[:decimals].ljust(decimals, "0"))


def _moment(text: str) -> datetime:
    try:
        return MomentField().parse(text, "taken_at")
    except InvalidRequest as refusal:
        raise SourceFailed("the time of the amount is not an RFC 3339 time with an offset") from refusal


def _token(asset: ReserveAsset, url: str) -> dict[str, str]:
    """What the operator has given for this host, to the tenant's assets that may use it."""
    host = _target(url).host
    for entry in settings.RESERVE_FEED_TOKENS:
        named, _, token = entry.partition("=")
        if named == host and token:
            _require_ours(asset)
            return {"Authorization": f"Bearer {token}"}
    return {}


def _target(url: str) -> Target:
    """Raises SourceFailed."""
    try:
        return require_registrable(url)
    except UnsafeUrl as refusal:
        raise SourceFailed(f"unsafe_url: {refusal.facts['reason']}") from refusal


def _require_ours(asset: ReserveAsset) -> None:
    """The operator's credentials show the operator's balances: they back one tenant's money, and nobody else's."""
    slugs = list(Tenant.objects.values_list("slug", flat=True)[:2]) if not settings.ATTESTATION_TENANT else []
    ours = settings.ATTESTATION_TENANT or (slugs[0] if len(slugs) == 1 else None)
    if ours is None or not Tenant.objects.filter(pk=asset.tenant_id, slug=ours).exists():
        raise SourceFailed("the operator's credentials are those of ATTESTATION_TENANT alone")
