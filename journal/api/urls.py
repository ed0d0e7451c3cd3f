"""The addresses of everything that moves money by itself."""

from django.urls import path

from journal.api.read_views import AccountEntries, EntryDetail, EntryList, EventDetail, EventList, TransferList
from ledger_project.web.commands import path_of

urlpatterns = [
    path_of("v1/accounts/<str:account>/ensure", post="ensure_account", makes={"account": "Account"}),
    path_of("v1/mints", post="mint"),
    path_of("v1/burns", post="burn"),
    path_of("v1/transfers", get=TransferList, post="transfer"),
    path_of("v1/entries", get=EntryList, post="post_entry"),
    path("v1/entries/<str:entry>", EntryDetail.as_view()),
    path("v1/accounts/<str:account>/entries", AccountEntries.as_view()),
    path("v1/events", EventList.as_view()),
    path("v1/events/<str:event>", EventDetail.as_view()),
    path_of("v1/entries/<str:entry>/reverse", post="reverse_entry"),
]
