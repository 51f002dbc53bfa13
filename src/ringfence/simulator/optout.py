"""The carrier's own opt-out handling: STOP, START and HELP words and the book of who is blocked.

Only a single word, in any case, is caught ("STOP PLEASE" is not), and the word still reaches the
webhook (messaging-providers.md 2.8). Pure: no time, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final


class Keyword(StrEnum):
    STOP = "STOP"
    START = "START"
    HELP = "HELP"


class OptOutHandling(Enum):
    """Who acts on opt-out words."""

    CARRIER = "carrier"  # default on long codes: block, and answer the person
    SILENT = "silent"  # block, but leave the answer to the account
    NONE = "none"  # standalone short codes: the account does everything


STOP_WORDS: Final = frozenset(
    ("STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL")
)
START_WORDS: Final = frozenset(("START", "YES", "UNSTOP"))
HELP_WORDS: Final = frozenset(("HELP", "INFO"))

REPLIES: Final = {
    Keyword.STOP: "You are opted out and will get no more messages from this number. Reply START to opt in.",
    Keyword.START: "You are opted in to messages from this number again. Reply STOP to opt out.",
    Keyword.HELP: "Reply STOP to opt out of messages from this number. Rates of your carrier apply.",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What one provider takes for which keyword."""

    stop: frozenset[str]
    start: frozenset[str]
    help: frozenset[str]


TWILIO: Final = Words(STOP_WORDS, START_WORDS, HELP_WORDS)
# YES lifts nothing at Telnyx, and HELP is answered only where the profile has words for it
# (messaging-providers.md 2.9).
TELNYX: Final = Words(
    frozenset(("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT")),
    frozenset(("START", "UNSTOP")),
    frozenset(),
)


# Plivo's pages on its do-not-disturb service.
PLIVO: Final = Words(
    frozenset(("STOP", "END", "QUIT", "CANCEL", "UNSUBSCRIBE", "UNSUB", "STOP ALL")),
    frozenset(("START", "YES", "RESUME", "UNSTOP", "GO")),
    HELP_WORDS,
)
WORDS: Final = {"twilio": TWILIO, "telnyx": TELNYX, "plivo": PLIVO}


def keyword(body: str, words: Words = TWILIO) -> Keyword | None:
    """The opt-out word a whole body is, or None. Space around it (phone keyboards) is ignored."""
    word = body.strip().upper()
    if word in words.stop:
        return Keyword.STOP
    if word in words.start:
        return Keyword.START
    return Keyword.HELP if word in words.help else None


class OptOutBook:
    """Pairs of scope and person. The scope is a sender number, or a whole Messaging Service."""

    def __init__(self) -> None:
        self._blocked: set[tuple[str, str]] = set()

    def block(self, scope: str, person: str) -> None:
        self._blocked.add((scope, person))

    def lift(self, scope: str, person: str) -> None:
        self._blocked.discard((scope, person))

    def blocks(self, scope: str, person: str) -> bool:
        return (scope, person) in self._blocked

    def listing(self) -> list[tuple[str, str]]:
        return sorted(self._blocked)
