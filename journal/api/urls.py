"""The addresses of everything that moves money by itself."""

from django.urls import path

from journal.api.moments import AccountBalance, BalanceList, TrialBalance
from journal.api.read_views import AccountEntries, EntryDetail, EntryList, EventDetail, EventList, TransferList
from journal.api.shapes import (
    PROMO_USES,
    SESSION_KEY,
    DisputeSerializer,
    PaymentRefundSerializer,
    PaymentSerializer,
    PayoutSerializer,
    RefundSerializer,
    SettledSerializer,
)
from journal.api.verb_views import (
    ClearingAccountList,
    PromoGrantList,
    SettledEntryList,
    SettlementDetail,
    SettlementList,
)
from journal.audit.api import AuditArchive
from journal.exports.api import Export
from journal.external.api import (
    AdjustmentList,
    ExternalLineList,
    ExternalMatchList,
    ExternalStatementDetail,
    ExternalStatementList,
    MatchingSerializer,
    OpenEntryList,
)
from journal.monitors.api import MonitorList
from journal.reconciliation.api import ReconciliationDetail, ReconciliationList, ReconciliationSerializer
from journal.statements.api import AccountStatement, IssuedStatementList
from ledger_project.web.api.commands import Shape, path_of

PROMO_GRANT = {"promo_grant": "PromoGrant"}
CLEARING_ACCOUNT = {"clearing_account": "ClearingAccount"}
EXTERNAL_STATEMENT: dict[str, Shape] = {"external_statement": "ExternalStatement"}
EXTERNAL_MATCH: dict[str, Shape] = {"external_match": "ExternalMatch"}
ADJUSTMENT: dict[str, Shape] = {"adjustment": "Adjustment"}
OF_STATEMENT = "v1/external-statements/<str:external_statement>"

urlpatterns = [
    path_of("v1/accounts/<str:account>/ensure", post="ensure_account", makes={"account": "Account"}),
    path_of("v1/mints", post="mint"),
    path_of("v1/burns", post="burn"),
    path_of("v1/transfers", get=TransferList, post="transfer"),
    path_of("v1/entries", get=EntryList, post="post_entry"),
    path("v1/entries/<str:entry>", EntryDetail.as_view()),
    path("v1/accounts/<str:account>/balance", AccountBalance.as_view()),
    path("v1/balances", BalanceList.as_view()),
    path("v1/trial-balance", TrialBalance.as_view()),
    path("v1/accounts/<str:account>/statement", AccountStatement.as_view()),
    path("v1/statements", IssuedStatementList.as_view()),
    path("v1/accounts/<str:account>/entries", AccountEntries.as_view()),
    path("v1/events", EventList.as_view()),
    path("v1/events/<str:event>", EventDetail.as_view()),
    path_of("v1/entries/<str:entry>/reverse", post="reverse_entry"),
    path("v1/exports/<str:export>", Export.as_view()),
    path("v1/audit-archive", AuditArchive.as_view()),
    path_of("v1/monitors", get=MonitorList, post="register_monitor", makes={"monitor": "Monitor"}),
    path_of("v1/monitors/<str:monitor>", delete="delete_monitor", makes={"monitor": "Monitor"}),
    path_of(
        "v1/reconciliations",
        get=ReconciliationList,
        post="request_reconciliation",
        makes={"reconciliation": ReconciliationSerializer},
    ),
    path("v1/reconciliations/<str:reconciliation>", ReconciliationDetail.as_view()),
    path_of("v1/credit-draws", post="draw_credit"),
    path_of("v1/credit-repayments", post="repay_credit"),
    path_of("v1/fees", post="charge_fee"),
    path_of("v1/fee-transfers", post="fee_transfer"),
    path_of("v1/fee-burns", post="fee_burn"),
    path_of("v1/promo-mints", post="promo_mint", makes=PROMO_GRANT),
    path_of("v1/promo-burns", post="promo_burn", makes={"promo": PROMO_USES}),
    path("v1/promo-grants", PromoGrantList.as_view()),
    path_of("v1/promo-grants/<str:grant>/expire", post="expire_promo", makes=PROMO_GRANT),
    path_of("v1/grants", get=PromoGrantList, post="grant", makes=PROMO_GRANT),
    path_of("v1/grants/<str:grant>/void", post="void_grant", makes=PROMO_GRANT),
    path_of("v1/grants/<str:grant>/roll-over", post="roll_over_grant", makes=PROMO_GRANT),
    path_of("v1/spends", post="spend", makes={"session_key": SESSION_KEY}),
    path_of("v1/refunds", post="refund", makes={"refund": RefundSerializer}),
    path_of("v1/payments", post="record_payment", makes={"payment": PaymentSerializer}),
    path_of("v1/payment-refunds", post="record_refund", makes={"payment_refund": PaymentRefundSerializer}),
    path_of("v1/payouts", post="record_payout", makes={"payout": PayoutSerializer}),
    path_of("v1/disputes", post="record_dispute", makes={"dispute": DisputeSerializer}),
    path_of("v1/clearing-accounts", get=ClearingAccountList, post="open_clearing_account", makes=CLEARING_ACCOUNT),
    path_of("v1/settlements", get=SettlementList, post="settle_batch", makes={"settlement": SettledSerializer}),
    path("v1/settlements/<str:settlement>", SettlementDetail.as_view()),
    path("v1/settlements/<str:settlement>/entries", SettledEntryList.as_view()),
    path_of(
        "v1/external-statements",
        get=ExternalStatementList,
        post="upload_external_statement",
        makes=EXTERNAL_STATEMENT,
    ),
    path(OF_STATEMENT, ExternalStatementDetail.as_view()),
    path(f"{OF_STATEMENT}/lines", ExternalLineList.as_view()),
    path(f"{OF_STATEMENT}/open-entries", OpenEntryList.as_view()),
    path_of(
        f"{OF_STATEMENT}/match",
        post="match_external_statement",
        makes={**EXTERNAL_STATEMENT, "matching": MatchingSerializer},
    ),
    path_of(f"{OF_STATEMENT}/matches", get=ExternalMatchList, post="match_external_items", makes=EXTERNAL_MATCH),
    path_of(f"{OF_STATEMENT}/resolutions", post="resolve_external_items", makes=EXTERNAL_MATCH),
    path_of(f"{OF_STATEMENT}/adjustments", post="propose_adjustment", makes=ADJUSTMENT),
    path_of("v1/external-matches/<str:external_match>/undo", post="undo_external_match", makes=EXTERNAL_MATCH),
    path("v1/adjustments", AdjustmentList.as_view()),
    path_of("v1/adjustments/<str:adjustment>/approve", post="approve_adjustment", makes=ADJUSTMENT),
    path_of("v1/adjustments/<str:adjustment>/reject", post="reject_adjustment", makes=ADJUSTMENT),
]
