"""The WSGI application that gunicorn serves."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from ledger_project.kernel.collector import spare_the_loaded
from ledger_project.web import secret_key

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger_project.settings")

secret_key.require()
application = get_wsgi_application()
import_module(settings.ROOT_URLCONF)  # all views, which the first request would otherwise wait for
spare_the_loaded()
