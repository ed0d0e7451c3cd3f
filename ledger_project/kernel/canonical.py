"""The one byte form of a document: RFC 8785 canonical JSON, and its SHA-256.

Everything that is hashed or signed goes through here, so two programs that hold the same document hold the same bytes.
A document is made of dict (string keys), list, str, int, bool and None. Floats are refused because money has none and
they are the hard part of the RFC to get right in another language, integers beyond 2**53 - 1 because JavaScript rounds
them: amounts are decimal strings.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import orjson
import rfc8785

MAX_INTEGER = 2**53 - 1
# An explicit bound, because otherwise the depth of the caller's stack would decide whether a document can be hashed:
# one that was posted could then not be sealed, or not be verified by somebody else's program.
MAX_DEPTH = 64


def canonical(document: Any) -> bytes:
    """The RFC 8785 bytes of the document.

    Raises TypeError for a value (or key) of another type, ValueError for an integer out of range, a lone surrogate, or
    nesting deeper than MAX_DEPTH.
    """
    _require_plain((document,), MAX_DEPTH + 1)
    try:
        encoded = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _of_odd_strings(document)
    # RFC 8785 sorts keys by UTF-16 code units and orjson by code points. The two orders differ only where a key holds a
    # character outside the basic plane, so ASCII text, nearly all of it, needs no further thought.
    if not encoded.isascii() and _has_astral_key(document):
        return rfc8785.dumps(document)
    return encoded


def content_hash(document: Any) -> bytes:
    """SHA-256 of the canonical bytes: the leaf data of an event, and what its receipt repeats."""
    return hashlib.sha256(canonical(document)).digest()


def plain(document: Any) -> str:
    """JSON as it comes, for a `json` column: nobody hashes these bytes."""
    return orjson.dumps(document).decode()


def _of_odd_strings(document: Any) -> bytes:
    """Of a document whose keys are enumerations of strings, or that has half a character somewhere."""
    try:
        return rfc8785.dumps(json.loads(json.dumps(document)))
    except UnicodeEncodeError as error:
        raise ValueError("a lone surrogate has no UTF-8 form") from error


def _require_plain(values: Iterable[Any], depth: int) -> None:
    # An encoder would print floats and big integers, and much else, without a word. Only what holds other values is
    # looked into by a call, because this runs for every posting.
    if depth < 0:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    for value in values:
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is int:
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise ValueError(f"{value} is beyond 2**53 - 1: write it as a string")
        elif kind is dict:
            for key in value:
                if type(key) is not str and not isinstance(key, str):
                    raise TypeError(f"object keys are strings, not {type(key).__name__}")
            _require_plain(value.values(), depth - 1)
        elif kind is list:
            _require_plain(value, depth - 1)
        elif not isinstance(value, str):
            raise TypeError(f"{kind.__name__} has no place in a hashed document")


def _has_astral_key(value: Any) -> bool:
    if isinstance(value, dict):
        return any(max(key, default="") > "\uffff" or _has_astral_key(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_astral_key(item) for item in value)
