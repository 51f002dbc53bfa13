"""Forced topics: what an outbound text touches that a person must see first, by list and no model.

The lists are those of topic_tables/, by language; configuration may add phrases and, which is a
loosening, take a phrase or a whole topic away. All languages count always: an agent may write any.
It must never decide what follows from a topic, and never miss a listed phrase for its disguise.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ringfence.text import topic_tables as tables
from ringfence.text.phrases import Hit, Phrase, PhraseList, phrase_problem, plain_words, read
from ringfence.text.topic_tables import TOPICS_VERSION

TOPICS: Final = tuple(tables.PHRASES["en"])
LANGUAGES: Final = tuple(tables.PHRASES)
SELF_HARM: Final = "self_harm"
EMERGENCY: Final = "emergency"

Extra = Mapping[str, Sequence[str]]
_NOTHING_MORE: Final[Extra] = {}
_SOS_SIGN: Final = "\U0001f198"
_topic_name: Final = re.compile(r"[a-z][a-z0-9_]{0,39}").fullmatch
_LISTS_KEPT_MAX: Final = 32  # a line or two each; they are small


def find_topics(
    text: str, extra: Extra = _NOTHING_MORE, off: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the names of the topics that `text` touches, sorted.

    `extra` adds phrases, also under names of its own; `off` names topics, or phrases as the lists
    have them, that do not count. Raises ValueError for an extra phrase that cannot be used.
    """
    found = {hit.label for hit in find_phrases(text, extra, off)}
    if _SOS_SIGN in text and EMERGENCY not in off:
        found.add(EMERGENCY)
    return tuple(sorted(found))


def find_phrases(text: str, extra: Extra = _NOTHING_MORE, off: Collection[str] = ()) -> list[Hit]:
    """Return what `find_topics` goes by: every listed phrase in `text`, its label the topic."""
    return _lists(extra, off).all.hits(text)


def emergency(text: str, extra: Extra = _NOTHING_MORE, off: Collection[str] = ()) -> str:
    """Return "self_harm" or "emergency" for what a person wrote in need, or an empty string.

    It rather cries wolf: a false alarm costs an operator a look. Self-harm comes first.
    """
    found = {hit.label for hit in _lists(extra, off).urgent.hits(text)}
    if SELF_HARM in found:
        return SELF_HARM
    alarmed = EMERGENCY in found or (_SOS_SIGN in text and EMERGENCY not in off)
    return EMERGENCY if alarmed else ""


def lists_digest(extra: Extra = _NOTHING_MORE, off: Collection[str] = ()) -> str:
    """Return a short digest of the lists in force, to be kept with what was found by them."""
    return _lists(extra, off).digest


def extra_problem(topic: str, phrase: str) -> str:
    """Say why configuration cannot add `phrase` to `topic`, or return an empty string."""
    if not _topic_name(topic):
        return f"'{topic}' is no name for a topic: use small letters, digits and _"
    return phrase_problem(phrase)


def shipped_phrases(language: str) -> Iterator[tuple[str, str]]:
    """Yield (topic, phrase) of the lists shipped for `language`."""
    for topic, listed in tables.PHRASES[language].items():
        for phrase in _split(listed):
            yield topic, phrase


def shipped_harmless(language: str) -> Iterator[str]:
    """Yield the phrases in which a listed one means something else ("emergency exit")."""
    yield from _split(tables.HARMLESS[language])


def _split(listed: str) -> Iterator[str]:
    return filter(None, (" ".join(phrase.split()) for phrase in listed.split(",")))


@dataclass(frozen=True, slots=True)
class _Lists:
    """The phrases in force: all of them, and those for people in need."""

    all: PhraseList
    urgent: PhraseList
    digest: str


_More = tuple[tuple[str, tuple[str, ...]], ...]


def _lists(extra: Extra, off: Collection[str]) -> _Lists:
    if not extra and not off:
        return _shipped()
    more = tuple(sorted((topic, tuple(phrases)) for topic, phrases in extra.items()))
    return _build(more, frozenset(off))


@functools.cache
def _shipped() -> _Lists:
    return _build((), frozenset())


@functools.lru_cache(maxsize=_LISTS_KEPT_MAX)
def _build(more: _More, off: frozenset[str]) -> _Lists:
    for topic, listed in more:
        for phrase in listed:
            if problem := extra_problem(topic, phrase):
                raise ValueError(f"the phrase '{phrase}' of topic '{topic}' is no use: {problem}")
    phrases, harmless = _shipped_lists()
    mine = [read(topic, phrase) for topic, listed in more for phrase in listed]
    without = off | {plain_words(one) for one in off}
    counting = [one for one in (*phrases, *mine) if _counts(one, without)]
    urgent = [one for one in counting if one.label in (EMERGENCY, SELF_HARM)]
    return _Lists(
        PhraseList(counting, harmless),
        PhraseList(urgent, harmless),
        _digest(more, off),
    )


def _counts(phrase: Phrase, off: frozenset[str]) -> bool:
    return off.isdisjoint((phrase.label, phrase.written, plain_words(phrase.written)))


@functools.cache
def _shipped_lists() -> tuple[tuple[Phrase, ...], tuple[Phrase, ...]]:
    """Read the shipped lists, once and only when they are first asked for."""
    phrases = (
        read(topic, phrase, language)
        for language in LANGUAGES
        for topic, phrase in shipped_phrases(language)
    )
    harmless = (
        read("harmless", phrase, language)
        for language in LANGUAGES
        for phrase in shipped_harmless(language)
    )
    return tuple(phrases), tuple(harmless)


def _digest(more: _More, off: frozenset[str]) -> str:
    lines = [TOPICS_VERSION]
    for language in LANGUAGES:
        lines += [f"{language} {topic} {phrase}" for topic, phrase in shipped_phrases(language)]
        lines += [f"{language} harmless {phrase}" for phrase in shipped_harmless(language)]
    lines += [f"extra {topic} {phrase}" for topic, listed in more for phrase in listed]
    lines += [f"off {name}" for name in sorted(off)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
