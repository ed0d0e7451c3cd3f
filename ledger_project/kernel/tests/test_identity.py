"""What a name or a reference means, in Python and in PostgreSQL."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_project.kernel.identity import BLANKS, fold, tidy, unfit
from ledger_project.log.queries import read

pytestmark = pytest.mark.slow

HASH = "Ab" * 32
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("alice", "alice"),
        ("  alice\u3000", "alice"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u212aRD", "KRD"),
        (ADDRESS, ADDRESS.lower()),
        (ADDRESS.replace("0x", "0X"), ADDRESS.lower()),
        (ADDRESS[2:], ADDRESS[2:]),
        (ADDRESS + "0", ADDRESS + "0"),
        (ADDRESS[:-1], ADDRESS[:-1]),
        (HASH, "0x" + "ab" * 32),
        ("0X" + HASH, "0x" + "ab" * 32),
        (HASH + "0", HASH + "0"),
        (f"did:pkh:eip155:1:{ADDRESS}", f"did:pkh:eip155:1:{ADDRESS.lower()}"),
        (f"{ADDRESS}:{HASH}:EUR", f"{ADDRESS.lower()}:0x{'ab' * 32}:EUR"),
        (f"base-{ADDRESS}", f"base-{ADDRESS}"),
        ("5KtPn1LGuxhFiwjxErkxTb7XxtLVYUBe6Cn33ej7ATNVyMQ", "5KtPn1LGuxhFiwjxErkxTb7XxtLVYUBe6Cn33ej7ATNVyMQ"),
    ],
)
def test_what_a_text_means(text: str, meant: str) -> None:
    assert fold(text) == fold(meant) == meant


def test_all_that_nobody_sees_is_refused_and_all_blanks_are_known() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        category = unicodedata.category(character)
        if category in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}:
            assert unfit(f"a{character}b"), hex(number)
        assert (category == "Zs") is (character in BLANKS), hex(number)


# Texts that are like those that are folded: hex of about the right length, parts, blanks, accents in two ways.
DIGITS = st.sampled_from([39, 40, 41, 63, 64, 65]).flatmap(
    lambda count: st.text("0123456789abcdefABCDEF", min_size=count, max_size=count)
)
HEX = st.builds(
    lambda lead, digits, tail: lead + digits + tail,
    st.sampled_from(["", "0x", "0X", "x", " 0x", "00"]),
    DIGITS,
    st.sampled_from(["", "", "g", "\u00a0", "\u0130"]),
)
ACCENTS = st.text(st.sampled_from("e\u0301\u00e9\u212b\u1100\u1161\u0338=\u3000 \u0327\u0323\u0130Ii"), max_size=8)
ANY = st.text(
    st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\x00"),
    max_size=12,
)
TEXTS = st.lists(st.one_of(HEX, ACCENTS, ANY), min_size=1, max_size=4).map(":".join)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=50, max_size=50))
def test_postgresql_folds_as_python_does(texts: list[str]) -> None:
    rows = read("SELECT folded(text), fit_identity(text) FROM unnest(%s::text[]) AS given (text)", [texts])

    assert [meant for meant, _ in rows] == [fold(text) for text in texts]
    assert [fit for _, fit in rows] == [tidy(text) == text and not unfit(text) for text in texts]


@given(TEXTS)
def test_folding_twice_is_folding_once_and_what_is_stored_means_what_was_sent(text: str) -> None:
    assert fold(fold(text)) == fold(text) == fold(tidy(text))
    assert fold(f"customer:{fold(text)}") == fold(f"customer:{text.strip(BLANKS)}")
