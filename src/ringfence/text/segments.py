"""SMS segments: encoding, count and lengths as Twilio's segment calculator has them, and smart encoding.

Counts what a text costs before it is sent (messaging-providers 2.7; 3GPP TS 23.038 and 23.040).
It must never undercount: an extension character, a surrogate pair and a grapheme cluster are never
divided between two segments.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ringfence.text import graphemes

# 140 octets a part; concatenation spends 6 of them on the user data header (TS 23.040, 9.2.3.24.1).
SEPTETS_SINGLE: Final = 160
SEPTETS_PART: Final = 153
UNITS_SINGLE: Final = 70
UNITS_PART: Final = 67

# TS 23.038, 6.2.1. ESC is missing on purpose: alone it means nothing, and Twilio sends it as UCS-2.
_BASIC: Final = (
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\u00c6\u00e6\u00df\u00c9"
    " !\"#\u00a4%&'()*+,-./0123456789:;<=>?"
    "\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7"
    "\u00bfabcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"
)
# TS 23.038, 6.2.1.1: each is an escape and a character, two septets.
_EXTENSION: Final = "\f^{}\\[~]|\u20ac"

_all_basic: Final = re.compile(f"[{re.escape(_BASIC)}]*").fullmatch
_all_gsm: Final = re.compile(f"[{re.escape(_BASIC + _EXTENSION)}]*").fullmatch
_extensions: Final = re.compile(f"[{re.escape(_EXTENSION)}]").findall

# What Twilio's Smart Encoding replaces, by replacement
# (https://www.twilio.com/docs/messaging/services/smart-encoding-char-list). Four departures:
# any odd space becomes one space; combining marks are composed instead of becoming "^" or "~";
# the full-width ASCII block is added below by arithmetic; and U+2011, U+2012 and U+2212, which
# language models write and the list forgets, become hyphens.
_LOOKALIKES: Final = {
    "": "\x00\x03\x04\x10\x11\x12\x13\x14\x17\x19\u200b\u200c\u2060\ufeff",
    " ": "\t\x80\x8d\x90\x9b\x9f\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000",
    "!": "\u01c3\ufe15\ufe57",
    "!!": "\u203c",
    '"': "\xab\xbb\u02ba\u02ee\u201c\u201d\u201e\u201f\u275d\u275e\u301d\u301e",
    "#": "\ufe5f",
    "$": "\ufe69",
    "%": "\ufe6a",
    "&": "\ufe60",
    "'": "\x60\xb4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u2018\u2019\u201b\u275b\u275c\ufe10\ufe11",
    "(": "\u2768\u276a\u27ee\u2985\ufe59",
    ")": "\u2769\u276b\u27ef\u2986\ufe5a",
    "*": "\u204e\u2217\u229b\u2722\u2723\u2724\u2725\u2731\u2732\u2733\u273a\u273b\u273c\u273d\u2743"
    "\u2749\u274a\u274b\u29c6\ufe61",
    "+": "\u02d6\ufe62",
    ",": "\u201a\u3001\ufe50\ufe51\uff64",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u2043\u2212\u23bc\u23bd\ufe63",
    ".": "\u3002\ufe52\uff61",
    "...": "\u2026",
    "/": "\xf7\u2044\u2215\u29f8",
    "1/2": "\xbd",
    "1/4": "\xbc",
    "3/4": "\xbe",
    ":": "\u02d0\u02f8\u2982\ua789\ufe13",
    ";": "\u204f\ufe14\ufe54",
    "<": "\u2039\ufe64",
    "=": "\ua78a\ufe66",
    ">": "\u203a\ufe65",
    "?": "\ufe16\ufe56",
    "@": "\ufe6b",
    "A": "\u1d00",
    "B": "\u0299",
    "C": "\u1d04",
    "D": "\u1d05",
    "E": "\u1d07",
    "F": "\ua730",
    "G": "\u0262",
    "H": "\u029c",
    "I": "\u026a",
    "J": "\u1d0a",
    "K": "\u1d0b",
    "L": "\u029f",
    "M": "\u1d0d",
    "N": "\u0274",
    "O": "\u1d0f",
    "P": "\u1d18",
    "R": "\u0280",
    "S": "\ua731",
    "T": "\u1d1b",
    "U": "\u1d1c",
    "V": "\u1d20",
    "W": "\u1d21",
    "Y": "\u028f",
    "Z": "\u1d22",
    "\\": "\u29f5\u29f9\ufe68",
    "^": "\u02c6",
    "_": "\u2017",
    "{": "\u2774\ufe5b",
    "|": "\u2223\u239c\u239f\u23b8\u23b9\u23d0",
    "}": "\u2775\ufe5c",
    "~": "\u02dc\u02f7\u223c",
}
_SMART: Final = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **{ord(odd): plain for plain, odds in _LOOKALIKES.items() for odd in odds},
}
_mixed_fraction: Final = re.compile(r"(?<=\d)(?=[\xbc-\xbe])")


class Encoding(StrEnum):
    """How the carrier will encode the text; the value is Twilio's name for it."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs.

    `segments` is what the carrier bills, 1 for an empty text. `code_units` are UTF-16 units.
    `characters` are septets in GSM-7 and grapheme clusters in UCS-2, as Twilio's calculator has
    it. `segment_code_units` has the UTF-16 units of each segment and adds up to `code_units`.
    """

    encoding: Encoding
    segments: int
    code_units: int
    characters: int
    segment_code_units: tuple[int, ...]


def count(text: str) -> Segments:
    """Return encoding, segments and lengths of `text` as it is. Raises nothing."""
    if _all_basic(text):
        return _gsm_of_basic(len(text))
    if _all_gsm(text):
        return _gsm(text)
    return _ucs2(text)


def smart_encode(text: str) -> str:
    """Return `text` with look-alikes replaced if that makes it GSM-7, otherwise `text` itself.

    All or nothing: beside an emoji or Japanese a straightened quote would save nothing.
    """
    if _all_gsm(text):
        return text
    spaced = _mixed_fraction.sub(" ", unicodedata.normalize("NFC", text))
    encoded = spaced.translate(_SMART)
    return encoded if _all_gsm(encoded) else text


def utf16_length(text: str) -> int:
    """Return the number of UTF-16 code units of `text`; a lone surrogate is one."""
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def _gsm_of_basic(septets: int) -> Segments:
    if septets <= SEPTETS_SINGLE:
        return Segments(Encoding.GSM_7, 1, septets, septets, (septets,))
    parts = _even_parts(septets, SEPTETS_PART)
    return Segments(Encoding.GSM_7, len(parts), septets, septets, parts)


def _gsm(text: str) -> Segments:
    septets = len(text) + len(_extensions(text))
    if septets <= SEPTETS_SINGLE:
        return Segments(Encoding.GSM_7, 1, len(text), septets, (len(text),))
    costs = ((1, 2 if character in _EXTENSION else 1) for character in text)
    parts = _packed(costs, SEPTETS_PART)
    return Segments(Encoding.GSM_7, len(parts), len(text), septets, parts)


def _ucs2(text: str) -> Segments:
    units = utf16_length(text)
    if graphemes.is_plain(text):
        characters = len(text)
        if units > UNITS_SINGLE and units == len(text):
            parts = _even_parts(units, UNITS_PART)
            return Segments(Encoding.UCS_2, len(parts), units, characters, parts)
        pieces: Iterator[str] = iter(text)
    else:
        # Twilio's calculator counts CR LF as two, although a reader sees one break.
        characters = sum(1 for _ in graphemes.clusters(text)) + text.count("\r\n")
        pieces = _pieces(text)
    if units <= UNITS_SINGLE:
        return Segments(Encoding.UCS_2, 1, units, characters, (units,))
    costs = ((cost, cost) for cost in map(utf16_length, pieces))
    parts = _packed(costs, UNITS_PART)
    return Segments(Encoding.UCS_2, len(parts), units, characters, parts)


def _pieces(text: str) -> Iterator[str]:
    """Yield what must stay in one segment; a cluster longer than a segment has to be cut."""
    for cluster in graphemes.clusters(text):
        if cluster == "\r\n" or len(cluster) > UNITS_PART // 2:
            yield from _whole_or_points(cluster)
        else:
            yield cluster


def _whole_or_points(cluster: str) -> Iterator[str]:
    if cluster == "\r\n" or utf16_length(cluster) > UNITS_PART:
        return iter(cluster)
    return iter((cluster,))


def _even_parts(units: int, limit: int) -> tuple[int, ...]:
    full, rest = divmod(units, limit)
    return (limit,) * full + ((rest,) if rest else ())


def _packed(costs: Iterator[tuple[int, int]], limit: int) -> tuple[int, ...]:
    """Fill parts in order with pieces of (code units, cost); return the code units of each."""
    parts: list[int] = []
    part_units = part_cost = 0
    for units, cost in costs:
        if part_cost + cost > limit:
            parts.append(part_units)
            part_units = part_cost = 0
        part_units += units
        part_cost += cost
    return (*parts, part_units)
