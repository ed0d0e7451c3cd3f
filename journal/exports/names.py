"""Names of accounts and currencies in the grammars of other tools: injective, so no two of ours become one of theirs.

An account's name becomes a path: `agent:7` is `Liabilities:Agent:7:Available`, one leaf for each bucket. What a
grammar does not allow is written as its UTF-8 bytes in hex behind an escape character, as a URL does behind `%`.
docs/exports.md has the rules for readers of an export; `tests/test_export_names.py` reads them back.
"""

import re

from accounts.rows import Bucket

_BEANCOUNT_PLAIN = re.compile(r"[A-Za-z0-9]")
_HLEDGER_PLAIN = re.compile(r"[A-Za-z0-9_.@~+-]")
_CURRENCY = re.compile(r"[A-Z][A-Z0-9._-]*[A-Z0-9]")
_KEYWORDS = {"TRUE", "FALSE", "NULL"}  # which beancount reads as values

BEANCOUNT_ROOTS = {
    "asset": "Assets",
    "liability": "Liabilities",
    "equity": "Equity",
    "revenue": "Income",
    "expense": "Expenses",
}
HLEDGER_ROOTS = {
    "asset": "assets",
    "liability": "liabilities",
    "equity": "equity",
    "revenue": "revenues",
    "expense": "expenses",
}
BEANCOUNT_BUCKETS = {bucket: bucket.label.title().replace("_", "") for bucket in Bucket}
HLEDGER_BUCKETS = {bucket: bucket.label for bucket in Bucket}


def beancount_account(type_: str, name: str, bucket: Bucket) -> str:
    """`did:web:a.example` is `Liabilities:Did:Web:A-2eexample:Available`."""
    parts = [_beancount_part(part) for part in name.split(":")]
    return ":".join([BEANCOUNT_ROOTS[type_], *parts, BEANCOUNT_BUCKETS[bucket]])


def _beancount_part(part: str) -> str:
    """Parts begin with a capital there. One that cannot, or that would look like a bucket, is marked with `X-00`."""
    written = _escaped(part, _BEANCOUNT_PLAIN, "-")
    first = part[:1]
    capitalised = written[:1].upper() + written[1:]
    fits = first.isascii() and (first.islower() or first.isdigit())
    return capitalised if fits and capitalised not in BEANCOUNT_BUCKETS.values() else f"X-00{written}"


def hledger_account(type_: str, name: str, bucket: Bucket) -> str:
    """`did:web:a.example` is `liabilities:did:web:a.example:available`."""
    parts = [_hledger_part(part) for part in name.split(":")]
    return ":".join([HLEDGER_ROOTS[type_], *parts, HLEDGER_BUCKETS[bucket]])


def _hledger_part(part: str) -> str:
    """Letters and digits of all scripts stay. A part that is empty or looks like a bucket is marked with `%00`."""
    marked = not part or part in HLEDGER_BUCKETS.values()
    return ("%00" if marked else "") + _escaped(part, _HLEDGER_PLAIN, "%", scripts=True)


def percent(text: str, unsafe: str) -> str:
    """Text with these characters, and `%`, written as in a URL."""
    return "".join(_bytes_of(one, "%") if one in unsafe or one == "%" else one for one in text)


def _escaped(text: str, plain: re.Pattern[str], escape: str, *, scripts: bool = False) -> str:
    def written(one: str) -> str:
        stays = plain.fullmatch(one) or (scripts and not one.isascii() and one.isalnum())
        return one if stays else _bytes_of(one, escape)

    return "".join(map(written, text))


def _bytes_of(one: str, escape: str) -> str:
    return "".join(f"{escape}{byte:02x}" for byte in one.encode())


def beancount_currency(code: str) -> str:
    """`CRD` stays; in other codes `'` comes before a letter that is small, `'0` is a colon.

    A code that begins or ends with what beancount does not allow there has `X'1` in front or `'2` behind.
    """
    if _CURRENCY.fullmatch(code) and code not in _KEYWORDS:
        return code
    written = "".join(f"'{one.upper()}" if one.islower() else "'0" if one == ":" else one for one in code)
    # One letter is a currency there, but also a transaction's flag.
    front = "" if written[:1].isupper() and len(written) > 1 and code not in _KEYWORDS else "X'1"
    return f"{front}{written}{'' if written[-1:].isalnum() else chr(39) + '2'}"


def hledger_currency(code: str) -> str:
    """In quotes, where anything may stand that a code can have."""
    return f'"{code}"'
