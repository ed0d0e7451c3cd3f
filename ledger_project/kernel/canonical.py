"""The one byte form of a document: RFC 8785 canonical JSON, and its SHA-256.

Everything that is hashed or signed goes through here, so two programs that hold the same document hold the same bytes.
A document is made of dict (string keys), list, str, int, bool and None. Floats are refused because money has none and
they are the hard part of the RFC to get right in another language, integers beyond 2**53 - 1 because JavaScript rounds
them: amounts are decimal strings.
"""

import hashlib
import json
from typing import Any

import rfc8785

MAX_INTEGER = 2**53 - 1
# An explicit bound, because otherwise the depth of the caller's stack would decide whether a document can be hashed:
# one that was posted could then not be sealed, or not be verified by somebody else's program.
MAX_DEPTH = 64

# Circular references cannot get here: the depth bound stops them first.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def canonical(document: Any) -> bytes:
    """The RFC 8785 bytes of the document.

    Raises TypeError for a value (or key) of another type, ValueError for an integer out of range, a lone surrogate, or
    nesting deeper than MAX_DEPTH.
    """
    _require_plain(document, MAX_DEPTH)
    text = _encode(document)
    # RFC 8785 sorts keys by UTF-16 code units and Python by code points. The two orders differ only where a key holds a
    # character outside the basic plane, so ASCII text, nearly all of it, needs no further thought.
    if text.isascii():
        return text.encode("ascii")
    if _has_astral_key(document):
        return rfc8785.dumps(document)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a lone surrogate has no UTF-8 form") from error


def content_hash(document: Any) -> bytes:
    """SHA-256 of the canonical bytes: the leaf data of an event, and what its receipt repeats."""
    return hashlib.sha256(canonical(document)).digest()


def _require_plain(value: Any, depth: int) -> None:
    # The encoder itself would print floats and big integers, and turn number keys into strings, without a word. Strings
    # are passed over without a call because this runs for every posting, and most values are strings.
    if depth < 0:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str and not isinstance(key, str):
                raise TypeError(f"object keys are strings, not {type(key).__name__}")
            if type(item) is not str:
                _require_plain(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            if type(item) is not str:
                _require_plain(item, depth - 1)
    elif isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise ValueError(f"{value} is beyond 2**53 - 1: write it as a string")
    elif value is not None and not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} has no place in a hashed document")


def _has_astral_key(value: Any) -> bool:
    if isinstance(value, dict):
        return any(max(key, default="") > "\uffff" or _has_astral_key(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_astral_key(item) for item in value)
