"""What the front page says of reserves: the coverage of the public attestation, of several currencies the lowest."""

import json
from typing import Any

from ledger_project.kernel import clock
from ledger_project.web.pages.landing import Figure
from ledger_project.web.pages.public import day
from reserves import queries
from reserves.chart import bps_of, percent

HREF = "/attestation/reserve"


def coverage() -> Figure:
    newest = [json.loads(issued.document) for issued in queries.public_newest()]
    covered = [stated for stated in newest if stated["coverage_ratio"]]
    if not covered:
        return Figure("Coverage by reserves", caption="nothing is owed" if newest else "not attested yet", href=HREF)
    lowest = min(covered, key=_bps)
    at = clock.read(lowest["as_of"])
    caption = f"of {lowest['currency']}, attested {day(at)}, {at:%H:%M} UTC"
    return Figure("Coverage by reserves", percent(_bps(lowest)), caption, f"{HREF}?currency={lowest['currency']}")


def _bps(stated: dict[str, Any]) -> int:
    ratio = stated["coverage_ratio"]
    return bps_of(int(ratio["num"]), int(ratio["den"]))
