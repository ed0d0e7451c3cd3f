"""The composition root. Celery is imported with it, so that `shared_task` finds this application in every process."""

from ledger_project.celery import app as celery_app

__all__ = ["celery_app"]
