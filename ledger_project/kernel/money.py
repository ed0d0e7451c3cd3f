"""Amounts: whole minor units, exact at 38 digits; a float is never an amount."""

MAX_DIGITS = 38
LIMIT = 10**MAX_DIGITS
MAX_SCALE = 36


def to_decimal(amount: int, scale: int) -> str:
    """Minor units as a decimal string of the currency: (-1050, 2) -> "-10.50"."""
    if scale == 0:
        return str(amount)
    sign = "-" if amount < 0 else ""
    digits = str(abs(amount)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"


def from_decimal(text: str, scale: int) -> int | None:
    """A plain decimal string as minor units, or None where it is not one or has more digits than the scale."""
    whole, _, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdigit()) or len(fraction) > scale:
        return None
    if "." in text and not (fraction.isascii() and fraction.isdigit()):
        return None
    return int(whole + fraction.ljust(scale, "0"))
