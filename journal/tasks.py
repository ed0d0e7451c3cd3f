"""What runs by the clock: promotional money that has had its time, monitors, reconciliations, statements."""

from celery import shared_task

from journal import promo_expiry
from journal.monitors import watching
from journal.reconciliation import notify, running
from journal.statements import issuing
from ledger_project.kernel import clock


@shared_task
def expire_promos() -> None:
    """Burn what is left of the grants whose time is over."""
    promo_expiry.expire_due()


@shared_task
def watch_balances() -> None:
    """Tell of the monitors that what was sealed since has crossed."""
    watching.watch()


@shared_task(ignore_result=True)
def request_reconciliations() -> None:
    """Ask for tonight's reconciliation of every tenant."""
    running.request_all(clock.now())


@shared_task(ignore_result=True)
def reconcile() -> None:
    """Do the reconciliations that wait, and tell of what did not match."""
    if not running.resting():
        running.run_waiting()
    notify.tell()


@shared_task(ignore_result=True)
def issue_statements() -> None:
    """Issue the statements of the months that are over."""
    issuing.issue_due(clock.now())
