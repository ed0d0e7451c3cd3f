"""Writes the golden vectors beside this file: always the same ones, with keys that are published in `story`.

They are promises: a receipt or export of version 1 must verify for ever. If a change here alters their bytes, the
format has changed, and needs a new version number instead.
"""

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2])]

from story import LOG_KEY, OLD_KEY, SEALED_AT, WITNESS, Sealed, export, tell  # noqa: E402

from ledger_project.kernel.canonical import canonical  # noqa: E402
from ledger_project.kernel.keys import PublishedKey, jwks  # noqa: E402
from ledger_project.kernel.notes import cosign  # noqa: E402

OLD_SIZE = 6
ROTATED_AT = datetime(2026, 11, 21, 9, 6, 30, tzinfo=UTC)


def vectors() -> dict[str, str]:
    """File names and contents."""
    sealed = Sealed(tell().events)
    keys = [
        PublishedKey(OLD_KEY.verifier.public_key, retired_at=ROTATED_AT),
        PublishedKey(LOG_KEY.verifier.public_key, not_before=ROTATED_AT),
    ]
    documents: list[Any] = [
        sealed.events[9],
        {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
        ['\x00\x1f\x7f"\\/\b\f\n\r\t\u2028', 2**53 - 1, -(2**53) + 1, 0, True, False, None, {}, []],
    ]
    return {
        "log.jsonl": export(sealed.lines()),
        "receipt.json": pretty(sealed.receipt(9)),
        "checkpoint.note": cosign(sealed.note(), WITNESS, time=SEALED_AT + 60),
        "old-checkpoint.note": sealed.note(OLD_SIZE, signer=OLD_KEY, time=None),
        "consistency.json": pretty(sealed.consistency(OLD_SIZE)),
        "jwks.json": pretty(jwks(keys)),
        "keys.txt": f"{LOG_KEY.verifier}\n{OLD_KEY.verifier}\n{WITNESS.cosigner}\n",
        "canonical.json": pretty(
            [
                {
                    "document": document,
                    "canonical": canonical(document).decode(),
                    "sha256": hashlib.sha256(canonical(document)).hexdigest(),
                }
                for document in documents
            ]
        ),
    }


def pretty(document: Any) -> str:
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    for name, content in vectors().items():
        (HERE / name).write_text(content, encoding="utf-8")
