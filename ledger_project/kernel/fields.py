"""The arguments of commands: strict on the way in, canonical on the way into the log, described for OpenAPI.

A command's parameter is annotated with one of the types at the end of this module (`Amount`, `AccountRef` …), which
carry a field. `parse` takes JSON as it came and gives a Python value or refuses naming the field; `render` gives
the JSON that the log keeps, so two spellings of one value (10 and "10") are one value.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from ledger_project.kernel import clock, identity, ids, money
from ledger_project.kernel.errors import InvalidAmount, InvalidRequest, UnknownField

Want = tuple[str, Any]

_DIGITS = re.compile(r"-?(0|[1-9][0-9]*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # the last are halves of characters


class Field:
    """One parameter's form. `wants` names the rows that the value refers to, so the executor can lock them."""

    def parse(self, raw: Any, name: str) -> Any:
        raise NotImplementedError

    def render(self, value: Any) -> Any:
        return value

    def wants(self, value: Any) -> Iterable[Want]:
        return ()

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class AmountField(Field):
    """Minor units: a JSON integer or a string of digits; bools, floats and exponents are refused."""

    minimum: int | None = 1
    nonzero: bool = False

    def parse(self, raw: Any, name: str) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int | str):
            raise InvalidAmount(field=name, reason="not an integer or a string of digits")
        if isinstance(raw, str):
            if len(raw) > money.MAX_DIGITS + 1 or not _DIGITS.fullmatch(raw):
                raise InvalidAmount(field=name, reason="not a string of at most 38 digits")
            raw = int(raw)
        if not -money.LIMIT < raw < money.LIMIT:
            raise InvalidAmount(field=name, reason="more than 38 digits")
        if self.minimum is not None and raw < self.minimum:
            raise InvalidAmount(field=name, reason=f"below {self.minimum}")
        if self.nonzero and raw == 0:
            raise InvalidAmount(field=name, reason="zero")
        return raw

    def render(self, value: int) -> str:
        return str(value)

    def schema(self) -> dict[str, Any]:
        digits = "[1-9][0-9]{0,37}" if self.minimum == 1 else "(0|[1-9][0-9]{0,37})"
        lowest = 1 - money.LIMIT if self.minimum is None else self.minimum
        return {
            "oneOf": [
                {"type": "string", "format": "minor-units", "pattern": f"^{'-?' if lowest < 0 else ''}{digits}$"},
                {"type": "integer", "minimum": lowest, "maximum": money.LIMIT - 1},
            ],
            "description": "Minor units of the currency.",
            "example": "100",
        }


@dataclass(frozen=True)
class TextField(Field):
    """A string of `minimum` to `maximum` characters without control characters."""

    maximum: int = 255
    minimum: int = 1
    pattern: str | None = None
    forbidden: str = ""

    def parse(self, raw: Any, name: str) -> str:
        if not isinstance(raw, str):
            raise InvalidRequest(field=name, reason="not a string")
        if not self.minimum <= len(raw) <= self.maximum:
            raise InvalidRequest(field=name, reason=f"not {self.minimum} to {self.maximum} characters long")
        if _CONTROL.search(raw):
            raise InvalidRequest(field=name, reason="has a control character")
        if self.pattern and not re.fullmatch(self.pattern, raw):
            raise InvalidRequest(field=name, reason=f"does not match {self.pattern}")
        if self.forbidden and any(character in raw for character in self.forbidden):
            raise InvalidRequest(field=name, reason=f"has one of {self.forbidden!r}")
        return raw

    def schema(self) -> dict[str, Any]:
        pattern = {"pattern": f"^{self.pattern}$"} if self.pattern else {}
        return {"type": "string", "minLength": self.minimum, "maxLength": self.maximum, **pattern}


@dataclass(frozen=True)
class ExternalRefField(TextField):
    """An identity that others gave: a transaction's hash, a payment's id. Blanks around it are not part of it.

    Two spellings of one identity are compared by `identity.fold`.
    """

    def parse(self, raw: Any, name: str) -> str:
        value = super().parse(identity.tidy(raw) if isinstance(raw, str) else raw, name)
        if reason := identity.unfit(value):
            raise InvalidRequest(field=name, reason=reason)
        return value


@dataclass(frozen=True)
class RefField(TextField):
    """The id or the name of a row of `kind`, which is locked before the plan runs."""

    kind: str = "account"
    forbidden: str = "/"

    def wants(self, value: str) -> Iterable[Want]:
        return ((self.kind, value),)


@dataclass(frozen=True)
class IdField(Field):
    """A public id with its prefix, of a row of `kind`."""

    prefix: str
    kind: str

    def parse(self, raw: Any, name: str) -> UUID:
        value = ids.read(self.prefix, raw) if isinstance(raw, str) else None
        if value is None:
            raise InvalidRequest(field=name, reason=f"not an id of the form {self.prefix}_ and 32 hex digits")
        return value

    def render(self, value: UUID) -> str:
        return ids.show(self.prefix, value)

    def wants(self, value: UUID) -> Iterable[Want]:
        return ((self.kind, value),)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.prefix}_[0-9a-f]{{32}}$"}


@dataclass(frozen=True)
class ChoiceField(Field):
    """One of a few words."""

    choices: tuple[str, ...]

    def parse(self, raw: Any, name: str) -> str:
        if not isinstance(raw, str) or raw not in self.choices:
            raise InvalidRequest(field=name, reason="not one of " + ", ".join(self.choices))
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.choices)}


class FlagField(Field):
    """true or false."""

    def parse(self, raw: Any, name: str) -> bool:
        if not isinstance(raw, bool):
            raise InvalidRequest(field=name, reason="not true or false")
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class WholeNumberField(Field):
    """A small JSON integer within bounds."""

    minimum: int
    maximum: int

    def parse(self, raw: Any, name: str) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int) or not self.minimum <= raw <= self.maximum:
            raise InvalidRequest(field=name, reason=f"not a whole number from {self.minimum} to {self.maximum}")
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


class MomentField(Field):
    """An RFC 3339 time with its offset, between the years 1970 and 9999."""

    def parse(self, raw: Any, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(raw) if isinstance(raw, str) and len(raw) <= 40 else None
            moment = moment and moment.astimezone(UTC) if moment is not None and moment.tzinfo else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None or moment.year < 1970:
            raise InvalidRequest(field=name, reason="not an RFC 3339 time with an offset")
        return moment

    def render(self, value: datetime) -> str:
        return clock.stamp(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True)
class MapField(Field):
    """A small map of strings; numbers and flags are allowed as values, floats and nesting are not."""

    entries: int = 32
    strings_only: bool = False
    value: TextField = TextField(maximum=1024, minimum=0)

    def parse(self, raw: Any, name: str) -> dict[str, Any]:
        if not isinstance(raw, dict) or len(raw) > self.entries:
            raise InvalidRequest(field=name, reason=f"not an object of at most {self.entries} entries")
        raw, key_form = dict(raw), TextField(maximum=64)
        for key, value in raw.items():
            key_form.parse(key, name)
            if any(character > "\uffff" for character in key):
                # UTF-16 and code point order differ above U+FFFF, and canonical JSON sorts keys.
                raise InvalidRequest(field=name, reason="a key has a character above U+FFFF")
            if isinstance(value, str):
                raw[key] = self.value.parse(value, f"{name}.{key}")
            elif self.strings_only or not (value is None or isinstance(value, bool | int)):
                raise InvalidRequest(field=f"{name}.{key}", reason="not a string")
            elif isinstance(value, int) and abs(value) >= 2**53:
                raise InvalidRequest(field=f"{name}.{key}", reason="write integers of 2^53 and more as strings")
        # In the order in which jsonb keeps keys, so that an answer and its replay are the same to the byte.
        return dict(sorted(raw.items(), key=lambda entry: (len(entry[0].encode()), entry[0].encode())))

    def schema(self) -> dict[str, Any]:
        values = [{"type": "string", "maxLength": 1024}]
        if not self.strings_only:
            values += [{"type": "integer"}, {"type": "boolean"}, {"type": "null"}]
        return {"type": "object", "additionalProperties": {"oneOf": values}, "maxProperties": self.entries}


@dataclass(frozen=True, eq=False)  # compared by identity: its maps have no hash, and `X | None` asks for one
class RecordField(Field):
    """An object with fields of its own."""

    fields: Mapping[str, Field]
    optional: Mapping[str, Any]

    def parse(self, raw: Any, name: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise InvalidRequest(field=name, reason="not an object")
        return parse_all(self.fields, self.optional, raw, f"{name}.")

    def render(self, value: dict[str, Any]) -> dict[str, Any]:
        return {name: field.render(value[name]) for name, field in self.fields.items() if value[name] is not None}

    def wants(self, value: dict[str, Any]) -> Iterable[Want]:
        given = ((field, value[name]) for name, field in self.fields.items() if value[name] is not None)
        return (want for field, each in given for want in field.wants(each))

    def schema(self) -> dict[str, Any]:
        return object_schema(self.fields, self.optional)


@dataclass(frozen=True)
class ListField(Field):
    """A bounded list of one kind of value."""

    item: Field
    maximum: int
    minimum: int = 0

    def parse(self, raw: Any, name: str) -> list[Any]:
        if not isinstance(raw, list) or not self.minimum <= len(raw) <= self.maximum:
            raise InvalidRequest(field=name, reason=f"not a list of {self.minimum} to {self.maximum}")
        return [self.item.parse(item, f"{name}[{index}]") for index, item in enumerate(raw)]

    def render(self, value: list[Any]) -> list[Any]:
        return [self.item.render(item) for item in value]

    def wants(self, value: list[Any]) -> Iterable[Want]:
        return (want for item in value for want in self.item.wants(item))

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "minItems": self.minimum, "maxItems": self.maximum}


def parse_all(
    fields: Mapping[str, Field], optional: Mapping[str, Any], raw: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Every field of an object: unknown ones and missing ones are refused by name; null means "not given"."""
    for name in raw:
        if name not in fields:
            raise UnknownField(field=f"{prefix}{name}"[:300])
    values = {}
    for name, field in fields.items():
        given = raw.get(name)
        if given is not None:
            values[name] = field.parse(given, f"{prefix}{name}")
        elif name in optional:
            values[name] = optional[name]
        else:
            raise InvalidRequest(field=f"{prefix}{name}", reason="missing")
    return values


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, or null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def object_schema(fields: Mapping[str, Field], optional: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object of these fields."""
    properties = {}
    for name, field in fields.items():
        schema = dict(field.schema())
        if optional.get(name) is not None and not isinstance(optional[name], dict | list):
            schema["default"] = optional[name]
        properties[name] = nullable(schema) if name in optional else schema
    required = [name for name in fields if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


Amount = Annotated[int, AmountField()]
Limit = Annotated[int, AmountField(minimum=0)]
SignedAmount = Annotated[int, AmountField(minimum=None, nonzero=True)]
Text = Annotated[str, TextField()]
ExternalRef = Annotated[str, ExternalRefField()]
LongText = Annotated[str, TextField(maximum=1000)]
Flag = Annotated[bool, FlagField()]
Moment = Annotated[datetime, MomentField()]
Metadata = Annotated[dict[str, Any], MapField()]
References = Annotated[
    dict[str, str], MapField(strings_only=True, entries=16, value=ExternalRefField(maximum=1024, minimum=0))
]
