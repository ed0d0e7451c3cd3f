"""Every address of the ledger."""

from django.contrib import admin
from django.urls import path

from ledger_project.web.health import healthz, readyz

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("readyz", readyz),
]
