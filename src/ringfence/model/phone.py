"""Phone numbers as authority: strict E.164 (ITU-T E.164, `+`, 7 to 15 digits, first not 0) and
nothing looser. Prints masked; the full form is the explicit `.e164`. Never guesses a country."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ringfence.model.errors import InvalidNumber

_STRICT = re.compile(r"\+[1-9][0-9]{6,14}\Z", re.ASCII)
# The peer tolerates these in allow lists and targets (facts/openclaw.md 1.2, B055).
_PREFIXES = ("twilio-sms:", "sms:", "tel:", "rcs:")
# Addresses of other networks on the same webhook; never a phone line's sender (B032).
_FOREIGN = ("whatsapp:", "signal:", "messenger:")
_LAYOUT = str.maketrans("", "", " \t-.()\u00a0\u2011")


@dataclass(frozen=True, slots=True, order=True)
class PhoneNumber:
    """One E.164 number. `str()` and `repr()` are masked (P9)."""

    e164: str

    def __post_init__(self) -> None:
        if not _STRICT.match(self.e164):
            raise InvalidNumber("Write it as + and 7 to 15 digits, for example +15555550123.")

    @property
    def masked(self) -> str:
        """The country and area stay readable, the subscriber does not: `+1555•••0123`."""
        return mask(self.e164)

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked})"


def mask(e164: str) -> str:
    """Mask anything number-like: keep four leading and four trailing characters at most."""
    if len(e164) <= 7:
        return e164[:2] + "•••"
    return e164[: min(5, len(e164) - 7)] + "•••" + e164[-4:]


def strict(text: str) -> PhoneNumber:
    """Exactly E.164, no layout, no prefix. Raises InvalidNumber."""
    return PhoneNumber(text)


def from_sender(address: str) -> PhoneNumber:
    """A webhook's From: E.164, or E.164 behind `rcs:` in any case (B014, B032).

    Raises InvalidNumber for short codes, alphanumeric senders and other networks' addresses.
    """
    text = address.strip()
    if text[:4].lower() == "rcs:":
        text = text[4:].strip()
    return PhoneNumber(text)


def from_operator(text: str | int) -> PhoneNumber:
    """A number as an operator writes it: a channel prefix, spaces, dashes and brackets are layout
    (B055). A plus sign is required unless the value was a bare number type; a national number is
    refused, never guessed (B061)."""
    if isinstance(text, int):
        return PhoneNumber(f"+{text}")
    bare = text.strip()
    for prefix in _PREFIXES:
        if bare.lower().startswith(prefix):
            bare = bare[len(prefix) :].strip()
            break
    if bare.lower().startswith(_FOREIGN):
        raise InvalidNumber("This is an address of another network, not a phone number.")
    bare = bare.translate(_LAYOUT)
    if not bare.startswith("+"):
        raise InvalidNumber(
            "Write the country code with a plus sign (+15555550123), or set "
            "channels.sms.defaultRegion so that national numbers can be read."
        )
    return PhoneNumber(bare)


def same_digits(one: str, other: str) -> bool:
    """All digits of two numbers are the same, whatever stands between them; a shared end is not
    enough (B121, B124)."""
    digits = _digits(one)
    return bool(digits) and digits == _digits(other)


def _digits(number: str) -> str:
    return "".join(character for character in number if character in "0123456789")
