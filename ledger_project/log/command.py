"""Declaring a command: one function, from which everything else follows.

    @command(event="transfer.posted", refuses=(AccountNotFound, InsufficientFunds))
    def transfer(books: Books, *, from_account: AccountRef, to_account: AccountRef, amount: Amount) -> None:
        \"""Move money from one account to another.\"""

The function is the command's *plan*: pure over rows that the executor has locked. The keyword-only parameters are the
call's arguments; their annotations say how they are read and which rows they refer to. The name is at once the
command, the permission and the event's `command`; `refuses` lists its refusals in the order they are checked.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from ledger_project.kernel.errors import Forbidden, IdempotencyKeyReused, Refusal
from ledger_project.kernel.fields import Field, Want, object_schema, parse_all
from ledger_project.log.caller import Caller
from ledger_project.log.unit import Unit

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A declared command; `docs/commands.md` and the OpenAPI document are made from these."""

    name: str
    event: str
    permission: str
    plan: Callable[..., None]
    books: type[Unit]
    fields: Mapping[str, Field]
    optional: Mapping[str, Any]
    refuses: tuple[type[Refusal], ...]
    also_wants: Callable[[Arguments], Iterable[Want]]
    secrets: frozenset[str]
    seed_events: tuple[str, ...]
    internal: bool
    own: frozenset[str] | None
    platform: bool
    unbudgeted: str
    changes_rules: bool
    identity: Callable[[Arguments], str] | None
    differs: type[Refusal]
    needs: Callable[[Arguments], Iterable[str]]
    beforehand: Callable[[Arguments], None]

    def require(self, caller: Caller) -> None:
        """Whether this caller may send the command at all. Refuses: Forbidden."""
        if self.internal and not caller.is_system:
            raise Forbidden(reason="the ledger gives this command to itself")
        caller.require(self.permission)
        if caller.account is not None and self.own is None:
            raise Forbidden(reason="this command is the tenant's; an account's own key cannot send it")

    def parse(self, raw: Mapping[str, Any]) -> Arguments:
        """The call's arguments from JSON, or a refusal that names the field."""
        arguments = parse_all(self.fields, self.optional, raw)
        self.beforehand(arguments)
        return arguments

    def render(self, arguments: Arguments) -> dict[str, Any]:
        """The arguments as the log keeps them: canonical, and without what was left at its default."""
        rendered = {}
        for name, field in self.fields.items():
            value = arguments[name]
            if name not in self.optional or value != self.optional[name]:
                rendered[name] = field.render(value)
        return rendered

    def wants(self, arguments: Arguments) -> Iterable[Want]:
        """The rows to lock: those that arguments refer to, and those that the command always needs."""
        for name, field in self.fields.items():
            if arguments[name] is not None:
                yield from field.wants(arguments[name])
        if self.changes_rules:
            yield "revision", None
        yield from self.also_wants(arguments)

    def schema(self) -> dict[str, Any]:
        """The arguments as a JSON schema."""
        return object_schema(self.fields, self.optional)

    @property
    def summary(self) -> str:
        return inspect.getdoc(self.plan) or ""

    @property
    def headline(self) -> str:
        """The first sentence of it, for lists and menus."""
        paragraph = " ".join(self.summary.partition("\n\n")[0].split())
        return re.split(r"(?<=[.:]) (?=[A-Z`])|; ", paragraph)[0].rstrip(".:") + "."


COMMANDS: dict[str, Command] = {}


def command(
    *,
    event: str,
    refuses: tuple[type[Refusal], ...] = (),
    also_wants: Callable[[Arguments], Iterable[Want]] = lambda arguments: (),
    secrets: Iterable[str] = (),
    seed_events: tuple[str, ...] = (),
    internal: bool = False,
    own: Iterable[str] | None = None,
    platform: bool = False,
    unbudgeted: str = "",
    changes_rules: bool = False,
    identity: Callable[[Arguments], str] | None = None,
    differs: type[Refusal] = IdempotencyKeyReused,
    needs: Callable[[Arguments], Iterable[str]] = lambda arguments: (),
    beforehand: Callable[[Arguments], None] = lambda arguments: None,
) -> Callable[[Callable[..., None]], Command]:
    """Declare the decorated plan as a command.

    `also_wants` names rows that follow from the arguments without being one of them (the fee account of a payment);
    `secrets` are arguments that a repeated call need not repeat (the digest of a fresh key); `seed_events` are the
    names that the event has in the system it comes from; `beforehand` does with the arguments what takes long, such as
    reading a file, before the call waits for others or others for it.

    Who may send it: an `internal` command, nobody but the ledger itself. `own` are the arguments that an account's own
    key may give only as its account; without `own`, such keys cannot send the command. A `platform` command is made for
    the platform's accounts, so it may take from them and may make money; for others that is a right of its own. `needs`
    are the further permissions that arguments call for.

    Whatever takes from an account asks the budgets on its way. A `platform` command does not, and `unbudgeted` says why
    another one does not. `changes_rules`: it changes what processes remember of a tenant (rules.py).
    `identity` names a call by what it is about, for ever: that is its idempotency key, whatever key the caller gives,
    and `differs` is the refusal of other content under it.
    """

    def declare(plan: Callable[..., None]) -> Command:
        name = plan.__name__
        if name in COMMANDS:
            raise ValueError(f"command {name} is declared twice")
        hints = get_type_hints(plan, include_extras=True)
        first, *parameters = inspect.signature(plan).parameters.values()
        books: type[Unit] = hints[first.name]
        why = unbudgeted or ("what the platform does is no payment of the account's" if platform else "")
        declared = Command(
            name=name,
            event=event,
            permission=f"{_app(plan.__module__)}.{name}",
            plan=plan,
            books=books,
            fields={parameter.name: _field(hints[parameter.name]) for parameter in parameters},
            optional={p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty},
            refuses=refuses if why else (*refuses, *books.asks),
            also_wants=also_wants,
            secrets=frozenset(secrets),
            seed_events=seed_events,
            internal=internal,
            own=None if own is None else frozenset(own),
            platform=platform,
            unbudgeted=why,
            changes_rules=changes_rules,
            identity=identity,
            differs=differs,
            needs=needs,
            beforehand=beforehand,
        )
        COMMANDS[name] = declared
        return declared

    return declare


def _app(module: str) -> str:
    """The app that a module belongs to: the first part of its path within the project."""
    return module.removeprefix("ledger_project.").partition(".")[0]


def _field(hint: Any) -> Field:
    """The field that an annotation carries; `X | None` is the same field."""
    if get_origin(hint) in (Union, UnionType):
        return next(_field(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Annotated:
        return next(part for part in reversed(hint.__metadata__) if isinstance(part, Field))
    raise TypeError(f"{hint} carries no field")
