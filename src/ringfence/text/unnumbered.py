"""Phone numbers in words that are shown elsewhere, masked: in tickets, which other people and other
programs read. Would rather mask a long number that is none than show one that is."""

from __future__ import annotations

import re
from typing import Final

from ringfence.model.phone import mask

_LAYOUT: Final = r"[ \t\u00a0().\-/]{0,3}"
_numbers: Final = re.compile(
    # International, with any layout (E.164: seven to fifteen digits).
    rf"\+{_LAYOUT}[1-9](?:{_LAYOUT}[0-9]){{6,14}}(?![0-9])"
    # As North America writes its own.
    r"|(?<![0-9A-Za-z_])\(?[2-9][0-9]{2}\)?[ \t\u00a0.\-][ \t\u00a0]?[0-9]{3}[ \t\u00a0.\-][0-9]{4}(?![0-9A-Za-z_])"
    # Bare. Ids, whose digits stand in a word, are none.
    r"|(?<![0-9A-Za-z_])[0-9]{10,15}(?![0-9A-Za-z_])"
)


def unnumbered(text: str) -> str:
    """The text with every phone number masked."""
    return _numbers.sub(lambda found: mask("".join(found.group().split())), text)
