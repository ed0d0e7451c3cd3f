"""The application with the views that it is measured against."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger_project.settings")

from django.conf import settings

settings.ROOT_URLCONF = "bench.urls"

from ledger_project.wsgi import application  # noqa: E402

__all__ = ["application"]
