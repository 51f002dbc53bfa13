"""Keywords used as reply verbs: "reply YES to confirm" takes a word that carriers act on themselves.

A person who follows such a request opts out, opts in, or gets the help text instead. A keyword that
is offered for its own purpose ("reply STOP to opt out") is no finding. This is for free text, where
"I'll send info" is talk; what a person writes beforehand is held to more by reply_words.py.
It must never change a text, and never decide whether it may be sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ringfence.text import content_tables as tables
from ringfence.text import keyword_tables
from ringfence.text.keywords import normalise

_CHOICES_MAX: Final = 6
_FILLERS_MAX: Final = 4
_PURPOSE_WORDS_MAX: Final = 4


def _words(table: dict[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(word for listed in table.values() for word in listed)


_OUT: Final = _words(keyword_tables.OPT_OUT)
_IN: Final = _words(keyword_tables.OPT_IN)
_YES: Final = _words(keyword_tables.OPT_IN_YES)
_HELP: Final = _words(keyword_tables.HELP)
RESERVED: Final = _OUT | _IN | _YES | _HELP

_reply: Final = frozenset(tables.REPLY.split())
_asking: Final = _reply | frozenset(tables.SEND.split())
_fillers: Final = frozenset(tables.FILLERS.split())
_connectors: Final = frozenset(tables.CONNECTORS.split())
_openers: Final = frozenset(tables.OPENERS.split())
_followers: Final = frozenset(tables.FOLLOWERS.split())
_everyday: Final = frozenset(tables.EVERYDAY.split())
_out_purposes: Final = frozenset(tables.OUT_PURPOSES.split())
_help_purposes: Final = frozenset(tables.HELP_PURPOSES.split())
_in_purposes: Final = frozenset(tables.IN_PURPOSES.split())

_openings: Final = tuple(sorted({word[:4] for word in _asking}))
_word: Final = re.compile(r"[^\W_]+").finditer
_END_OF_SENTENCE: Final = frozenset(".!?\n")
_PARTING: Final = frozenset("/,|&")
_QUOTES: Final = frozenset("\"'\u2018\u201c\u201e\u00ab*<[(")


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as normalised, whether it stands out, and what parts it from the one before."""

    said: str
    stands_out: bool
    gap: str

    @property
    def opens_sentence(self) -> bool:
        return not _END_OF_SENTENCE.isdisjoint(self.gap)


def reply_verbs(text: str) -> Iterator[str]:
    """Yield the keywords, as keyword_tables has them, that `text` asks its reader to answer with."""
    folded = _folded(text)
    lower = folded.lower()
    if not any(opening in lower for opening in _openings):
        return
    words = _read(folded)
    for at, word in enumerate(words):
        if word.said in _asking:
            yield from _asked_for(words, at)


def _folded(text: str) -> str:
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return "".join(char for char in apart if not unicodedata.combining(char))


def _read(text: str) -> list[_Word]:
    words, before = [], 0
    for found in _word(text):
        gap, raw = text[before : found.start()], found[0]
        stands_out = (len(raw) > 1 and raw.isupper()) or bool(gap and gap[-1] in _QUOTES)
        words.append(_Word(normalise(raw), stands_out, gap))
        before = found.end()
    return words


def _asked_for(words: list[_Word], verb: int) -> Iterator[str]:
    """Yield what the request that begins with `words[verb]` wants, its own purposes left out."""
    at = _skip_fillers(words, verb + 1)
    found: list[tuple[str, int, int]] = []
    others = 0
    for _ in range(_CHOICES_MAX):
        if at >= len(words) or words[at].opens_sentence:
            break
        keyword, end = _keyword(words, at)
        if keyword:
            found.append((keyword, at, end))
        else:
            others += 1
        next_at = _next_choice(words, end)
        if next_at is None:
            break
        at = next_at
    for keyword, start, end in found:
        if _is_meant(words, verb, start, end) and not _is_its_own(words, keyword, end, others > 0):
            yield keyword


def _skip_fillers(words: list[_Word], at: int) -> int:
    for end in range(at, min(at + _FILLERS_MAX, len(words))):
        if words[end].opens_sentence or words[end].said not in _fillers or words[end].stands_out:
            return end
    return at + _FILLERS_MAX


def _keyword(words: list[_Word], at: int) -> tuple[str, int]:
    """Return the keyword at `at`, of one word or two, or "", and where it ends."""
    if at + 1 < len(words) and not words[at + 1].opens_sentence:
        two = f"{words[at].said} {words[at + 1].said}"
        if two in RESERVED:
            return two, at + 2
    return (words[at].said if words[at].said in RESERVED else ""), at + 1


def _next_choice(words: list[_Word], at: int) -> int | None:
    if at >= len(words) or words[at].opens_sentence:
        return None
    if words[at].said in _connectors:
        return at + 1
    return at if not _PARTING.isdisjoint(words[at].gap) else None


def _is_meant(words: list[_Word], verb: int, start: int, end: int) -> bool:
    """True where the keyword stands out, or follows "reply" and ends or leads to a purpose."""
    if words[start].stands_out:
        return True
    if words[verb].said not in _reply:
        return False
    if end >= len(words) or words[end].opens_sentence or not _PARTING.isdisjoint(words[end].gap):
        return True
    return words[end].said in _openers or words[end].said in _connectors


def _is_its_own(words: list[_Word], keyword: str, end: int, among_others: bool) -> bool:
    """True where answering so does what carriers make of the word: "STOP to opt out"."""
    purposes = _purposes(keyword)
    if keyword in _everyday:
        purposes = purposes - _everyday
    if end >= len(words) or words[end].opens_sentence or words[end].said not in _openers:
        return bool(purposes) and not (among_others and keyword in _everyday) and keyword not in _IN
    for at in range(end + 1, min(end + 1 + _PURPOSE_WORDS_MAX, len(words))):
        if words[at].opens_sentence:
            return False
        if words[at].said in purposes:
            return _goes_on(words, at + 1)
    return False


def _purposes(keyword: str) -> frozenset[str]:
    if keyword in _OUT:
        return _out_purposes
    if keyword in _HELP:
        return _help_purposes
    return _in_purposes if keyword in _IN else frozenset()


def _goes_on(words: list[_Word], at: int) -> bool:
    """True where nothing but messages can be what is ended: no "to cancel your appointment"."""
    if at >= len(words) or words[at].opens_sentence:
        return True
    return words[at].said in _followers or any(sign in words[at].gap for sign in ",;:)-")
