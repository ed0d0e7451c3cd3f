"""The addresses of promised money, of money on its way in or out, and of the agent platform."""

from django.urls import path

from holds.api.agents import AgentBalance, AgentLedger, AgentWithdrawal, ChainDeposit
from holds.api.read_views import (
    DepositDetail,
    DepositList,
    EscrowDetail,
    EscrowList,
    HoldDetail,
    HoldList,
    StakeDetail,
    StakeList,
    WithdrawalDetail,
    WithdrawalList,
)
from holds.topups.api import TopUpList, TopUpRequestList
from holds.topups.api import urlpatterns as topups
from holds.x402.api import Authorize, Claim, Settle, Supported, Verify
from holds.x402.authorizations import AuthorizationList, CancelAuthorization
from ledger_project.web.api.commands import path_of

HOLD, ESCROW, STAKE = {"hold": "Hold"}, {"escrow": "Escrow"}, {"stake": "Stake"}
DEPOSIT, WITHDRAWAL = {"deposit": "Deposit"}, {"withdrawal": "Withdrawal"}

AGENT_CURRENCY = {
    "type": "object",
    "properties": {"currency": {"type": "string"}, "set_at": {"type": "string", "format": "date-time"}},
    "required": ["currency", "set_at"],
}

urlpatterns = [
    *topups,
    path("v1/topups", TopUpList.as_view()),
    path("v1/topup-requests", TopUpRequestList.as_view()),
    path_of("v1/holds", get=HoldList, post="place_hold", makes=HOLD),
    path("v1/holds/<str:hold>", HoldDetail.as_view()),
    path_of("v1/holds/<str:hold>/capture", post="capture_hold", makes=HOLD),
    path_of("v1/holds/<str:hold>/release", post="release_hold", makes=HOLD),
    path_of("v1/holds/<str:hold>/extend", post="extend_hold", makes=HOLD),
    path_of("v1/holds/<str:hold>/expire", post="expire_hold", makes=HOLD),
    path_of("v1/escrows", get=EscrowList, post="lock_escrow", makes=ESCROW),
    path("v1/escrows/<str:escrow>", EscrowDetail.as_view()),
    path_of("v1/escrows/<str:escrow>/release", post="release_escrow", makes=ESCROW),
    path_of("v1/escrows/<str:escrow>/refund", post="refund_escrow", makes=ESCROW),
    path_of("v1/escrows/<str:escrow>/dispute", post="dispute_escrow", makes=ESCROW),
    path_of("v1/escrows/<str:escrow>/resolve", post="resolve_escrow", makes=ESCROW),
    path_of("v1/stakes", get=StakeList, post="lock_stake", makes=STAKE),
    path("v1/stakes/<str:stake>", StakeDetail.as_view()),
    path_of("v1/stakes/<str:stake>/release", post="release_stake", makes=STAKE),
    path_of("v1/stakes/<str:stake>/slash", post="slash_stake", makes=STAKE),
    path_of("v1/deposits", get=DepositList, post="record_deposit", makes=DEPOSIT),
    path("v1/deposits/<str:deposit>", DepositDetail.as_view()),
    path_of("v1/deposits/<str:deposit>/confirm", post="confirm_deposit", makes=DEPOSIT),
    path_of("v1/deposits/<str:deposit>/fail", post="fail_deposit", makes=DEPOSIT),
    path_of("v1/withdrawals", get=WithdrawalList, post="request_withdrawal", makes=WITHDRAWAL),
    path("v1/withdrawals/<str:withdrawal>", WithdrawalDetail.as_view()),
    path_of("v1/withdrawals/<str:withdrawal>/confirm", post="confirm_withdrawal", makes=WITHDRAWAL),
    path_of("v1/withdrawals/<str:withdrawal>/fail", post="fail_withdrawal", makes=WITHDRAWAL),
    path_of("v1/agent-currency", put="set_agent_currency", makes={"agent_currency": AGENT_CURRENCY}),
    path("v1/agents/<str:address>/balance", AgentBalance.as_view()),
    path("v1/agents/<str:address>/ledger", AgentLedger.as_view()),
    path("v1/agents/<str:address>/withdraw", AgentWithdrawal.as_view()),
    path("v1/admin/deposits", ChainDeposit.as_view()),
    path("x402/supported", Supported.as_view()),
    path("x402/authorize", Authorize.as_view()),
    path("x402/verify", Verify.as_view()),
    path("x402/claim", Claim.as_view()),
    path("x402/settle", Settle.as_view()),
    path("x402/authorizations", AuthorizationList.as_view()),
    path("x402/authorizations/<str:nonce>/cancel", CancelAuthorization.as_view()),
]
