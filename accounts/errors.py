"""Refusals about tenants, keys, currencies, accounts and their balances."""

from ledger_project.kernel.errors import NotFound, Refusal


class AccountNotFound(NotFound):
    """There is no such account; open it first, for instance with /v1/accounts/{ref}/ensure."""


class AccountExists(Refusal):
    """An account with this name exists already."""

    status = 409
    constraint = "account_exists"


class ReservedName(Refusal):
    """Names that begin with `platform:` are the ledger's own: `platform:{role}` or `platform:{role}:{currency}`,
    unbounded and of the role's type."""

    constraint = "reserved_name"


class AccountFrozen(Refusal):
    """The account is frozen: money may come in, none may leave."""

    status = 409
    constraint = "account_frozen"


class AccountClosed(Refusal):
    """The account is closed: no money moves on it."""

    status = 409
    constraint = "account_closed"


class AccountNotEmpty(Refusal):
    """An account is closed at zero: move its money, resolve its holds and repay its credit first."""

    status = 409
    constraint = "account_not_empty"


class InsufficientFunds(Refusal):
    """The account has less than this call needs."""

    status = 402
    constraint = "insufficient_funds"


class CreditLimitExceeded(Refusal):
    """The credit line has less left than this call draws."""

    constraint = "credit_limit_exceeded"


class CurrencyMismatch(Refusal):
    """The accounts are in different currencies; post an entry that balances in each instead."""


class NormalBalanceMismatch(Refusal):
    """A transfer moves money between accounts of one normal side; post an entry with both legs instead."""


class SameAccount(Refusal):
    """Payer and receiver are one account."""


class CurrencyNotFound(NotFound):
    """This currency is not registered; POST /v1/currencies with its code and scale first."""


class CurrencyExists(Refusal):
    """This currency is registered already."""

    status = 409
    constraint = "currency_exists"


class AmountOverflow(Refusal):
    """A balance would need more than 38 digits."""  # PostgreSQL's twin is the column's type, NUMERIC(38,0).


class ApiKeyNotFound(NotFound):
    """There is no such API key."""


class ApiKeyRevoked(Refusal):
    """This API key is revoked already."""

    status = 409


class UnknownScope(Refusal):
    """A scope is a command's permission like journal.transfer, an app's like journal.*, read, *, or one of x402's:
    x402.pay, x402.settle."""


class AccountUnbounded(Refusal):
    """The account has no floor, so it takes no credit line and no promotional money."""


class SessionKeyNotFound(NotFound):
    """The account has no such session key."""


class SessionKeyRevoked(Refusal):
    """The session key was revoked."""

    status = 409
    constraint = "session_key_revoked"


class SessionKeyExpired(Refusal):
    """The session key has expired."""

    status = 409
    constraint = "session_key_expired"


class ReceiverNotAllowed(Refusal):
    """The session key pays other receivers only."""


class SpendCapExceeded(Refusal):
    """The session key allows less than this; `cap` names which of its limits."""

    constraint = "spend_cap_exceeded"
