"""The log as JSON Lines, as `ledger-verify log` reads it: one line for each leaf in order, and the checkpoint last.

A tenant's export shows the tenant's own events in full, and of all others the leaf hash alone. So it proves that
nothing of the tenant's was left out, changed or added later, and tells nothing about anybody else.
"""

import json
from collections.abc import Iterator
from typing import Any

from ledger_project.log import tolerant_read
from ledger_project.log.executor import look
from ledger_project.log.models import Checkpoint

BATCH = 1000


def lines(head: Checkpoint, tenant: int | None = None) -> Iterator[bytes]:
    """The log under this checkpoint; with the events of one tenant, or of all."""
    for start in range(0, head.size, BATCH):
        rows = look(_LEAVES, (start, min(start + BATCH, head.size)))
        shown = [event for _, owner, event, _ in rows if tenant in (None, owner)]
        found = tolerant_read.read(shown, look)
        for index, owner, event, leaf_hash in rows:
            # An own event whose rows are gone must not pass for one that is hidden: an empty one fails the check.
            document = found.get(event, ({}, b""))[0] if tenant in (None, owner) else None
            yield _line({"log_index": index, "leaf_hash": bytes(leaf_hash).hex(), "event": document})
    yield _line({"checkpoint": head.note})


_LEAVES = """
SELECT log_index, tenant_id, event_id, leaf_hash FROM log_leaf
 WHERE log_index >= %s AND log_index < %s ORDER BY log_index
"""


def _line(document: dict[str, Any]) -> bytes:
    # Half a character, which no event has, becomes a question mark: then the line is not what was sealed, either.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
