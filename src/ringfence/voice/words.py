"""What words are worth while we speak: an echo of our own, a listener's nod, or an interruption."""

from __future__ import annotations

import re
from collections.abc import Collection

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ECHO_WORDS_MIN = 3


def words_of(text: str) -> list[str]:
    """In lower case, without punctuation."""
    return _WORD.findall(text.casefold())


def is_echo(text: str, ours: str) -> bool:
    """Whether somebody said, word for word, part of what we are saying: a speakerphone hands it back.
    Fewer than three words may be anybody's."""
    words = words_of(text)
    if len(words) < _ECHO_WORDS_MIN:
        return False
    return f" {' '.join(words)} " in f" {' '.join(words_of(ours))} "


def is_backchannel(text: str, backchannels: Collection[str], ours: str) -> bool:
    """Whether it only says that somebody listens. After a question of ours it is an answer."""
    words = words_of(text)
    if not words or ours.rstrip().endswith("?"):
        return False
    return " ".join(words) in backchannels or all(word in backchannels for word in words)
