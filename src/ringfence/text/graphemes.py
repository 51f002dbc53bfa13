"""Extended grapheme clusters: what a reader takes for one character (UAX #29).

Used to cut text, so it errs on the side of keeping code points together: a pictograph joined by
U+200D is kept whole in every Unicode version, which never makes a segment count too low.
It must never drop or change a code point: the clusters of a text join to that text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import Final

# No code point of these blocks joins with its neighbours: Latin, Greek, Cyrillic letters, kana,
# ideographs, precomposed Hangul, punctuation without the joiners, pictographs without the skin
# tones and the regional indicators. A text of nothing else has one cluster per code point.
_PLAIN: Final = re.compile(
    "[\n\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0590\u05d0-\u05ea\u0620-\u064a"
    "\u2010-\u2027\u2030-\u205f\u20a0-\u20bf\u2100-\u2bff"
    "\u3000-\u3029\u3030-\u3098\u309b-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001faff\U00020000-\U0002fa1f]*"
)


class _Class(Enum):
    """Grapheme_Cluster_Break values, with Extend and SpacingMark as one: both only join left."""

    OTHER = auto()
    CONTROL = auto()
    EXTEND = auto()
    ZWJ = auto()
    PREPEND = auto()
    PICTOGRAPH = auto()
    REGIONAL = auto()
    L = auto()
    V = auto()
    T = auto()
    LV = auto()
    LVT = auto()


_Ranges = tuple[tuple[int, int], ...]

# Where Grapheme_Cluster_Break is not what the general category says (GraphemeBreakProperty.txt,
# emoji-data.txt). The pictograph ranges are a superset; they matter after U+200D only.
_EXCEPTIONS: Final[tuple[tuple[_Class, _Ranges], ...]] = (
    (_Class.ZWJ, ((0x200D, 0x200D),)),
    (_Class.REGIONAL, ((0x1F1E6, 0x1F1FF),)),
    (
        _Class.EXTEND,
        (
            (0x200C, 0x200C),
            (0x0E33, 0x0E33),
            (0x0EB3, 0x0EB3),
            (0xFF9E, 0xFF9F),
            (0x1F3FB, 0x1F3FF),
            (0xE0020, 0xE007F),
        ),
    ),
    (_Class.L, ((0x1100, 0x115F), (0xA960, 0xA97C))),
    (_Class.V, ((0x1160, 0x11A7), (0xD7B0, 0xD7C6))),
    (_Class.T, ((0x11A8, 0x11FF), (0xD7CB, 0xD7FB))),
    (
        _Class.PREPEND,
        (
            (0x0600, 0x0605),
            (0x06DD, 0x06DD),
            (0x070F, 0x070F),
            (0x0890, 0x0891),
            (0x08E2, 0x08E2),
            (0x0D4E, 0x0D4E),
            (0x110BD, 0x110BD),
            (0x110CD, 0x110CD),
            (0x111C2, 0x111C3),
        ),
    ),
    (
        _Class.PICTOGRAPH,
        (
            (0xA9, 0xA9),
            (0xAE, 0xAE),
            (0x203C, 0x203C),
            (0x2049, 0x2049),
            (0x2122, 0x2122),
            (0x2139, 0x2139),
            (0x2190, 0x2BFF),
            (0x3030, 0x3030),
            (0x303D, 0x303D),
            (0x3297, 0x3299),
            (0x1F000, 0x1FAFF),
        ),
    ),
    # Spacing marks which Unicode leaves apart (Myanmar, Tai Tham).
    (
        _Class.OTHER,
        (
            (0x102B, 0x102C),
            (0x1038, 0x1038),
            (0x1062, 0x1064),
            (0x1067, 0x106D),
            (0x1083, 0x1083),
            (0x1087, 0x108C),
            (0x108F, 0x108F),
            (0x109A, 0x109C),
            (0x1A61, 0x1A61),
            (0x1A63, 0x1A64),
            (0xAA7B, 0xAA7B),
            (0xAA7D, 0xAA7D),
            (0x11720, 0x11721),
        ),
    ),
)
_CONTROLS: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKS: Final = frozenset({"Mn", "Mc", "Me"})
_JOINS_HANGUL: Final = {
    _Class.L: frozenset({_Class.L, _Class.V, _Class.LV, _Class.LVT}),
    _Class.LV: frozenset({_Class.V, _Class.T}),
    _Class.V: frozenset({_Class.V, _Class.T}),
    _Class.LVT: frozenset({_Class.T}),
    _Class.T: frozenset({_Class.T}),
}


def is_plain(text: str) -> bool:
    """True when every code point of `text` is a cluster of its own; False means "look closer"."""
    return _PLAIN.fullmatch(text) is not None


def clusters(text: str) -> Iterator[str]:
    """Yield the grapheme clusters of `text` in order; CR LF is one, a lone surrogate is one."""
    start = 0
    for end in boundaries(text):
        yield text[start:end]
        start = end


def boundaries(text: str) -> Iterator[int]:
    """Yield the index after each grapheme cluster of `text`, the last being len(text)."""
    if not text:
        return
    before = _class_of(text[0])
    regionals = int(before is _Class.REGIONAL)
    for index in range(1, len(text)):
        after = _class_of(text[index])
        crlf = text[index] == "\n" and text[index - 1] == "\r"
        if not (crlf or _joined(before, after, regionals)):
            yield index
        regionals = regionals + 1 if after is _Class.REGIONAL else 0
        before = after
    yield len(text)


def _joined(before: _Class, after: _Class, regionals: int) -> bool:
    if after is _Class.OTHER and before is not _Class.PREPEND:
        return False
    if before is _Class.CONTROL or after is _Class.CONTROL:
        return False
    if after is _Class.EXTEND or after is _Class.ZWJ or before is _Class.PREPEND:
        return True
    if after is _Class.PICTOGRAPH:
        return before is _Class.ZWJ
    if after is _Class.REGIONAL:
        return regionals % 2 == 1  # flags are pairs, counted from the start of the run
    return after in _JOINS_HANGUL.get(before, ())


@lru_cache(maxsize=4096)
def _class_of(character: str) -> _Class:
    if "\x20" <= character <= "\x7e":
        return _Class.OTHER
    code = ord(character)
    if 0xAC00 <= code <= 0xD7A3:
        return _Class.LVT if (code - 0xAC00) % 28 else _Class.LV
    for kind, ranges in _EXCEPTIONS:
        if any(first <= code <= last for first, last in ranges):
            return kind
    category = unicodedata.category(character)
    if category in _CONTROLS:
        return _Class.CONTROL
    return _Class.EXTEND if category in _MARKS else _Class.OTHER
