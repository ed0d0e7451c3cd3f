"""What the Python client knows of the ledger, made of its description: commands, their arguments, and amounts."""

import json
from collections.abc import Iterator
from typing import Any

from ledger_project.log.command import COMMANDS, Command
from ledger_project.web.api import openapi
from ledger_project.web.api.openapi import Document

HEAD = '''"""What the ledger's description says of commands and amounts. Written by `manage.py describe_client`."""


'''
POSTING = {"account", "amount"}


def page() -> str:
    """The text of client/src/ledger_client/_schema.py."""
    commands = {name: command for name, command in sorted(COMMANDS.items()) if not command.internal}
    schemas = [json.loads(openapi.document()), *(command.schema() for command in commands.values())]
    amounts = sorted({name for schema in schemas for name, each in _properties(schema) if _is_amount(each)})
    lines = [HEAD, f"AMOUNTS = frozenset({json.dumps(' '.join(amounts))}.split())\n"]
    lines += ["# By command: what it does, and its arguments as (name, kind, required).", "COMMANDS = {"]
    lines += [f"    {name!r}: ({command.headline!r}, {_arguments(command)!r})," for name, command in commands.items()]
    return "\n".join([*lines, "}", ""])


def _arguments(command: Command) -> tuple[tuple[str, str, bool], ...]:
    schemas = command.schema()["properties"]
    return tuple((name, _kind(schemas[name]), name not in command.optional) for name in command.fields)


def _kind(schema: Document) -> str:
    """What a person writes for it on a command line."""
    if _is_amount(schema):
        return "amount"
    schema = _without_null(schema)
    kind = schema.get("type")
    if kind == "array":
        inner = schema["items"]
        return "postings" if inner.get("properties", {}).keys() >= POSTING else f"list of {_kind(inner)}"
    if kind == "object":
        return "json" if "properties" in schema else "map"
    return {"boolean": "flag", "integer": "integer", "string": "text"}.get(str(kind), "json")


def _without_null(schema: Document) -> Document:
    if isinstance(schema.get("type"), list):
        return {**schema, "type": next(kind for kind in schema["type"] if kind != "null")}
    others = [each for each in schema.get("oneOf", ()) if each != {"type": "null"}]
    return _without_null(others[0]) if len(others) == 1 else schema


def _is_amount(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    return schema.get("format") == openapi.MINOR_UNITS or any(map(_is_amount, schema.get("oneOf", ())))


def _properties(node: Any) -> Iterator[tuple[str, Any]]:
    """Every property of every schema in a document, with its name."""
    if isinstance(node, list):
        for each in node:
            yield from _properties(each)
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from properties.items()
        for each in node.values():
            yield from _properties(each)
