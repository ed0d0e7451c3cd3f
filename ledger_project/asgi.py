"""The ASGI application, for those who serve with an ASGI server."""

import os

from django.core.asgi import get_asgi_application

from ledger_project.web import secret_key

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger_project.settings")

secret_key.require()
application = get_asgi_application()
