"""The checks of the sealed log, for a reconciliation: what the verification of the whole log says, check by check."""

from collections.abc import Collection, Iterator

from ledger_project.log import findings, verification
from ledger_project.log.checks import Check, Difference
from ledger_project.log.verification import Elsewhere, Problem

CONTENT = Check(
    "content_hashes", "every event, with its entry and postings, is the one that was hashed when it was posted"
)
SEALED = Check(
    "log_gapless_and_root_equal",
    "every event has its leaf, no place of the log is empty, and the leaves have the root that was signed",
)
CHECKPOINTS = Check(
    "checkpoints_consistent",
    "every checkpoint is signed by the log's key and is about this log, here and wherever it is kept",
)
CHECKS = {"event": CONTENT, "tree": SEALED, "checkpoint": CHECKPOINTS}


def differences(elsewhere: Elsewhere, tenants: Collection[int]) -> Iterator[Difference]:
    """What is wrong with the log. The events of these tenants are read again; the tree is everybody's."""
    for problem in verification.verify(elsewhere=elsewhere, tenants=tenants).problems:
        yield Difference(
            CHECKS[problem.about].name, problem.tenant, _subject(problem), problem.message, "as it was sealed"
        )
    # What the sealer refused has no leaf, so that the verification does not come by.
    for finding in (
        findings.unresolved().filter(kind="content_mismatch").select_related("event").defer("event__payload")
    ):
        if finding.event is not None and finding.event.tenant_id in tenants:
            event = f"evt_{finding.event.pk.hex}"
            yield Difference(CONTENT.name, finding.event.tenant_id, event, "not what was hashed", "as it was posted")


def _subject(problem: Problem) -> str:
    """The event or the place in the log that a problem names."""
    if problem.event:
        return problem.event
    return "the log" if problem.log_index is None else f"log index {problem.log_index}"
