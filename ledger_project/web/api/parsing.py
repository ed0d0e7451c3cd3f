"""Reading JSON strictly: one spelling of what is meant, or a refusal that says what is wrong.

Numbers that JSON allows and money does not (floats, NaN, endless integers) are read as values that no field takes, so
that the refusal names the field.
"""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, RawPostDataException
from django.http.request import UnreadablePostError
from rest_framework.parsers import BaseParser

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.repeats import first_twice
from ledger_project.web.api.errors import BadRequest, BodyTooLarge, LengthRequired, MalformedJson, UnsupportedMediaType

JSON = "application/json"
DIGITS_READ = 100  # of an integer; no field takes as many, and reading thousands costs their square

Decode = Callable[[str], Any]


def decoder(read_object: Callable[[list[tuple[str, Any]]], Any]) -> Decode:
    """Of JSON whose objects are what `read_object` makes of their members."""
    return json.JSONDecoder(object_pairs_hook=read_object, parse_int=lambda digits: int(digits[:DIGITS_READ])).decode


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise InvalidRequest(field=(first_twice(name for name, _ in pairs) or "")[:300], reason="given twice")
    return made


_decode = decoder(_object)


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object from UTF-8 bytes; nothing at all is the empty object. Refuses: MalformedJson, InvalidRequest."""
    if not body:
        return {}
    value = parse_json(body, _decode)
    if not isinstance(value, dict):
        raise MalformedJson(reason="not an object")
    return value


def parse_json(body: bytes, decode: Decode) -> Any:
    """A JSON value from UTF-8 bytes. Refuses: MalformedJson."""
    try:
        return decode(body.decode())
    except UnicodeDecodeError as error:
        raise MalformedJson(reason=f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedJson(reason=f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise MalformedJson(reason="nested too deep") from error


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that a request carries. Refuses: as `read_body`, then as `parse_object`."""
    return parse_object(read_body(request))


def read_body(request: HttpRequest, *media_types: str) -> bytes:
    """What a request carries, of one of these media types (of JSON).

    Refuses: LengthRequired, BodyTooLarge, UnsupportedMediaType, BadRequest.
    """
    meta = request.META
    if "HTTP_TRANSFER_ENCODING" in meta:
        raise LengthRequired()
    length = meta.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal()):
        raise BadRequest(reason="the Content-Length is not a number")
    if len(length) > 18 or int(length) > settings.BODY_LIMIT:
        raise BodyTooLarge(limit=settings.BODY_LIMIT)
    if length == "0":
        return b""
    if meta.get("CONTENT_TYPE") != JSON:
        _require_one_of(media_types or (JSON,), meta.get("CONTENT_TYPE", ""))
    try:
        return request.body
    except (UnreadablePostError, RawPostDataException) as error:
        raise BadRequest(reason="the body ended early") from error


def media_type_of(content_type: str) -> str:
    """It alone, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _require_one_of(media_types: tuple[str, ...], content_type: str) -> None:
    """If need be with the one charset that they can have."""
    if media_type_of(content_type) not in media_types:
        raise UnsupportedMediaType(content_type=content_type[:200])
    parameters = content_type.partition(";")[2]
    for parameter in filter(None, map(str.strip, parameters.split(";"))):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip('" ').lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(content_type=content_type[:200])


class StrictJSONParser(BaseParser):
    """The same for DRF's views."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return read_object(parser_context["request"]._request)
