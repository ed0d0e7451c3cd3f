"""docs/keys.md: what each kind of key may do at each address, from what commands and views declare of themselves."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from ledger_project.kernel.fields import IdField, RefField
from ledger_project.log.command import COMMANDS, Command
from ledger_project.web.api.bulk import bulk_commands
from ledger_project.web.api.commands import CommandView, LightView
from ledger_project.web.api.sight import Everybodys, lets_in

INTRODUCTION = """\
# What each key may do

Made from what commands and views declare of themselves: `python manage.py describe_keys > docs/keys.md`. A tenant's key
does what its scopes allow; a key of one account does it as that account and sees that account alone; a read-only key
has the scope `read`. [The API](api.md#keys-of-one-account) tells the rules in words.
"""
READING = """\
## What is read

| address | tenant's key | key of this account | key of another account | read-only key |
|---|---|---|---|---|
"""
CHANGING = """\
## What is changed

Each needs the scope of its command, and for some arguments one more. *Platform* commands are made for the platform's
accounts; any other command takes from those only for a key that has `journal.platform`, too. *Internal* ones are the
ledger's own. "Own" are the arguments in which a key of an account may name that account alone; where there are none, it
names what is its own, and nothing else is there.

| command | scope | address | tenant's key | key of this account | key of another account | read-only key |
|---|---|---|---|---|---|---|
"""
BESIDE = """\
## Beside the commands

| address | needs | what it does |
|---|---|---|
"""


def addresses() -> Iterator[tuple[str, Any]]:
    """Every address of the ledger with its view: a class of DRF's, or else a function."""
    yield from _below(get_resolver(), "")


def _below(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _below(each, path)
        elif isinstance(each, URLPattern):
            yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), getattr(each.callback, "cls", each.callback)


def views() -> list[tuple[str, type[APIView]]]:
    """Those that a key opens, by address."""
    found = [(path, view) for path, view in addresses() if isinstance(view, type) and issubclass(view, APIView)]
    return sorted((path, view) for path, view in found if getattr(view, "authentication_classes", ()))


def reads(view: type[APIView]) -> bool:
    """Whether a view answers GET."""
    view_of: Any = view()
    light = view_of.light_methods if isinstance(view_of, LightView) else ()
    return "GET" in light or (hasattr(view, "get") and "GET" not in getattr(view, "commands", {}))


def seen(path: str, view: type[APIView]) -> tuple[int, int]:
    """The statuses that a key of this account is answered with, and a key of another."""
    if not lets_in(view):
        return 403, 403
    apart = "{" in path and not isinstance(view.for_account_keys, Everybodys)  # type: ignore[attr-defined]
    return 200, 404 if apart else 200


def page() -> str:
    """The whole document."""
    rows = [_read_row(path, view) for path, view in views() if reads(view)]
    places = _places()
    changes = [_command_row(command, places.get(command.name, [])) for command in COMMANDS.values()]
    beside = [_beside_row(path, view) for path, view in views() if _is_beside(view)]
    parts = [(INTRODUCTION, []), (READING, rows), (CHANGING, changes), (BESIDE, beside)]
    return "\n".join(head + "".join(f"{row}\n" for row in rows) for head, rows in parts)


def _read_row(path: str, view: type[APIView]) -> str:
    own, other = seen(path, view)
    if own == 403:
        return _row(f"`GET {path}`", "200", "403", "403", "200")
    sight: Any = view.for_account_keys  # type: ignore[attr-defined]
    everybodys = isinstance(sight, Everybodys)
    theirs = str(other) if other != 200 or everybodys else "200, none of it"
    return _row(f"`GET {path}`", "200", f"200, {sight.says}", theirs, "200")


def _places() -> dict[str, list[str]]:
    """Where commands are sent to."""
    found: dict[str, list[str]] = {}
    for path, view in views():
        named = dict(view.commands) if issubclass(view, CommandView) else {}
        if isinstance(getattr(view, "command", None), str):
            named["POST"] = view.command  # type: ignore[attr-defined]
        for method, name in named.items():
            found.setdefault(name, []).append(f"`{method} {path}`")
    return found


def _command_row(command: Command, places: list[str]) -> str:
    more = [f"`{each}`" for each in command.needs(defaultdict(lambda: 1))]  # as if every argument were given
    scope = f"`{command.permission}`" + (f", for some {', '.join(more)}" if more else "")
    if command.name in bulk_commands():
        places = [*places, "bulk"]
    marks = [mark for mark, is_so in (("platform", command.platform), ("internal", command.internal)) if is_so]
    named = f"`{command.name}`" + (f" ({', '.join(marks)})" if marks else "")
    if command.internal:
        return _row(named, scope, "none", "403", "403", "403", "403")
    if command.own is None:
        own, other = "403", "403"
    elif command.own:
        own, other = "201, own " + ", ".join(f"`{name}`" for name in sorted(command.own)), "403"
    else:
        own, other = "201", "404" if _names_something(command) else "201, for its own"
    return _row(named, scope, ", ".join(places) or "none", "201", own, other, "403")


def _names_something(command: Command) -> bool:
    """Whether an argument names a row."""
    return any(isinstance(field, IdField | RefField) for field in command.fields.values())


def _is_beside(view: type[APIView]) -> bool:
    if not issubclass(view, LightView) or issubclass(view, CommandView):
        return False
    return "POST" in view().light_methods and not isinstance(getattr(view, "command", None), str)


def _beside_row(path: str, view: type[APIView]) -> str:
    scopes = " or ".join(f"`{each}`" for each in getattr(view, "scopes", ())) or "each command's own"
    return _row(f"`POST {path}`", scopes, " ".join((view.__doc__ or "").partition("\n\n")[0].split()))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
