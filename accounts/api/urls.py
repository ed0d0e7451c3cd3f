"""The addresses of accounts, currencies and keys."""

from django.urls import path

from accounts.api.keys import SECRET, ApiKeyList, IssueApiKey
from accounts.api.read_views import AccountDetail, AccountList, CurrencyList
from accounts.api.session_keys import SessionKeyList
from accounts.budgets.api import BudgetDetail, BudgetList
from ledger_project.web.api.commands import path_of

ACCOUNT = {"account": "Account"}
SESSION_KEY = {"session_key": "SessionKey"}
BUDGET = {"budget": "Budget"}

urlpatterns = [
    path_of("v1/accounts", get=AccountList, post="open_account", makes=ACCOUNT),
    path("v1/accounts/<str:account>", AccountDetail.as_view()),
    path_of("v1/accounts/<str:account>/freeze", post="freeze_account", makes=ACCOUNT),
    path_of("v1/accounts/<str:account>/unfreeze", post="unfreeze_account", makes=ACCOUNT),
    path_of("v1/accounts/<str:account>/close", post="close_account", makes=ACCOUNT),
    path_of("v1/accounts/<str:account>/credit-limit", put="set_credit_limit", makes=ACCOUNT),
    path_of("v1/session-keys", get=SessionKeyList, post="issue_session_key", makes=SESSION_KEY),
    path_of("v1/session-keys/<str:session_key>/revoke", post="revoke_session_key", makes=SESSION_KEY),
    path_of("v1/budgets", get=BudgetList, post="set_budget", makes=BUDGET),
    path("v1/budgets/<str:budget>", BudgetDetail.as_view()),
    path_of("v1/budgets/<str:budget>/end", post="end_budget", makes=BUDGET),
    path_of("v1/currencies", get=CurrencyList, post="register_currency", makes={"currency": "Currency"}),
    path_of(
        "v1/api-keys",
        get=ApiKeyList,
        post="issue_api_key",
        view=IssueApiKey,
        makes={"api_key": "ApiKey", "secret": SECRET},
    ),
    path_of("v1/api-keys/<str:api_key>/revoke", post="revoke_api_key", makes={"api_key": "ApiKey"}),
]
