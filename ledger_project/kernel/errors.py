"""Refusals: the ledger's way of saying no.

A refusal is a value with a stable `code`, an HTTP `status` and machine-readable facts. Its class docstring is the
message. Where PostgreSQL forbids the same thing, `constraint` is the name of the constraint or trigger there, so
both walls speak with one voice. Anything raised that is not a refusal is a bug.
"""

import re
from typing import Any, ClassVar


class Refusal(Exception):
    """The ledger refused the command."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 422
    constraint: ClassVar[str | None] = None
    registry: ClassVar[dict[str, type["Refusal"]]] = {}
    by_constraint: ClassVar[dict[str, type["Refusal"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        Refusal.registry[cls.code] = cls
        if "constraint" in cls.__dict__ and cls.constraint:
            Refusal.by_constraint[cls.constraint] = cls

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.code)
        self.facts = {name: fact for name, fact in facts.items() if fact is not None}

    @classmethod
    def message(cls) -> str:
        """The docstring as one line of prose."""
        return " ".join((cls.__doc__ or "").split())

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={fact}" for name, fact in self.facts.items())
        return f"{self.code}: {self.message()}" + (f" ({facts})" if facts else "")


class InvalidRequest(Refusal):
    """A field of the request is missing or not of its form; `field` names it and `reason` says why."""


class InvalidAmount(Refusal):
    """An amount is a positive whole number of minor units, at most 38 digits, as an integer or a string of digits."""


class UnknownField(Refusal):
    """The request has a field that this call does not know."""


class IdempotencyKeyRequired(Refusal):
    """Every call that changes something carries an Idempotency-Key of 1 to 255 characters."""

    status = 400


class IdempotencyKeyReused(Refusal):
    """This idempotency key belongs to an earlier call with other content."""

    constraint = "idempotency_key_reused"


class ReservedIdempotencyKey(Refusal):
    """Idempotency keys that begin with `system:` are the ledger's own."""


class Forbidden(Refusal):
    """The API key may not do this: its scopes, its account or its issuer do not allow it."""

    status = 403
    constraint = "key_outranks_issuer"


class NotFound(Refusal):
    """There is no such thing here."""

    status = 404


class Busy(Refusal):
    """The rows were locked for too long; nothing was stored, try again with the same key."""

    status = 503


class Unavailable(Refusal):
    """The database does not answer. Retry with the same idempotency key: what was stored is not done again."""

    status = 503


class TimedOut(Refusal):
    """The call took longer than it may. Retry with the same idempotency key: what was stored is not done again."""

    status = 503


class DatabaseReadOnly(Refusal):
    """The database takes no writes, as a standby does; nothing was stored, try again with the same key."""

    status = 503


class DatabaseFull(Refusal):
    """The database has no room to write; nothing was stored, try again with the same key."""

    status = 503


class TooManyConnections(Refusal):
    """The database takes no more connections; nothing was stored, try again with the same key."""

    status = 503
