"""What Celery does for the log: anchor, check. The schedule is in the settings; sealing has a timer of its own."""

import logging

from celery import shared_task

from ledger_project.log import anchors, findings, verification
from ledger_project.log.tree import LogAltered

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def anchor() -> None:
    """Compare what is kept elsewhere, and send checkpoints to where they are due."""
    try:
        anchors.deliver()
    except LogAltered as refused:
        log.critical("nothing is anchored: %s", refused)
    for sink in anchors.status():
        if sink.stale:
            log.error("the anchor %s is stale: %s", sink.sink, sink.last_error or "nothing was delivered in time")


@shared_task(ignore_result=True)
def verify_log() -> None:
    """The nightly check of the whole log."""
    report = verification.verify()
    for problem in report.problems:
        log.critical("the log was altered: %s", problem)
    findings.resolve("verification_failed")
    if report.problems:
        findings.note("verification_failed", detail=f"{report.count} problems, first: {report.problems[0]}")
