"""What a responder's text says about an alert: "1a", "ack 12", a bare "ack", and their kin to resolve
and to escalate. Forgiving of case, spaces, punctuation and a courtesy; of anything else not: a text
that says more than that is for a person to read.
A word that carriers act on, in whatever language, never means an acknowledgement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ringfence.text import keyword_tables
from ringfence.text.keywords import KeywordKind, classify, normalise

LENGTH_MAX: Final = 80
NUMBER_MAX: Final = 999_999


class ReplyVerb(Enum):
    """ACKNOWLEDGE: I have it. RESOLVE: it is over. ESCALATE: somebody else, now."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class Reply:
    """`number` is the alert's, None for the newest one this person was told of. With `every`, all
    open alerts of that one's service are meant ("12aa"). `code` is how it was said, plainly: it says
    the same when read again, and may be written to a log."""

    verb: ReplyVerb
    number: int | None
    code: str
    every: bool = False


_WORDS: Final[dict[ReplyVerb, tuple[str, ...]]] = {
    ReplyVerb.ACKNOWLEDGE: ("a", "ack", "acked", "acknowledge", "acknowledged"),
    ReplyVerb.RESOLVE: ("c", "close", "closed", "r", "resolve", "resolved"),
    ReplyVerb.ESCALATE: ("e", "esc", "escalate", "escalated"),
}
# One letter twice: for the whole service. There is none to escalate: three hundred people's phones.
_EVERY: Final[dict[ReplyVerb, tuple[str, ...]]] = {
    ReplyVerb.ACKNOWLEDGE: ("aa", "ack all", "acknowledge all"),
    ReplyVerb.RESOLVE: ("cc", "rr", "close all", "resolve all"),
}
_VERBS: Final = {
    word: (verb, every)
    for table, every in ((_WORDS, False), (_EVERY, True))
    for verb, words in table.items()
    for word in words
}
VERBS: Final = frozenset(_VERBS)
"""Every way to say one, as normalised; none of them is a word that carriers act on."""

_any_verb: Final = "|".join(sorted(_VERBS, key=len, reverse=True))
_number: Final = r"(?:(?:alert|no|nr|number) )*([0-9]{1,6})"
_number_first: Final = re.compile(rf"{_number} ?({_any_verb})")
_verb_first: Final = re.compile(rf"({_any_verb})(?: ?{_number})?")
_courtesies: Final = "|".join(sorted(keyword_tables.COURTESIES, key=len, reverse=True))
_courteous: Final = re.compile(rf"(?:(?:{_courtesies}) )*(.+?)(?: (?:{_courtesies}))*")


def parse_reply(body: str) -> Reply | None:
    """What `body` says about an alert; None where it says anything else."""
    # The forms below hold no such word today; tables grow, and this must hold whatever is in them.
    if len(body) > LENGTH_MAX or classify(body, yes_is_opt_in=True).kind is not KeywordKind.NONE:
        return None
    words = normalise(body)
    found = _courteous.fullmatch(words)
    return _read(words) or (_read(found[1]) if found else None)


def _read(words: str) -> Reply | None:
    if found := _number_first.fullmatch(words):
        return _reply(found[2], found[1])
    if found := _verb_first.fullmatch(words):
        return _reply(found[1], found[2])
    return None


def _reply(word: str, digits: str | None) -> Reply | None:
    number = int(digits) if digits else None
    if number == 0:
        return None  # no alert has it
    verb, every = _VERBS[word]
    said = f"{verb.value} all" if every else verb.value
    return Reply(verb, number, said if number is None else f"{said} {number}", every)
