"""The table of what the CLI can do: the words of each verb, and its command.

What a command must be given is written in order after the words (`ledger hold place alice 100`), what it may be given
as options (`--to-account shop`). Which these are, of what kind, and what it does is in the ledger's description.
"""

from dataclasses import dataclass

from ledger_client._schema import COMMANDS

FILES = frozenset({"content"})  # the path of a file of UTF-8 text, or - for what is piped in


@dataclass(frozen=True)
class Argument:
    """One argument: `kind` is amount, text, integer, flag, map, json, postings, or a list of one of these."""

    name: str
    kind: str
    needed: bool


@dataclass(frozen=True)
class Verb:
    """A verb that does something: its words and its command."""

    words: str
    command: str

    @property
    def help(self) -> str:
        return COMMANDS[self.command][0]

    @property
    def arguments(self) -> list[Argument]:
        return [Argument(*each) for each in COMMANDS[self.command][1]]


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


VERBS = (
    # Accounts, currencies and keys
    Verb("account open", "open_account"),
    Verb("account ensure", "ensure_account"),
    Verb("agent-currency set", "set_agent_currency"),
    Verb("account freeze", "freeze_account"),
    Verb("account unfreeze", "unfreeze_account"),
    Verb("account close", "close_account"),
    Verb("credit-limit", "set_credit_limit"),
    Verb("currency register", "register_currency"),
    Verb("api-key revoke", "revoke_api_key"),
    Verb("session-key issue", "issue_session_key"),
    Verb("session-key revoke", "revoke_session_key"),
    Verb("budget set", "set_budget"),
    Verb("budget end", "end_budget"),
    # Movement
    Verb("transfer", "transfer"),
    Verb("mint", "mint"),
    Verb("burn", "burn"),
    Verb("spend", "spend"),
    Verb("refund", "refund"),
    Verb("entry post", "post_entry"),
    Verb("entry reverse", "reverse_entry"),
    Verb("prices publish", "publish_prices"),
    Verb("usage authorize", "authorize_usage"),
    Verb("usage record", "record_usage"),
    Verb("usage correct", "correct_usage"),
    Verb("usage collect", "collect_uncovered"),
    # Promised money
    Verb("hold place", "place_hold"),
    Verb("hold capture", "capture_hold"),
    Verb("hold release", "release_hold"),
    Verb("hold extend", "extend_hold"),
    Verb("hold expire", "expire_hold"),
    Verb("escrow lock", "lock_escrow"),
    Verb("escrow release", "release_escrow"),
    Verb("escrow refund", "refund_escrow"),
    Verb("escrow dispute", "dispute_escrow"),
    Verb("escrow resolve", "resolve_escrow"),
    Verb("stake lock", "lock_stake"),
    Verb("stake release", "release_stake"),
    Verb("stake slash", "slash_stake"),
    # Cash
    Verb("deposit", "record_deposit"),
    Verb("deposits confirm", "confirm_deposit"),
    Verb("deposits fail", "fail_deposit"),
    Verb("withdraw", "request_withdrawal"),
    Verb("withdrawals confirm", "confirm_withdrawal"),
    Verb("withdrawals fail", "fail_withdrawal"),
    Verb("topup set", "set_topup"),
    Verb("topup end", "end_topup"),
    Verb("topup fail", "fail_topup"),
    # Credit, fees and promotional money
    Verb("credit-line draw", "draw_credit"),
    Verb("credit-line repay", "repay_credit"),
    Verb("fee charge", "charge_fee"),
    Verb("fee transfer", "fee_transfer"),
    Verb("fee burn", "fee_burn"),
    Verb("grant give", "grant"),
    Verb("grant void", "void_grant"),
    Verb("grant roll-over", "roll_over_grant"),
    Verb("promo mint", "promo_mint"),
    Verb("promo burn", "promo_burn"),
    Verb("promo expire", "expire_promo"),
    # Billing and clearing
    Verb("payment", "record_payment"),
    Verb("payment-refund", "record_refund"),
    Verb("payout", "record_payout"),
    Verb("dispute", "record_dispute"),
    Verb("clearing open", "open_clearing_account"),
    Verb("settle", "settle_batch"),
    # Statements of others
    Verb("external upload", "upload_external_statement"),
    Verb("external match", "match_external_statement"),
    Verb("external pair", "match_external_items"),
    Verb("external resolve", "resolve_external_items"),
    Verb("external undo", "undo_external_match"),
    Verb("adjustment propose", "propose_adjustment"),
    Verb("adjustment approve", "approve_adjustment"),
    Verb("adjustment reject", "reject_adjustment"),
    # Reserves
    Verb("reserve register", "register_reserve_asset"),
    Verb("reserve update", "update_reserve_asset"),
    Verb("reserve snapshot", "record_reserve_snapshot"),
    # Reconciliations, statements, monitors and webhooks
    Verb("reconciliation request", "request_reconciliation"),
    Verb("account repair", "repair_balance"),
    Verb("monitor register", "register_monitor"),
    Verb("monitor delete", "delete_monitor"),
    Verb("webhook update", "update_webhook"),
    Verb("webhook delete", "delete_webhook"),
    Verb("webhook disable", "disable_webhook"),
    Verb("webhook replay", "replay_webhook"),
    Verb("webhook redeliver", "redeliver_webhook"),
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
    Read("budget list", "/v1/budgets", "account name",
         "name window limit current.used current.reserved current.ends_at", "Budgets with their windows."),
    Read("budget show", "/v1/budgets/{budget}", help="A budget and its window."),
    Read("prices list", "/v1/price-books", "book", "book number currency effective_at id", "Versions of price books."),
    Read("usage list", "/v1/usage", "account request_id from to", "at account model charged request_id id", "Usage."),
    Read("topup rules", "/v1/topups", "account", "account below to amount failures disabled", "Who asks when."),
    Read("topup list", "/v1/topup-requests", "account status", "id account amount status expires_at", "Requests."),
    Read("grant list", "/v1/grants", "account", "id account kind amount spent held left expires_at", "Grants."),
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
