"""The ASGI application, for those who serve with an ASGI server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger_project.settings")

application = get_asgi_application()
