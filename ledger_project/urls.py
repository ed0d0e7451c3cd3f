"""Every address of the ledger."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from ledger_project.web.api import problems
from ledger_project.web.api.bulk import BulkView
from ledger_project.web.api.openapi import openapi_json
from ledger_project.web.health import healthz, readyz
from ledger_project.web.metrics import metrics
from ledger_project.web.pages import discovery, proofs
from ledger_project.web.pages.landing import landing
from ledger_project.web.pages.verify_page import verify

urlpatterns = [
    path("", landing),
    path("skill.md", discovery.skill),
    path("llms.txt", discovery.llms),
    path("robots.txt", discovery.robots),
    path("sitemap.xml", discovery.sitemap),
    path(".well-known/security.txt", discovery.security),
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("errors/<slug:code>", problems.error_page),
    path("openapi.json", openapi_json),
    path("verify", verify),
    path("docs", SpectacularSwaggerSplitView.as_view(url="/openapi.json")),
    path("v1/bulk", BulkView.as_view()),
    path("v1/events/<str:event>/receipt", proofs.Receipt.as_view()),
    path("v1/log/checkpoint", proofs.Checkpoint.as_view()),
    path("v1/log/consistency", proofs.Consistency.as_view()),
    path("v1/log/leaves", proofs.Leaves.as_view()),
    path("v1/log/export", proofs.Export.as_view()),
    path("log/checkpoint", proofs.public_checkpoint),
    path(".well-known/jwks.json", proofs.jwks),
    path("", include("ledger_project.webhooks.api.urls")),
    path("", include("ledger_project.usage.api")),
    path("", include("accounts.api.urls")),
    path("", include("journal.api.urls")),
    path("", include("holds.api.urls")),
    path("", include("reserves.api.urls")),
]

handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.page_not_found
handler500 = problems.server_error
