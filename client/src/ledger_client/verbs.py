"""The table of what the CLI can do. A line is one verb: its words, its command, what must and what may be given.

What must be given is written in order after the words (`ledger hold place alice 100`), what may be given as options
(`--to-account shop`). What kind of value an argument takes goes by its name, which means the same in every command.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    words: str
    command: str
    needed: str = ""
    options: str = ""


@dataclass(frozen=True)
class Read:
    """A verb that reads: an address whose `{…}` are needed, with filters, and the columns of its table."""

    words: str
    path: str
    filters: str = ""
    columns: str = ""
    help: str = ""

    @property
    def many(self) -> bool:
        return bool(self.columns)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FLAGS = _names("allow_overcapture burn confirmed enabled final is_eligible not_paid open_account unbounded use_promo")
INTEGERS = _names("days expires_in from_log_index haircut_bps line lines max_age_seconds scale")
AMOUNTS = _names(
    "amount credit_limit fee fees initial_balance max_per_day max_per_spend max_total to_buyer to_seller"
    " balance balance_before tolerance value"
)
LISTS = _names("allowed_receivers domains entries lines types")
MAPS = _names("metadata references")  # key=value, as often as there are some
JSON = _names("mapping price window")
FILES = _names("content")  # the path of a file of UTF-8 text, or - for what is piped in
POSTINGS = frozenset({"postings"})

MORE = "description metadata effective_at"
FEE = "escrow trial reference description"

VERBS = (
    # Accounts, currencies and keys
    Verb("account open", "open_account", "name", "currency type unbounded metadata"),
    Verb("account ensure", "ensure_account", "account", "currency initial_balance type metadata"),
    Verb("agent-currency set", "set_agent_currency", "currency"),
    Verb("account freeze", "freeze_account", "account", "reason"),
    Verb("account unfreeze", "unfreeze_account", "account", "reason"),
    Verb("account close", "close_account", "account", "reason"),
    Verb("credit-limit", "set_credit_limit", "account credit_limit"),
    Verb("currency register", "register_currency", "code", "scale name"),
    Verb("api-key revoke", "revoke_api_key", "api_key", "descendants"),
    Verb(
        "session-key issue",
        "issue_session_key",
        "account",
        "max_per_spend max_per_day max_total allowed_receivers expires_in",
    ),
    Verb("session-key revoke", "revoke_session_key", "session_key"),
    # Movement
    Verb("transfer", "transfer", "from_account to_account amount", f"job_id reference {MORE}"),
    Verb("mint", "mint", "account amount", "reference metadata"),
    Verb("burn", "burn", "account amount", "reference metadata"),
    Verb("spend", "spend", "account amount", "to_account session_key use_promo reference description"),
    Verb("refund", "refund", "entry", "amount reason"),
    Verb("entry post", "post_entry", "", f"postings kind references {MORE}"),
    Verb("entry reverse", "reverse_entry", "entry", "reason"),
    # Promised money
    Verb("hold place", "place_hold", "account amount", "to_account reason expires_in allow_overcapture references"),
    Verb("hold capture", "capture_hold", "hold", "amount to_account order_id final reason effective_at"),
    Verb("hold release", "release_hold", "hold", "amount reason"),
    Verb("hold extend", "extend_hold", "hold expires_in"),
    Verb("hold expire", "expire_hold", "hold"),
    Verb("escrow lock", "lock_escrow", "buyer seller amount reference", "expires_in on_timeout references"),
    Verb("escrow release", "release_escrow", "escrow", "amount fee fee_account reason"),
    Verb("escrow refund", "refund_escrow", "escrow", "amount reason"),
    Verb("escrow dispute", "dispute_escrow", "escrow reason"),
    Verb("escrow resolve", "resolve_escrow", "escrow to_seller to_buyer", "reason"),
    Verb("stake lock", "lock_stake", "account amount", "escrow trial"),
    Verb("stake release", "release_stake", "stake", "amount reason"),
    Verb("stake slash", "slash_stake", "stake amount", "to_account fee_account burn trial reason"),
    # Cash
    Verb("deposit", "record_deposit", "account amount source external_ref", "confirmed open_account currency"),
    Verb("deposits confirm", "confirm_deposit", "deposit", "reason"),
    Verb("deposits fail", "fail_deposit", "deposit reason"),
    Verb("withdraw", "request_withdrawal", "account amount destination", "references"),
    Verb("withdrawals confirm", "confirm_withdrawal", "withdrawal external_ref", "reason"),
    Verb("withdrawals fail", "fail_withdrawal", "withdrawal reason", "not_paid"),
    # Credit, fees and promotional money
    Verb("credit-line draw", "draw_credit", "account amount", "reference"),
    Verb("credit-line repay", "repay_credit", "account amount", "reference"),
    Verb("fee charge", "charge_fee", "account amount", f"fee_account {FEE}"),
    Verb("fee transfer", "fee_transfer", "from_account to_account amount", FEE),
    Verb("fee burn", "fee_burn", "account amount", FEE),
    Verb("promo mint", "promo_mint", "account amount", "expires_in expires_at reference"),
    Verb("promo burn", "promo_burn", "account amount", "reference"),
    Verb("promo expire", "expire_promo", "grant"),
    # Billing and clearing
    Verb("payment", "record_payment", "payment_intent_id customer_id amount currency", f"fees {MORE}"),
    Verb("payment-refund", "record_refund", "refund_id customer_id amount currency", f"payment_intent_id {MORE}"),
    Verb("payout", "record_payout", "payout_id merchant_id amount currency", MORE),
    Verb("dispute", "record_dispute", "dispute_id customer_id amount currency", MORE),
    Verb("clearing open", "open_clearing_account", "domain", "currency"),
    Verb("settle", "settle_batch", "netting_batch_id", "domains window settlement_account"),
    # Statements of others
    Verb("external upload", "upload_external_statement", "account name format content", "mapping"),
    Verb("external match", "match_external_statement", "external_statement", "tolerance days"),
    Verb("external pair", "match_external_items", "external_statement reason", "lines entries tolerance"),
    Verb("external resolve", "resolve_external_items", "external_statement reason", "lines entries"),
    Verb("external undo", "undo_external_match", "external_match reason"),
    Verb("adjustment propose", "propose_adjustment", "external_statement counter_account reason", "line entry"),
    Verb("adjustment approve", "approve_adjustment", "adjustment", "reason"),
    Verb("adjustment reject", "reject_adjustment", "adjustment reason"),
    # Reserves
    Verb(
        "reserve register",
        "register_reserve_asset",
        "name asset_type provider unit max_age_seconds",
        "currency haircut_bps is_eligible custody source metadata",
    ),
    Verb(
        "reserve update",
        "update_reserve_asset",
        "asset",
        "provider haircut_bps max_age_seconds is_eligible custody source metadata",
    ),
    Verb("reserve snapshot", "record_reserve_snapshot", "asset amount taken_at provenance", "price evidence_hash"),
    # Reconciliations, statements, monitors and webhooks
    Verb("reconciliation request", "request_reconciliation", "", "reason"),
    Verb("account repair", "repair_balance", "account reason"),
    Verb("monitor register", "register_monitor", "account operator value", "bucket"),
    Verb("monitor delete", "delete_monitor", "monitor"),
    Verb("webhook update", "update_webhook", "webhook", "url types description ordered enabled"),
    Verb("webhook delete", "delete_webhook", "webhook"),
    Verb("webhook disable", "disable_webhook", "webhook", "reason"),
    Verb("webhook replay", "replay_webhook", "webhook from_log_index"),
    Verb("webhook redeliver", "redeliver_webhook", "webhook delivery"),
)

READS = (
    Read(
        "list-accounts", "/v1/accounts", "prefix type currency status",
        "name currency balance.available balance.held status", "All accounts, by name.",
    ),
    Read("account show", "/v1/accounts/{account}", help="An account with its balance."),
    Read(
        "entry list", "/v1/entries", "account prefix kind reference from to",
        "id kind effective_at description postings", "Entries with their postings, newest first.",
    ),
    Read("entry show", "/v1/entries/{entry}", help="One entry."),
    Read(
        "hold list", "/v1/holds", "account counterparty status from to",
        "id account amount captured remaining status expires_at", "Holds, newest first.",
    ),
    Read("hold show", "/v1/holds/{hold}", help="One hold."),
    Read(
        "escrow list", "/v1/escrows", "account counterparty status from to",
        "id account counterparty amount remaining status", "Escrows, newest first.",
    ),
    Read("stake list", "/v1/stakes", "account status from to", "id account amount remaining status", "Stakes."),
    Read("deposits list", "/v1/deposits", "account source external_ref status from to",
         "id account amount source external_ref status", "Deposits, newest first."),
    Read("withdrawals list", "/v1/withdrawals", "account status from to", "id account amount status", "Withdrawals."),
    Read("event list", "/v1/events", "type command idempotency_key after from to",
         "id type actor recorded_at state log_index", "Accepted commands, newest first."),
    Read("event show", "/v1/events/{event}", help="One accepted command."),
    Read("session-key list", "/v1/session-keys", "account",
         "id account max_per_spend max_per_day max_total expires_at revoked_at", "Budgets of accounts."),
    Read("promo list", "/v1/promo-grants", "account", "id account amount spent left expires_at", "Promotional grants."),
    Read("clearing list", "/v1/clearing-accounts", "domain", "domain currency account name",
         "Clearing accounts."),
    Read("settlement list", "/v1/settlements", "netting_batch_id", "id netting_batch_id recorded_at", "Settled."),
    Read("settlement show", "/v1/settlements/{settlement}", help="One settled batch."),
    Read("external list", "/v1/external-statements", "account", "id account_name name first_date last_date lines",
         "Statements of banks, providers and chains, newest first."),
    Read("external show", "/v1/external-statements/{external_statement}", help="A statement and its progress."),
    Read("adjustment list", "/v1/adjustments", "status", "id amount status reason", "Adjustments."),
    Read("currency list", "/v1/currencies", "", "code scale name", "Currencies."),
)  # fmt: skip
