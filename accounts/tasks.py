"""What runs by the clock: alerts of budgets."""

from celery import shared_task

from accounts.budgets import alerting


@shared_task(ignore_result=True)
def alert_budgets() -> None:
    """Tell of the budgets that payments have brought to a threshold."""
    alerting.alert_due()
