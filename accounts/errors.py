"""Refusals about tenants, keys, currencies, accounts and their balances."""

from ledger_project.kernel.errors import NotFound, Refusal


class AccountNotFound(NotFound):
    """There is no such account; open it first, for instance with /v1/accounts/{ref}/ensure."""


class AccountExists(Refusal):
    """An account with this name exists already."""

    status = 409
    constraint = "account_exists"


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
