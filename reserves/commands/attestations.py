"""Attestations: the event that says what was signed."""

import hashlib
import json

from accounts.books import AccountBooks
from accounts.errors import CurrencyNotFound
from accounts.fields import CurrencyCode
from accounts.rows import SOLE_CURRENCY
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Moment
from ledger_project.log.command import command
from reserves.errors import AttestationOutdated, CannotAttest
from reserves.fields import AttestationId, CheckpointNumber, DocumentText
from reserves.rows import AttestationRow


@command(
    event="attestation.issued",
    refuses=(CurrencyNotFound, CannotAttest, AttestationOutdated),  # the second while the document is made
    also_wants=lambda call: [
        ("currency", call["currency"] or SOLE_CURRENCY),
        ("newest_attestation", call["currency"]),
    ],
    # What is attested is made anew for every call, so a repeated call has another document than the first.
    secrets=("attestation", "as_of", "checkpoint", "document", "jws"),
)
def issue_attestation(
    books: AccountBooks,
    *,
    attestation: AttestationId,
    as_of: Moment,
    checkpoint: CheckpointNumber,
    document: DocumentText,
    jws: DocumentText,
    currency: CurrencyCode | None = None,
) -> None:
    """State what is owed in a currency and what stands behind it, in a signed document.

    The ledger makes the document itself (docs/attestation.md); the event keeps it with its signature. Each names the
    hash of the one before it, so none can be left out later. The currency may be left out where there is just one.
    """
    code = books.currency(currency).code
    stated = json.loads(document)
    newest = books.find(AttestationRow, ("newest", code))
    follows = (newest.sequence + 1, newest.document_hash.hex()) if newest else (1, None)
    if (stated["sequence"], stated["previous_attestation_hash"]) != follows:
        raise AttestationOutdated(currency=code, newest=follows[0] - 1)
    row = AttestationRow(
        currency=code,
        sequence=stated["sequence"],
        document_hash=hashlib.sha256(document.encode()).digest(),
        id=attestation,
        as_of=as_of,
        checkpoint=checkpoint,
        text=document,
        jws=jws,
        event=books.event_id,
    )
    books.add(row, ("newest", code))
    books.result["attestation"] = {
        "id": ids.show("att", attestation),
        "currency": code,
        "sequence": row.sequence,
        "as_of": stated["as_of"],
        "log_size": stated["checkpoint"]["size"],
        "outstanding": stated["liabilities"]["total"],
        "eligible_reserves_total": stated["eligible_reserves_total"],
        "coverage_ratio": stated["coverage_ratio"],
        "document_hash": row.document_hash.hex(),
        "previous_attestation_hash": stated["previous_attestation_hash"],
    }
