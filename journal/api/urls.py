"""The addresses of everything that moves money by itself."""

from ledger_project.web.commands import path_of

urlpatterns = [
    path_of("v1/accounts/<str:account>/ensure", post="ensure_account", makes={"account": "Account"}),
    path_of("v1/mints", post="mint"),
    path_of("v1/burns", post="burn"),
    path_of("v1/transfers", post="transfer"),
    path_of("v1/entries", post="post_entry"),
    path_of("v1/entries/<str:entry>/reverse", post="reverse_entry"),
]
