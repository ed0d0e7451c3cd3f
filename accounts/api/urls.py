"""The addresses of accounts, currencies and keys."""

from accounts.api.views import IssueApiKey
from ledger_project.web.commands import path_of

ACCOUNT = {"account": "Account"}

urlpatterns = [
    path_of("v1/accounts", post="open_account", makes=ACCOUNT),
    path_of("v1/accounts/<str:account>/freeze", post="freeze_account", makes=ACCOUNT),
    path_of("v1/accounts/<str:account>/unfreeze", post="unfreeze_account", makes=ACCOUNT),
    path_of("v1/accounts/<str:account>/close", post="close_account", makes=ACCOUNT),
    path_of("v1/currencies", post="register_currency", makes={"currency": "Currency"}),
    path_of("v1/api-keys", post="issue_api_key", view=IssueApiKey, makes={"api_key": "ApiKey"}),
    path_of("v1/api-keys/<str:api_key>/revoke", post="revoke_api_key", makes={"api_key": "ApiKey"}),
]
