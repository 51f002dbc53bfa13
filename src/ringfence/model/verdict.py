"""Acts, verdicts, reasons, decisions: what is about to be done, and what the rules said about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum


class Act(Enum):
    """What is about to be done. RECEIVE takes in a text and does nothing at the provider; ANSWER takes
    up somebody's call, which costs money and holds a line."""

    RECEIVE = "receive"
    REPLY = "reply"
    INITIATE = "initiate"
    CALL = "call"
    ANSWER = "answer"
    SPEAK = "speak"


class Verdict(IntEnum):
    """Ordered by strictness: the largest wins (promise P1)."""

    ALLOW = 0
    HOLD = 1
    DENY = 2


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule's answer. `until` on a HOLD means time will lift it, no person is needed; without it
    a person must say yes, and with `anew` the yes that was given does not count."""

    verdict: Verdict
    code: str = ""
    text: str = ""
    until: datetime | None = None
    anew: bool = False


ALLOWED = Ruling(Verdict.ALLOW)


def hold(code: str, text: str, until: datetime | None = None) -> Ruling:
    return Ruling(Verdict.HOLD, code, text, until)


def deny(code: str, text: str) -> Ruling:
    return Ruling(Verdict.DENY, code, text)


@dataclass(frozen=True, slots=True)
class Reason:
    """A ruling that was not ALLOW, with the rule's name. `met_by` names the approval or the grant
    that stood in for the person a HOLD asked for; such a reason holds nothing."""

    rule: str
    verdict: Verdict
    code: str
    text: str
    met_by: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The sum of all rulings. `until` is set when every HOLD is lifted by time alone.
    `alarms` names rules that raised (each counted as DENY)."""

    act: Act
    verdict: Verdict
    reasons: tuple[Reason, ...]
    policy_version: str
    until: datetime | None = None
    alarms: tuple[str, ...] = ()
