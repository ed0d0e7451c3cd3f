"""Telling of what reconciliations found: an event in the tenant's log, and one mail to the operators.

The event is written once, because the run's row says that it was. A mail goes out at least once: it is noted after it
was sent, and one that could not be sent is tried again for a day.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import QuerySet

from journal.errors import AlreadyReported
from journal.models import ReconciliationRun
from ledger_project.kernel import clock, ids
from ledger_project.log import outward
from ledger_project.log.each import Each
from ledger_project.log.executor import run
from ledger_project.log.tree import LogAltered

MAILED_WITHIN = timedelta(days=1)  # older news are on the dashboard, and nobody's mail
IN_ONE_MAIL = 100
ACTOR = "system:reconciliation"

log = logging.getLogger(__name__)


def tell() -> None:
    """Tell of every mismatch that was not told of yet."""
    each = Each("tell_of_mismatches")
    each.serve(mismatched().filter(reported_at__isnull=True), _report)
    _mail()
    each.finish()


def _report(found: ReconciliationRun) -> None:
    shown = ids.show("rec", found.pk)
    log.critical("reconciliation %s found %s differences: %s", shown, found.mismatches, red(found))
    with suppress(AlreadyReported):  # by another worker, just now
        run(
            found.tenant_id,
            "report_mismatch",
            key=f"reconciliation:{found.pk.hex}:mismatched",
            actor=ACTOR,
            reconciliation=shown,
        )


def mismatched() -> QuerySet[ReconciliationRun]:
    return ReconciliationRun.objects.filter(mismatches__gt=0).select_related("tenant").order_by("id")


def red(run: ReconciliationRun) -> dict[str, int]:
    """The checks that found differences, with their number."""
    return {check["name"]: check["found"] for check in run.checks if check["found"]}


def _mail() -> None:
    since = clock.now() - MAILED_WITHIN
    news = list(mismatched().filter(mailed_at__isnull=True, finished_at__gte=since)[:IN_ONE_MAIL])
    if not news or not settings.OPERATOR_EMAILS:
        return
    try:
        outward.require_open()
        send_mail(_subject(news), "\n".join(map(_paragraph, news)), None, settings.OPERATOR_EMAILS)
    except (SMTPException, OSError, LogAltered) as failure:
        log.error("the operators were not mailed: %s", failure)
        return
    ReconciliationRun.objects.filter(pk__in=[each.pk for each in news]).update(mailed_at=clock.now())


def _subject(news: list[ReconciliationRun]) -> str:
    total = sum(each.mismatches or 0 for each in news)
    of = news[0].tenant.slug if len(news) == 1 else f"{len(news)} tenants"
    return f"[{settings.ENVIRONMENT}] The books of {of} do not match: {total} differences"


def _paragraph(found: ReconciliationRun) -> str:
    lines = [f"{found.tenant.slug}: reconciliation {found} of {clock.stamp(found.finished_at)}"]
    lines += [f"  {name}: {count}" for name, count in red(found).items()]
    return "\n".join([*lines, f"  /admin/journal/reconciliationrun/{found}/change/", ""])
