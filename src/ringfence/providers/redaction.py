"""What may be kept of a provider's words: no account, no token, no phone number (P9), and never
more than a line. Must be used on every text that came over the wire before it is logged."""

from __future__ import annotations

import codecs
import re

DETAIL_CHARS_MAX = 300
_SID = re.compile(r"\b[A-Z]{2}[0-9a-fA-F]{32}\b")
_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z_-]{24,}(?![0-9A-Za-z])")
# Seven digits or more with layout between them: any phone number (E.164: seven to fifteen).
_NUMBER = re.compile(r"\+?\(?\d(?:[ \t\u00a0().\-/]{0,3}\d){6,}")


def redact(text: str) -> str:
    """One line of at most DETAIL_CHARS_MAX characters without ids, tokens or numbers."""
    line = " ".join(text.split())
    for pattern in (_SID, _TOKEN, _NUMBER):
        line = pattern.sub("•••", line)
    return line if len(line) <= DETAIL_CHARS_MAX else line[: DETAIL_CHARS_MAX - 1] + "…"


def readable(body: bytes, limit: int) -> str:
    """The first `limit` bytes as text; a character cut at the end is left out (B073)."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(body[:limit])
