"""What a name or a reference means: two spellings of one thing are one identity.

`fold` is the form by which identities are compared; PostgreSQL has the same in `folded()` (accounts/sql/folded.sql).
What is stored and shown is what was sent. Folding takes the blanks around it away and composes accents (NFC); an
address or a hash in hex (`0x` and 40 or 64 digits, EIP-55's capitals or not, a hash also without its `0x`) is one in
any case, also as a part between colons (`did:pkh:eip155:1:0x…`). Everywhere else capitals count, as they do in base58
and in Stripe's ids.
"""

import re
import unicodedata

BLANKS = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
SHORTEST = 42  # characters of the shortest text that has hex to fold
_HEX = re.compile(r"(?<![^:])(?:0[xX]([0-9a-fA-F]{40})|(?:0[xX])?([0-9a-fA-F]{64}))(?![^:])")

# What nobody sees: control and format characters, halves of characters, and what Unicode says to ignore when showing.
UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN = re.compile(rf"[{UNSEEN}\ud800-\udfff]")


def fold(text: str) -> str:
    """The form by which a name or a reference is compared; of most it is the text itself."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = text.strip(BLANKS)
    return _HEX.sub(_in_small, text) if len(text) >= SHORTEST else text


def _in_small(found: re.Match[str]) -> str:
    return "0x" + (found[1] or found[2]).lower()


def tidy(text: str) -> str:
    """The form in which an identity is stored: as it was sent, composed, without the blanks around it."""
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip(BLANKS)


def unfit(text: str) -> str | None:
    """Why a text can be no identity: what is in it that nobody sees, or that Unicode has not assigned."""
    if _UNSEEN.search(text):
        return "has an invisible or a control character"
    if not text.isascii() and any(unicodedata.category(character) == "Cn" for character in text):
        return "has a character that Unicode has not assigned"
    return None
