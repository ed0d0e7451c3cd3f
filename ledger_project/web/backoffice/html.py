"""How the back office shows what it knows: amounts, ids, times, statuses and documents, as safe HTML."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ledger_project.kernel import clock, ids, money

NONE = SafeString('<span class="lb-none">—</span>')
TONES = {"open": "good", "frozen": "warn", "closed": "mute", "active": "good", "revoked": "bad", "expired": "mute"}
TONES |= {"enabled": "good", "failing": "bad", "disabled": "warn", "deleted": "mute"}
TONES |= {"delivered": "good", "pending": "warn", "failed": "bad", "cancelled": "mute"}
TONES |= {"matched": "good", "mismatched": "bad", "requested": "warn"}
TONES |= {"matches": "good", "does not match": "bad", "reversed": "warn"}
TONES |= {"counted": "good", "stale": "bad", "missing": "bad", "ineligible": "mute"}
DECIMALS_READ = 2  # zeros beyond these are dimmed: they align the column and say nothing


def grouped(amount: int, scale: int) -> str:
    """Minor units as people read them: (-123456789, 2) -> "-1,234,567.89"."""
    whole, point, fraction = money.to_decimal(amount, scale).partition(".")
    return f"{int(whole):,}{point}{fraction}" if whole != "-0" else f"-0{point}{fraction}"


def amount(value: int | None, scale: int, currency: str = "") -> SafeString:
    """An amount that aligns right under others of its scale; below zero it has a sign and is red.

    Nothing is rounded: decimals that are left out are zeros of zero.
    """
    if value is None:
        return NONE
    read, zeros = _trailing_zeros(grouped(int(value), scale))
    zeros = zeros if value else ""
    return format_html(
        '<span class="lb-amount{}">{}{}{}</span>',
        " lb-negative" if value < 0 else " lb-zero" if not value else "",
        read,
        format_html('<span class="lb-zeros">{}</span>', zeros) if zeros else "",
        format_html('<span class="lb-unit">{}</span>', currency) if currency else "",
    )


def _trailing_zeros(text: str) -> tuple[str, str]:
    whole, point, fraction = text.partition(".")
    kept = max(len(fraction.rstrip("0")), DECIMALS_READ)
    return whole + point + fraction[:kept], fraction[kept:]


def public_id(prefix: str, value: UUID, *, href: str | None = None, short: bool = False) -> SafeString:
    """A public id with a button that copies it; `short` leaves out its middle for lists."""
    full = ids.show(prefix, value)
    text = f"{full[:12]}…{full[-6:]}" if short else full
    shown = format_html('<a href="{}" title="{}">{}</a>', href, full, text) if href else text
    return format_html('<span class="lb-id{}">{}{}</span>', " lb-short" if short else "", shown, copying(full))


def bare_id(value: UUID) -> SafeString:
    """An id whose kind is not known here, without its middle."""
    text = f"{value.hex[:8]}…{value.hex[-6:]}"
    return format_html('<span class="lb-id lb-short" title="{}">{}{}</span>', value.hex, text, copying(value.hex))


def copying(text: str) -> SafeString:
    """A button that puts `text` on the clipboard."""
    return format_html(
        '<button type="button" class="lb-copy" data-copy="{}" aria-label="Copy {}" title="Copy">'
        '<span class="material-symbols-outlined" aria-hidden="true">content_copy</span></button>',
        text,
        text,
    )


def code(text: str, *, copy: bool = False) -> SafeString:
    return format_html('<span class="lb-id">{}{}</span>', text, copying(text) if copy else "")


def link(href: str, text: Any) -> SafeString:
    return format_html('<a class="lb-link" href="{}">{}</a>', href, text)


def record_url(label: str, prefix: str, value: UUID) -> str:
    """The page of a row: `record_url("accounts.account", "acc", id)`; its address holds the public id."""
    return reverse(f"admin:{label.replace('.', '_')}_change", args=(ids.show(prefix, value),))


def list_url(label: str) -> str:
    """The list of a model: `list_url("journal.entry")`."""
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


def labelled(label: str, value: Any) -> SafeString:
    return format_html('<span class="lb-label">{}</span> {}', label, value)


def lines(parts: Iterable[Any]) -> SafeString:
    """Each part on a line of its own."""
    return format_html_join("", '<div class="lb-line">{}</div>', ((part,) for part in parts))


def moment(value: datetime | None) -> SafeString:
    """UTC to the second; the tooltip has the microseconds and, with JavaScript, the reader's own time."""
    if value is None:
        return NONE
    stamp = clock.stamp(value)
    text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return format_html('<time class="lb-time" datetime="{}" title="{}">{} UTC</time>', stamp, stamp, text)


def day(value: datetime) -> SafeString:
    """The UTC day; the tooltip has the time."""
    stamp, text = clock.stamp(value), value.astimezone(UTC).strftime("%Y-%m-%d")
    return format_html('<time class="lb-time" datetime="{}" title="{}">{}</time>', stamp, stamp, text)


def status(word: str) -> SafeString:
    return format_html('<span class="lb-status lb-{}">{}</span>', TONES.get(word, "mute"), word.replace("_", " "))


def pretty(document: Any) -> SafeString:
    """A JSON document as it is stored, indented."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return format_html('<pre class="lb-json" tabindex="0">{}</pre>', text)


def pairs(values: dict[str, Any]) -> SafeString:
    """A small map, one entry a line."""
    if not values:
        return NONE
    return format_html_join("", '<div class="lb-pair"><span>{}</span> {}</div>', values.items())


@dataclass(frozen=True)
class Column:
    """A column of a table on a page; figures align right."""

    label: str
    figures: bool = False


@dataclass(frozen=True)
class Table:
    """A section of a page: rows under columns, a foot for sums, and where there is more."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    foot: Iterable[Sequence[Any]] = field(default=())
    empty: str = "Nothing here yet."
    more: tuple[str, str] | None = None  # label, address
    template: ClassVar[str] = "admin/section_table.html"


@dataclass(frozen=True)
class Text:
    """A section of a page that is one piece of HTML."""

    title: str
    body: SafeString
    template: ClassVar[str] = "admin/section_text.html"


Section = Table | Text
