"""Recognise STOP, START and HELP in an inbound message, by rule and never by a model.

A definite word counts only as the whole body; wording that a reasonable person would read as "stop"
is suspected, for a person to look at (compliance 4.1, FCC 47 CFR 64.1200(a)(10)).
It must never let a near miss pass as consent: opt-in is matched more strictly than opt-out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ringfence.text import keyword_tables as tables

LANGUAGES: Final = tuple(tables.OPT_OUT)


class KeywordKind(StrEnum):
    """What the body as a whole asks for; SUSPECTED is for a person to decide."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    SUSPECTED = "suspected"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A verdict on one body: the word or phrase found (normalised) and the table it is from."""

    kind: KeywordKind
    word: str = ""
    language: str | None = None


NOTHING: Final = Keyword(KeywordKind.NONE)

_Table = Mapping[str, tuple[str, ...]]


def _by_word(table: _Table) -> _Table:
    """Turn language -> words into word -> the languages that have it, in the table's order."""
    words = dict.fromkeys(word for listed in table.values() for word in listed)
    return {word: tuple(t for t, listed in table.items() if word in listed) for word in words}


_OPT_OUT: Final = _by_word(tables.OPT_OUT)
_OPT_IN: Final = _by_word(tables.OPT_IN)
_OPT_IN_YES: Final = _by_word(tables.OPT_IN_YES)
_HELP: Final = _by_word(tables.HELP)
_opt_out_words: Final = frozenset(part for word in _OPT_OUT for part in word.split())
_squeezed_opt_out: Final = re.compile(
    "(?:" + "|".join(word for word in tables.OPT_OUT["en"] if " " not in word) + ")+"
).fullmatch


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for all, the unanchored ones between the ends of words."""
    anchored = [pattern for pattern in patterns if pattern.startswith("^")]
    within = "|".join(pattern for pattern in patterns if not pattern.startswith("^"))
    return re.compile("|".join([*anchored, rf"\b(?:{within})\b"]))


_suspected: Final = {tongue: _any_of(patterns) for tongue, patterns in tables.SUSPECTED.items()}
_openings: Final = {tongue: frozenset(text.split()) for tongue, text in tables.OPENINGS.items()}
_any_opening: Final = frozenset().union(*_openings.values())
_all_spoken: Final = frozenset(("en", *LANGUAGES))
_negated: Final = re.compile(rf"(?:^|\s)(?:{'|'.join(tables.NEGATIONS)}) $").search
_COURTEOUS_LENGTH_MAX: Final = 80  # an opt-out word with a handful of courtesies around it
_courtesy: Final = "|".join(sorted(tables.COURTESIES, key=len, reverse=True))
_courteous: Final = re.compile(rf"(?:(?:{_courtesy}) )*(.*?)(?: (?:{_courtesy}))*").fullmatch

_APOSTROPHES: Final = dict.fromkeys(map(ord, "'\u2019\u2018\u02bc\u00b4`"))
# Of each ASCII character what `normalise` makes of it, so that plain texts need not go one by one.
_ASCII: Final = {
    code: "" if code in _APOSTROPHES else char.lower() if (char := chr(code)).isalnum() else " "
    for code in range(128)
}
_INVISIBLE: Final = frozenset({"Cf", "Mn", "Me", "Cs", "Co", "Cn"})
_strict_edges: Final = " \t\r\n\xa0.!\"'\u2018\u2019\u201c\u201d\u00ab\u00bb"


def classify(
    body: str,
    *,
    yes_is_opt_in: bool = False,
    languages: Collection[str] = LANGUAGES,
) -> Keyword:
    """Return what `body` asks for, whole body first, suspicious wording last. Raises nothing.

    `yes_is_opt_in` is for a provider that lifts its block on YES, or a pending double opt-in.
    `languages` limits the packs ("fr", "es", ...); English always counts.
    """
    words = normalise(body)
    spoken = _all_spoken if languages is LANGUAGES else frozenset(("en", *languages))
    if tongue := _whole_opt_out(words, spoken):
        return Keyword(KeywordKind.OPT_OUT, words, tongue)
    if (tongue := _tongue(_OPT_IN, words, spoken)) and _is_bare(body):
        return Keyword(KeywordKind.OPT_IN, words, tongue)
    if yes_is_opt_in and (tongue := _tongue(_OPT_IN_YES, words, spoken)) and _is_bare(body):
        return Keyword(KeywordKind.OPT_IN, words, tongue)
    if tongue := _tongue(_HELP, words, spoken):
        return Keyword(KeywordKind.HELP, words, tongue)
    return _suspicion(body, words, spoken)


def normalise(body: str) -> str:
    """Return the words of `body` as the tables have them, separated by single spaces.

    Compatibility forms, accents, zero-width and bidirectional marks, emoji, punctuation and case
    are gone (compliance 4.1); apostrophes vanish ("don't" is "dont"), other signs part words.
    """
    if body.isascii():
        return " ".join(body.translate(_ASCII).split())
    decomposed = unicodedata.normalize("NFKD", body.translate(_APOSTROPHES)).casefold()
    return " ".join("".join(map(_letter_or_gap, decomposed)).split())


def _letter_or_gap(character: str) -> str:
    if character.isalnum():
        return character
    return "" if unicodedata.category(character) in _INVISIBLE else " "


def _tongue(table: _Table, word: str, spoken: frozenset[str]) -> str | None:
    if word not in table:
        return None
    return next((tongue for tongue in table[word] if tongue in spoken), None)


def _whole_opt_out(words: str, spoken: frozenset[str]) -> str | None:
    """Return the language of a body that is an opt-out word, once or over and over."""
    readings = (words,) if words.isascii() else (words, words.translate(tables.HOMOGLYPHS))
    for reading in readings:
        if tongue := _tongue(_OPT_OUT, _said_once(reading), spoken):
            return tongue
    return None


def _said_once(words: str) -> str:
    """Undo two ways of being emphatic: "stop stop stop" and "S T O P"."""
    parts = words.split()
    if len(parts) > 1 and parts[0] == parts[1] and len(set(parts)) == 1:
        return parts[0]
    if len(parts) > 2 and len(parts[0]) == 1 and all(len(part) == 1 for part in parts):
        return "".join(parts)
    return words


def _is_bare(body: str) -> bool:
    """True when nothing but quotes and full stops is around the words: "START?" only asks."""
    visible = "".join(c for c in body if unicodedata.category(c) not in _INVISIBLE)
    return visible.strip(_strict_edges).isalnum()


def _suspicion(body: str, words: str, spoken: frozenset[str]) -> Keyword:
    if tables.STOP_SIGN in body:
        return Keyword(KeywordKind.SUSPECTED, tables.STOP_SIGN)
    if not words:
        sign = next((c for c in body if c in tables.REFUSING_SIGNS), None)
        return Keyword(KeywordKind.SUSPECTED, sign) if sign else NOTHING
    parts = words.split()
    courteous = len(words) <= _COURTEOUS_LENGTH_MAX and not _opt_out_words.isdisjoint(parts)
    core = _courteous(words) if courteous else None
    if core and (tongue := _tongue(_OPT_OUT, core[1], spoken)):
        return Keyword(KeywordKind.SUSPECTED, core[1], tongue)
    if _squeezed_opt_out(words.replace(" ", "")):
        return Keyword(KeywordKind.SUSPECTED, words)  # "st op", "stopstop"
    openings = {word[: tables.OPENING_LENGTH] for word in parts}
    if _any_opening.isdisjoint(openings):
        return NOTHING
    for tongue, pattern in _suspected.items():
        if tongue not in spoken or _openings[tongue].isdisjoint(openings):
            continue
        if phrase := _phrase(pattern, words):
            return Keyword(KeywordKind.SUSPECTED, phrase, tongue)
    return NOTHING


def _phrase(pattern: re.Pattern[str], words: str) -> str:
    """Return the first match that is not negated just before, or an empty string."""
    for found in pattern.finditer(words):
        if not _negated(words[: found.start()]):
            return found[0]
    return ""
