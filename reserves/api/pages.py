"""Attestations as pages for people: the figures, what they prove and what they do not, and how to check them."""

import json
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse

from ledger_project.kernel import clock
from ledger_project.web.backoffice.html import grouped
from ledger_project.web.pages.public import day, page
from ledger_project.web.remembering import remembered
from reserves import queries
from reserves.attestation import COUNTED
from reserves.chart import FULL, Chart, Point, bps_of, draw, percent
from reserves.models import Attestation

CHARTED, PAGE = 500, 50
CHART_SECONDS = 3600
HISTORY = "/attestation/reserve/history"
BUCKETS = {
    "redeemable": "Available to holders",
    "held": "Held",
    "escrowed": "In escrow",
    "bonded": "Staked",
    "fee_pool": "Fee pools",
    "non_redeemable_promo": "Promotional",
}


def latest(url: str, currency: str | None) -> HttpResponse:
    """The newest one; of several currencies, the first unless one is named. Refuses: AttestationNotFound."""
    codes = queries.public_currencies()
    issued = queries.latest(currency or (codes[0] if codes else None))
    return _about(issued, {"url": url, "currencies": codes if len(codes) > 1 else [], "is_latest": True})


def one(url: str, issued: Attestation) -> HttpResponse:
    """Any; of a tenant that the public address does not show, without its history."""
    if not queries.is_public(issued):
        return _about(issued, {"url": url, "alone": True})
    return _about(issued, {"url": url, "is_latest": queries.latest(issued.currency) == issued})


def _about(issued: Attestation, context: dict[str, Any]) -> HttpResponse:
    stated = json.loads(issued.document)
    scale = stated["scale"]
    at = clock.read(stated["as_of"])
    owed = stated["liabilities"]
    if "alone" not in context:
        context |= {"chart": _chart(issued), "previous": queries.history(issued, issued.sequence, 1)}
    context |= {
        "here": "reserve",
        "id": str(issued),
        "stated": stated,
        "at": at,
        "at_text": f"{day(at)}, {at:%H:%M:%S} UTC",
        "verdict": _verdict(stated),
        "owed": grouped(int(owed["total"]), scale),
        "counted": grouped(int(stated["eligible_reserves_total"]), scale),
        "buckets": [(words, grouped(int(owed[name]), scale)) for name, words in BUCKETS.items()],
        "assets": [_asset(asset, scale) for asset in stated["assets"]],
        "document_hash": bytes(issued.document_hash).hex(),
    }
    return page("attestation/one.html", context)


def _verdict(stated: dict[str, Any]) -> dict[str, Any]:
    ratio = stated["coverage_ratio"]
    if ratio is None:
        return {"figure": "—", "words": "Nothing is owed", "good": True}
    bps = bps_of(int(ratio["num"]), int(ratio["den"]))
    words = "Everything that is owed is covered" if bps >= FULL else "Not everything that is owed is covered"
    return {"figure": percent(bps), "words": words, "good": bps >= FULL}


def _asset(asset: dict[str, Any], scale: int) -> dict[str, Any]:
    raw = asset["raw_value"]
    return asset | {
        "haircut": percent(asset["haircut_bps"]),
        "worth": "—" if raw is None else grouped(int(raw), scale),
        "counts_for": grouped(int(asset["counted"]), scale),
        "is_counted": asset["status"] == COUNTED,
        "taken": asset["taken_at"] and clock.read(asset["taken_at"]),
    }


def _chart(newest: Attestation) -> Chart | None:
    """The drawing that ends with an attestation: hundreds of documents are read for its points, which are kept."""
    return remembered(f"coverage:{newest}", CHART_SECONDS, lambda: _points(newest), _drawn)


def _points(newest: Attestation) -> list[tuple[str, int]]:
    return [(clock.stamp(at), bps_of(num, den)) for at, num, den in queries.coverage_until(newest, CHARTED)]


def _drawn(points: Any) -> Chart | None:
    """Raises TypeError, ValueError."""
    return draw([Point(clock.read(at), int(bps)) for at, bps in points])


def history(currency: str | None, before: int | None, *, as_page: bool) -> HttpResponse:
    """The attestations of a currency in short, as a page or as JSON. Refuses: AttestationNotFound, InvalidRequest."""
    codes = queries.public_currencies()
    newest = queries.latest(currency or (codes[0] if codes and as_page else None))
    found = queries.history(newest, before, PAGE + 1)
    more = len(found) > PAGE
    query = urlencode({"currency": newest.currency, "before": found[PAGE - 1].sequence}) if more else ""
    older = f"{HISTORY}?{query}" if more else None
    shown = [queries.show_attestation(issued) for issued in found[:PAGE]]
    if not as_page:
        return JsonResponse({"results": shown, "next": older})
    context = {
        "here": "reserve",
        "currency": newest.currency,
        "currencies": codes if len(codes) > 1 else [],
        "chart": _chart(newest),
        "rows": [_row(each, json.loads(issued.document)["scale"]) for each, issued in zip(shown, found, strict=False)],
        "older": older,
    }
    return page("attestation/history.html", context)


def _row(shown: dict[str, Any], scale: int) -> dict[str, Any]:
    verdict = _verdict(shown)
    return {
        "id": shown["id"],
        "sequence": shown["sequence"],
        "at": clock.read(shown["as_of"]),
        "coverage": verdict["figure"],
        "good": verdict["good"],
        "owed": grouped(int(shown["outstanding"]), scale),
        "counted": grouped(int(shown["eligible_reserves_total"]), scale),
    }
