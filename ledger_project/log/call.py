"""Calls: one command with its arguments, from one caller, under one key; and what becomes of it."""

from dataclasses import dataclass
from typing import Any

from ledger_project.kernel.errors import IdempotencyKeyRequired, Refusal, ReservedIdempotencyKey
from ledger_project.kernel.fields import TextField
from ledger_project.log.caller import Caller
from ledger_project.log.command import Arguments, Command
from ledger_project.log.documents import Document

KEY = TextField(maximum=255)
_RESERVED = "system:"


class SystemKey(str):
    """An idempotency key of the ledger's own calls, whoever they are made for. No caller's text is one."""

    __slots__ = ()


def system_key(*parts: Any) -> SystemKey:
    """The key of a call that the ledger makes of itself, from what the call is about."""
    return SystemKey(":".join(["system", *map(str, parts)]))


def fit_key(caller: Caller, key: str | None) -> str:
    """Refuses: IdempotencyKeyRequired, InvalidRequest, ReservedIdempotencyKey."""
    if not key:
        raise IdempotencyKeyRequired()
    KEY.parse(key, "idempotency_key")
    if key.startswith(_RESERVED) and not (caller.is_system or isinstance(key, SystemKey)):
        raise ReservedIdempotencyKey(idempotency_key=key)
    return key


@dataclass(frozen=True, slots=True)
class Call:
    """One command with its arguments, from one caller of one tenant."""

    tenant: int
    caller: Caller
    idempotency_key: str
    command: Command
    arguments: Arguments
    payload: dict[str, Any]

    @classmethod
    def of(cls, tenant: int, caller: Caller, key: str | None, command: Command, raw: dict[str, Any]) -> "Call":
        """A call from untrusted JSON.

        Refuses: who may not send the command, what is wrong with the key, then with the arguments, then what these
        arguments need besides.
        """
        command.require(caller)
        key = fit_key(caller, key)
        arguments = command.parse(raw)
        for permission in command.needs(arguments):
            caller.require(permission)
        if command.identity:
            key = command.identity(arguments)
        return cls(tenant, caller, key, command, arguments, command.render(arguments))


@dataclass(frozen=True, slots=True)
class Done:
    """An accepted call: its event as a document. `replayed` says that it had been accepted before."""

    document: Document
    content_hash: bytes
    replayed: bool = False
    dry_run: bool = False


Result = Done | Refusal | Exception
