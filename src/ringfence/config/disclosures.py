"""What a person is told first on a line when the configuration does not say it, by purpose; and what
such words must not leave out. Our own words are plain GSM-7, so that they cost what they seem to."""

from __future__ import annotations

import re

from ringfence.model.line import Purpose

_RATES = "Msg & data rates may apply."
_ENDINGS = {
    Purpose.INTAKE: "this line is answered automatically, and people of ours read along. "
    f"{_RATES} Reply HELP to learn how to reach a person, STOP for no more messages.",
    Purpose.NOTIFY: "these messages are sent automatically, as often as there is news. "
    f"{_RATES} Reply HELP to learn how to reach a person, STOP for no more messages.",
}
_MUST_SAY = ("STOP", "HELP")


def default_words(purpose: Purpose, label: str) -> str:
    """Empty for a hotline: whoever is let in there knows what they write to."""
    ending = _ENDINGS.get(purpose, "")
    return f"{label}: {ending}" if ending else ""


def spoken_words(purpose: Purpose, name: str) -> str:
    """What everybody but an owner hears first on a call. Also on a hotline: whoever is called has not
    seen by whom. Keywords of texts have no place in it."""
    who = f"This is {name}. " if name else ""
    if purpose is Purpose.NOTIFY:
        return f"{who}This is an automated call."
    return f"{who}You are talking to an automated assistant."


def left_out(words: str) -> list[str]:
    """The keywords that every disclosure must name, and these words do not."""
    return [word for word in _MUST_SAY if not re.search(rf"\b{word}\b", words)]
