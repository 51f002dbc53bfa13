"""How long each call of a batch may last (P12): what the policy gives it, and never more than what is
left of the day's minutes once all that is under way, and all of the same batch, has its share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ringfence.gateway.counting import Counts
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import Question
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.policy.call_time import begun_minutes, call_ceiling_s
from ringfence.ports import Tx


@dataclass(frozen=True, slots=True)
class CallWanted:
    """A call that the gate allowed; `seconds` are what the line itself gives one."""

    line: Line
    number: PhoneNumber
    seconds: int


def ceilings_s(kit: Equipment, tx: Tx, wanted: Sequence[CallWanted], now: datetime) -> list[int]:
    """The limit of each in seconds from the answer on, in the same order. For the transaction in which
    the gate allowed them, before their rows are added: where it allowed a call, there is a minute."""
    questions = [Question(Act.CALL, one.line, one.number, "system") for one in wanted]
    counts = Counts(tx, questions, now, kit.zones)
    for question in questions:
        counts.promise(question, 1)
    limits = []
    for one, question in zip(wanted, questions, strict=True):
        counts.promise(question, -1)
        settings = kit.policies[one.line.id].settings
        limit_s = call_ceiling_s(counts.of(question, 0), settings, one.seconds)
        counts.promise(question, begun_minutes(limit_s))
        limits.append(limit_s)
    return limits
