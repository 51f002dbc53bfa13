"""Cut a long text into messages of at most so many UTF-16 units, in order, at good places.

The limit is counted as the peer counts it (openclaw 1.8): UTF-16 units, 1,500 unless configured,
1,600 at most because Twilio refuses more (error 21617).
It must never lose a visible character, reorder text or divide a surrogate pair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ringfence.text import graphemes
from ringfence.text.segments import utf16_length

CHUNK_LIMIT_DEFAULT: Final = 1500
CHUNK_LIMIT_MAX: Final = 1600

# In order of preference: where the text may be cut. A boundary of the first three kinds counts
# only in the second half of the room, so that one early blank line does not make a tiny message.
_PARAGRAPH: Final = re.compile(r"(?<![ \t])(?=[ \t]*\r?\n[ \t]*\r?\n)")
_LINE: Final = re.compile(r"(?<![ \t])(?=[ \t]*\r?\n)")
_SENTENCE: Final = re.compile(
    r"(?<=[.!?\u2026])(?=\s)|(?<=[.!?\u2026][\"')\]\u201d\u2019])(?=\s)|(?<=[\u3002\uff01\uff1f])"
)
_WORD: Final = re.compile(r"(?<=\S)(?=\s)")
_PREFERRED: Final = ((_PARAGRAPH, 0.5), (_LINE, 0.5), (_SENTENCE, 0.5), (_WORD, 0.0))
_breaks: Final = re.compile(r"(?:[ \t]*\r?\n)*").match


def chunk_limit(value: object) -> int:
    """Return a configured limit as it will be used.

    Above 1,600 it is 1,600; zero, negative, fractional or textual values are the default (B065).
    """
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return CHUNK_LIMIT_DEFAULT
    return min(value, CHUNK_LIMIT_MAX)


def split(text: str, limit: object = CHUNK_LIMIT_DEFAULT) -> tuple[str, ...]:
    """Return `text` in order as chunks of at most chunk_limit(limit) UTF-16 units, none blank.

    Line breaks at a cut are dropped, since a new message is a break already; a space at a cut
    begins the next chunk (B067). Blank text gives no chunk. Only a grapheme cluster that is by
    itself longer than the limit is divided, and then never inside a surrogate pair.
    """
    room = chunk_limit(limit)
    chunks: list[str] = []
    start = 0
    while start < len(text):
        end = _reach(text, start, room)
        if end < len(text):
            end = start + _cut(text[start : end + 2], end - start)
        if not text[start:end].isspace():
            chunks.append(text[start:end])
        start = _after_breaks(text, end)
    return tuple(chunks)


def _after_breaks(text: str, place: int) -> int:
    found = _breaks(text, place)
    assert found is not None  # the pattern matches the empty text
    return found.end()


def _reach(text: str, start: int, room: int) -> int:
    """Return the index after the last code point that fits; at least one always does."""
    end = min(start + room, len(text))
    over = utf16_length(text[start:end]) - room
    while over > 0 and end - start > 1:
        end -= 1
        over -= 2 if text[end] > "\uffff" else 1
    return end


def _cut(window: str, room: int) -> int:
    """Return the best index to cut `window` at, from 1 to `room` (code points).

    The window shows a little more than fits: a break or a space there makes `room` a good place.
    """
    whole = _cluster_ends(window)
    allowed = [place for place in whole if place <= room]
    for boundary, earliest in _PREFERRED:
        places = {found.start() for found in boundary.finditer(window)}
        good = places.intersection(allowed)
        if good and max(good) >= room * earliest:
            return max(good)
    return max(allowed, default=room)


def _cluster_ends(window: str) -> Iterable[int]:
    if graphemes.is_plain(window):
        return range(1, len(window) + 1)
    return list(graphemes.boundaries(window))
