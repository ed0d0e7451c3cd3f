"""What Celery does for the log: seal, anchor, check. The schedule is in the settings."""

import logging
import time

from celery import current_app, shared_task
from django.conf import settings
from kombu.exceptions import OperationalError

from ledger_project.log import anchors, findings, sealing, verification
from ledger_project.log.sealer import NoSealer
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.tree import LogAltered

log = logging.getLogger(__name__)
WAKE_EVERY = 0.1  # seconds between the wake-ups that one process sends
_woken_at = 0.0


@shared_task(ignore_result=True)
def seal() -> None:
    """Seal what was committed. What stands against it is an alarm, in a finding and in the log, each time."""
    try:
        done = sealing.seal()
    except (LogAltered, NoSealer, NoSigningKey) as refused:
        log.critical("nothing is sealed: %s", refused)
        return
    if done.sealed:
        _wake_readers()


def _wake_readers() -> None:
    """Have those who read the sealed log do so now. Best effort: their schedules come anyway."""
    try:
        for name in settings.LOG_READERS:
            current_app.send_task(name, retry=False, expires=1)
    except OperationalError as error:
        log.warning("the readers of the log were not woken: %s", error)


@shared_task(ignore_result=True)
def anchor() -> None:
    """Send checkpoints to where they are due."""
    anchors.deliver()
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


def wake() -> None:
    """Have the log sealed soon, for somebody who waits for it. Best effort: the schedule comes anyway."""
    global _woken_at
    if time.monotonic() - _woken_at < WAKE_EVERY:
        return
    _woken_at = time.monotonic()
    try:
        seal.apply_async(retry=False, expires=10)
    except OperationalError as error:
        log.warning("the sealer was not woken: %s", error)
