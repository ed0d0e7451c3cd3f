"""A bill as JSON, CSV, FOCUS, PDF, or a page to print.

JSON and CSV are for programs: minor units. FOCUS (the FinOps Open Cost and Usage Specification, 1.2) and what people
read are in units of the currency. The sum of FOCUS' BilledCost is what the account itself has paid or owes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from ledger_project.kernel import clock
from ledger_project.usage.bills.reading import Bill, BillLine
from ledger_project.usage.pricing import SCALE
from ledger_project.web.backoffice.html import grouped
from ledger_project.web.spreadsheets import Rows, inert
from ledger_project.web.typesetting import typeset

DAY = timedelta(days=1)
COLUMNS = ("day", "book", "version", "model", "metric", "price", "corrects", "quantity", "requests", "exact_cost")
FOCUS = (
    "BillingAccountId", "BillingAccountName", "SubAccountId", "BillingCurrency", "BillingPeriodStart",
    "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass", "ChargeDescription",
    "ProviderName", "PublisherName", "InvoiceIssuerName", "ServiceCategory", "ServiceName", "SkuId", "SkuPriceId",
    "ResourceId", "ConsumedQuantity", "ConsumedUnit", "PricingQuantity", "PricingUnit", "ListCost", "ContractedCost",
    "EffectiveCost", "BilledCost",
)  # fmt: skip


def in_units(cost: int, scale: int) -> str:
    """A cost as a decimal of the currency, exactly."""
    with localcontext() as context:
        context.prec = 120
        return f"{(Decimal(cost) / (SCALE * Decimal(10) ** scale)).normalize():f}"


def json_of(made: Bill) -> str:
    return json.dumps(made.document(), ensure_ascii=False)


def csv_of(made: Bill) -> str:
    """A row for each line, and then one for each sum."""
    rows = Rows()

    def row(*cells: Any) -> str:
        return rows.line("" if cell is None else inert(str(cell)) for cell in cells)

    written = [row(*COLUMNS)]
    for line in made.lines:
        told = line.document()
        written.append(row(*(told[name] for name in COLUMNS)))
    for name in ("due", "uncovered", "charged", "corrected", "collected"):
        written.append(row(None, None, None, None, name, None, None, None, None, getattr(made, name)))
    for grant, amount in made.grants.items():
        written.append(row(None, None, None, None, f"grant {grant}", None, None, None, None, amount))
    return "".join(written)


def focus_of(made: Bill) -> str:
    """FOCUS columns: usage by day and metric, then what was carried and what grants have paid."""
    rows = Rows()
    facts = made.account
    since, until = made.period.since, made.period.until
    issuer = settings.LOG_ORIGIN

    def row(start: datetime | None, end: datetime | None, category: str, described: str, cost: int, **more: Any) -> str:
        billed = in_units(cost, facts.scale)
        told = {
            "BillingAccountId": facts.ref,
            "BillingAccountName": facts.name,
            "SubAccountId": facts.ref,
            "BillingCurrency": facts.currency,
            "BillingPeriodStart": since and clock.stamp(since),
            "BillingPeriodEnd": until and clock.stamp(until),
            "ChargePeriodStart": start and clock.stamp(start),
            "ChargePeriodEnd": end and clock.stamp(end),
            "ChargeCategory": category,
            "ChargeDescription": described,
            "ProviderName": issuer,
            "PublisherName": issuer,
            "InvoiceIssuerName": issuer,
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": "Usage",
            **dict.fromkeys(("ListCost", "ContractedCost", "EffectiveCost", "BilledCost"), billed),
            **more,
        }
        return rows.line("" if told.get(name) is None else inert(str(told[name])) for name in FOCUS)

    written = [rows.line(FOCUS)]
    for line in made.lines:
        day = datetime.combine(line.day, datetime.min.time(), tzinfo=clock.now().tzinfo)
        quantity = {"ConsumedQuantity": line.quantity, "ConsumedUnit": line.metric}
        written.append(
            row(
                day,
                day + DAY,
                "Usage",
                f"{line.model} {line.metric}",
                line.cost,
                ChargeClass="Correction" if line.corrects else None,
                SkuId=f"{line.book}/{line.model}/{line.metric}",
                SkuPriceId=f"{line.book}/{line.version}/{line.price}",
                ResourceId=line.model,
                PricingQuantity=line.quantity,
                PricingUnit=line.metric,
                **quantity,
            )
        )
    for book in made.books:
        carried = book.carried_in - book.carried_out
        if carried:
            written.append(row(since, until, "Adjustment", f"Carried in {book.book}", carried))
    for grant, amount in made.grants.items():
        written.append(row(since, until, "Credit", f"Grant {grant}", -amount * SCALE))
    return "".join(written)


def html_of(made: Bill) -> str:
    return render_to_string("bill.html", for_people(made))


def pdf_of(made: Bill) -> bytes:
    return typeset(Path(__file__).with_name("bill.typ"), for_people(made))


def for_people(made: Bill) -> dict[str, Any]:
    """Texts: amounts in units of the currency, days, and what it comes to."""
    scale = made.account.scale
    period = {
        name: moment and moment.strftime("%Y-%m-%d")
        for name, moment in (("from", made.period.since), ("to", made.period.until))
    }
    sums = [
        ("Cost of usage", in_units(sum(book.cost for book in made.books), scale)),
        *([("Carried in", in_units(sum(book.carried_in for book in made.books), scale))] if made.books else []),
        *([("Carried on", in_units(-sum(book.carried_out for book in made.books), scale))] if made.books else []),
        ("Due", grouped(made.due, scale)),
        *([("Not covered", grouped(-made.uncovered, scale))] if made.uncovered else []),
        ("Charged", grouped(made.charged, scale)),
        *((f"paid by {grant}", grouped(amount, scale)) for grant, amount in made.grants.items()),
    ]
    return {
        "account": made.account.ref,
        "name": made.account.name,
        "currency": made.account.currency,
        "period": period,
        "requests": f"{made.requests:,}",
        "lines": [_cells(line, scale) for line in made.lines],
        "sums": [list(each) for each in sums],
        "balance": [[name.replace("_", " "), grouped(int(amount), scale)] for name, amount in made.balance.items()],
    }


def _cells(line: BillLine, scale: int) -> list[str]:
    what = f"{line.metric}, corrected" if line.corrects else line.metric
    rate = f"{line.book} {line.version}" + (f": {line.price}" if line.price else "")
    return [line.day.isoformat(), line.model, what, rate, f"{line.quantity:,}", in_units(line.cost, scale)]


@dataclass(frozen=True)
class Form:
    make: Callable[[Bill], str | bytes]
    content_type: str
    ending: str


FORMS = {
    "json": Form(json_of, "application/json", ""),
    "csv": Form(csv_of, "text/csv; charset=utf-8", "csv"),
    "focus": Form(focus_of, "text/csv; charset=utf-8", "focus.csv"),
    "pdf": Form(pdf_of, "application/pdf", "pdf"),
    "html": Form(html_of, "text/html; charset=utf-8", ""),
}
