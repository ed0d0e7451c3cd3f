"""Columns of the back office's lists and facts of its pages: small functions from a row to what is shown."""

from collections.abc import Callable
from typing import Any

from ledger_project.web.backoffice import html

Cell = Callable[[Any], Any]


def column(label: str, show: Cell, *, name: str | None = None) -> Cell:
    """A column with this heading; its cells' CSS class is `field-<name>`."""

    def cell(row: Any) -> Any:
        return show(row)

    cell.__name__ = name or label.replace(" ", "_")
    cell.short_description = label  # type: ignore[attr-defined]
    return cell


def amount(field: str, label: str | None = None, *, of: str | None = None, unit: bool = False) -> Cell:
    """An amount in the currency of the row, or of what the row has as `of`."""

    def show(row: Any) -> Any:
        holder = getattr(row, of) if of else row
        return html.amount(getattr(holder, field), holder.scale, holder.currency if unit else "")

    return column(label or field.replace("_", " "), show, name=f"amount_{field}")


def moment(field: str, label: str) -> Cell:
    return column(label, lambda row: html.moment(getattr(row, field)))


TENANT = column("tenant", lambda row: row.tenant.name)
