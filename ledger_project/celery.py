"""The Celery application; its settings are those of Django that begin with CELERY_."""

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import after_setup_logger, beat_init, celeryd_init, worker_init, worker_process_init
from django.db import connections
from kombu import Connection

from ledger_project.kernel.collector import spare_the_loaded
from ledger_project.log import sealer
from ledger_project.web import secret_key

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger_project.settings")

NICENESS = 5

LOOK_EVERY = 5  # seconds that pass, at most, before a lost broker is looked for again


class PatientConnection(Connection):
    """The pauses between two looks for a lost broker would grow to half a minute, in which nothing is done."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super().ensure_connection(*args, **{"interval_max": LOOK_EVERY, **options})


app = Celery("ledger_project")
app.amqp.Connection = PatientConnection
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

celeryd_init.connect(secret_key.require_or_exit)
beat_init.connect(secret_key.require_or_exit)


@worker_init.connect
def require_sealer(**_: Any) -> None:
    """A worker writes down what anchors were given, as the sealer: it does not start without that address, and says at
    once when it does not work.
    """
    try:
        trouble = sealer.trouble()
    except sealer.NoSealer as missing:
        raise SystemExit(str(missing)) from missing
    if trouble:
        logging.getLogger(__name__).critical(trouble)
    connections.close_all()  # no child process may share it


@after_setup_logger.connect
def spare_the_log(**_: Any) -> None:
    """Several tasks run every second: that they began and ended well is not news; what fails still is."""
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)


@worker_process_init.connect
def give_way(**_: Any) -> None:
    """Where processor time is short it is for those who wait for an answer: this work has a log to catch up with.

    A third of an ordinary process's share remains, enough to seal what the others post.
    """
    os.nice(NICENESS)


@worker_process_init.connect
def spare_the_collector(**_: Any) -> None:
    """What is loaded by now stays: without looking at it again and again, the sealer takes a third less time."""
    spare_the_loaded()
