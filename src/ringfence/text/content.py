"""What stands in an outbound text that can be told exactly: links, secrets, cards, SHAFT, reply verbs.

Names kinds, categories and hosts; which of them matter is for the rules (compliance 4.6, 4.7).
It must never return a secret or a card number, and nothing of it but digests goes into facts.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from ringfence.text import content_tables as tables
from ringfence.text.links import hosts, is_shortener, resolved
from ringfence.text.phrases import PhraseList, read
from ringfence.text.reply_verbs import reply_verbs
from ringfence.text.secret_forms import secrets


@dataclass(frozen=True, slots=True)
class Content:
    """What was found, each without repetition and in the order found.

    `hosts` are as a resolver would have them (small letters, "xn--" for other writing); `shorteners`
    those of them that only point elsewhere. `secrets` names kinds ("card_number"), `shaft`
    categories, `reserved` the keywords that a reader is asked to answer with, `hidden` kinds of
    characters that are not seen.
    """

    hosts: tuple[str, ...] = ()
    shorteners: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    shaft: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


def scan(text: str) -> Content:
    """Return the findings in `text`. Raises nothing."""
    seen = _as_seen(text)
    linked = tuple(dict.fromkeys(hosts(seen)))
    return Content(
        hosts=linked,
        shorteners=tuple(host for host in linked if is_shortener(host)),
        secrets=tuple(dict.fromkeys(secrets(seen))),
        shaft=tuple(dict.fromkeys(hit.label for hit in _shaft_words().hits(text))),
        reserved=tuple(dict.fromkeys(reply_verbs(seen))),
        hidden=() if seen == text else _hidden(text),
    )


def _hidden(text: str) -> tuple[str, ...]:
    return tuple(kind for kind, found in _HIDDEN.items() if found(text))


def host_digest(host: str) -> str:
    """Return what facts keep of a host, the same for all its spellings."""
    return hashlib.sha256(resolved(host).encode()).hexdigest()[:12]


_between_latin: Final = "(?<=[A-Za-z])[\u200c\u200d](?=[A-Za-z])"
_HIDDEN: Final = {
    "control": re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]").search,
    # The marks alone (U+200E, U+200F) belong to ordinary Hebrew and Arabic.
    "bidi": re.compile("[\u202a-\u202e\u2066-\u2069]").search,
    "zero_width": re.compile(f"[\u00ad\u200b\u2060-\u2064\ufeff]|{_between_latin}").search,
    # A flag of a part of a country is a black flag and tags; nothing else has use for these.
    "tag": re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]").search,
}
_unseen: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\U000e0000-\U000e007f]+"
)


def _as_seen(text: str) -> str:
    """Return `text` in compatibility form without what no reader sees: full-width and the like."""
    if text.isascii() and text.isprintable():
        return text
    return _unseen.sub("", unicodedata.normalize("NFKC", text))


@functools.cache
def _shaft_words() -> PhraseList:
    listed = [
        read(category, " ".join(phrase.split()))
        for category, phrases in tables.SHAFT.items()
        for phrase in phrases.split(",")
    ]
    harmless = [read("harmless", " ".join(one.split())) for one in tables.SHAFT_HARMLESS.split(",")]
    return PhraseList(listed, harmless)
