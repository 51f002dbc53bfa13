"""The carrier's own opt-out handling: STOP, START and HELP words and the book of who is blocked.

Only a single word, in any case, is caught ("STOP PLEASE" is not), and the word still reaches the
webhook (messaging-providers.md 2.8). Pure: no time, no I/O."""

from __future__ import annotations

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


def keyword(body: str) -> Keyword | None:
    """The opt-out word a whole body is, or None. Space around it (phone keyboards) is ignored."""
    word = body.strip().upper()
    if word in STOP_WORDS:
        return Keyword.STOP
    if word in START_WORDS:
        return Keyword.START
    return Keyword.HELP if word in HELP_WORDS else None


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
