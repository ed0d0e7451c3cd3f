"""Names in other tools' grammars: read back they are the same, so no two of ours are one of theirs."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.rows import Bucket
from journal.exports import names

ODD = [
    "alice",
    "Alice",
    "did:web:a.example:agents:7",
    "0xAbC",
    "a:held",
    "a:Held",
    "a:feePool",
    "a::b",
    ":",
    "two  blanks",
    "a;b",
    "(x)",
    "é",
    "É",
    "日本",
    "X-00a",
    "%00",
    "-",
    "a|b",
]
NAMES = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
)
CODES = st.from_regex(r"\A[A-Za-z0-9._:-]{1,32}\Z")
CURRENCY = re.compile(r"[A-Z][A-Z0-9'._-]*[A-Z0-9]")
ACCOUNT = re.compile(r"Liabilities(:[A-Z0-9][A-Za-z0-9-]*)+")


def read_beancount(path: str) -> tuple[str, str]:
    """By the rules that docs/exports.md gives."""
    _, *parts, bucket = path.split(":")
    return ":".join(map(read_part, parts)), bucket


def read_part(part: str) -> str:
    if part.startswith("X-00"):
        return unquote(part[4:].replace("-", "%"))
    return unquote((part[0].lower() + part[1:]).replace("-", "%"))


def read_hledger(path: str) -> tuple[str, str]:
    _, *parts, bucket = path.split(":")
    return ":".join(unquote(part.removeprefix("%00")) for part in parts), bucket


def read_currency(code: str) -> str:
    code = code.removeprefix("X'1").removesuffix("'2").replace("'0", ":")
    return re.sub(r"'(.)", lambda shape: shape[1].lower(), code)


@given(NAMES, st.sampled_from(Bucket))
def test_an_accounts_name_is_a_path_of_each_grammar_and_read_back(name, bucket):
    beancount = names.beancount_account("liability", name, bucket)
    hledger = names.hledger_account("liability", name, bucket)

    assert ACCOUNT.fullmatch(beancount)
    assert not re.search(r"\s|[;()\[\]\"|*]", hledger)
    assert read_beancount(beancount) == (name, names.BEANCOUNT_BUCKETS[bucket])
    assert read_hledger(hledger) == (name, bucket.label)


@given(NAMES, NAMES)
@example("a", "a:held")
@example("a", "a:fee_pool")
def test_no_account_lies_below_anothers_bucket(name, other):
    """Tools add what lies below to what is above it, and a bucket's sum must be its own."""
    leaves = [names.beancount_account("liability", name, bucket) for bucket in Bucket]
    leaves += [names.hledger_account("liability", name, bucket) for bucket in Bucket]
    below = (
        names.beancount_account("liability", other, Bucket.HELD),
        names.hledger_account("liability", other, Bucket.HELD),
    )

    assert not any(path.startswith(f"{leaf}:") for leaf in leaves for path in below)


@given(CODES)
@example("TRUE")
@example("V")
@example("v")
@example("usd.e")
@example("a:b_")
@example("-")
def test_a_currencys_code_is_one_of_beancount_and_read_back(code):
    written = names.beancount_currency(code)

    assert CURRENCY.fullmatch(written)
    assert written not in {"TRUE", "FALSE", "NULL"}
    assert read_currency(written) == code


@pytest.mark.parametrize(
    ("name", "beancount", "hledger"),
    [
        ("agent:007", "Liabilities:Agent:007:Available", "liabilities:agent:007:available"),
        (
            "did:web:a.example",
            "Liabilities:Did:Web:A-2eexample:Available",
            "liabilities:did:web:a.example:available",
        ),
        ("Bob Ö", "Liabilities:X-00Bob-20-c3-96:Available", "liabilities:Bob%20Ö:available"),
        ("a:held", "Liabilities:A:X-00held:Available", "liabilities:a:%00held:available"),
    ],
)
def test_the_examples_of_the_documentation(name, beancount, hledger):
    assert names.beancount_account("liability", name, Bucket.AVAILABLE) == beancount
    assert names.hledger_account("liability", name, Bucket.AVAILABLE) == hledger
