"""Reading events back for those who doubt the rows: the sealer, the nightly check, the export for auditors.

Whoever rules the database can write what no event can have: a time outside of every calendar, a number of 5,000 digits,
brackets 3,000 deep. One such row must not keep them from seeing all the others, or it would be the best way to hide a
change.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import psycopg

from ledger_project.log import documents
from ledger_project.log.documents import Document
from ledger_project.log.unit import Look

UNREADABLE: Final[tuple[Document, bytes]] = {"unreadable": True}, b""  # is what nothing was ever posted as


def read(events: Sequence[UUID], look: Look) -> dict[UUID, tuple[Document, bytes]]:
    """As `documents.read`, and UNREADABLE for an event whose rows cannot be read; half by half, to find which."""
    if not events:
        return {}
    try:
        return documents.read(events, look)
    except (psycopg.DataError, ValueError, LookupError, OverflowError, RecursionError):
        if len(events) == 1:
            return {events[0]: UNREADABLE}
    middle = len(events) // 2
    return read(events[:middle], look) | read(events[middle:], look)
