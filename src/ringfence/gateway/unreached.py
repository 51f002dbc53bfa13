"""Alerts that would be given up although a step of theirs asked nobody: its texts never left, because the
line was out for so long that they lost their use. While one may still leave, the alert waits; when none
can any more, another round begins. So an outage delays an alert and does not end it. Bounded, and never
for texts that the carrier or the gate refused: those are in vain for good."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from ringfence.delivery import escalate as steps
from ringfence.delivery.escalate import Escalated, Exhausted, Facts, Who
from ringfence.gateway import tries
from ringfence.model.alert import Alert, NoticeKind, NoticeState
from ringfence.model.message import Message, MessageStatus
from ringfence.model.oncall import EscalationPolicy
from ringfence.ports import Tx

ROUNDS_MORE_MAX: Final = 24
PAUSE_S: Final = 600
"""Before another round: a line that closes every connection ends a text within a minute."""
LOOK_AGAIN: Final = timedelta(minutes=1)
_ON_ITS_WAY: Final = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING})


class _Left(Enum):
    """Of the texts of one step: one left or was refused, one still may, none ever did."""

    YES = "yes"
    MAYBE = "maybe"
    NEVER = "never"


def advance(
    tx: Tx, alert: Alert, policy: EscalationPolicy, facts: Facts, now: datetime, who: Who
) -> Escalated:
    """`escalate.advance`, except that nothing is given up for want of a line."""
    done = steps.advance(alert, policy, facts, now, who)
    if not any(isinstance(effect, Exhausted) for effect in done.effects):
        return done
    if alert.round >= (policy.rounds or 0) + ROUNDS_MORE_MAX:
        return done
    match _round_left(tx, alert):
        case _Left.YES:
            return done
        case _Left.MAYBE:
            return Escalated(replace(alert, next_at=now + LOOK_AGAIN))
        case _Left.NEVER:
            pause_s = max(policy.pause_s, PAUSE_S)
            further = replace(policy, rounds=alert.round + 1, pause_s=pause_s)
            return steps.advance(alert, further, facts, now, who)


def _round_left(tx: Tx, alert: Alert) -> _Left:
    """The worst of the steps of the present round."""
    told: dict[str, list[str]] = defaultdict(list)
    for one in tx.alerts.notices_of(alert.id):
        ours = one.kind is NoticeKind.ALERT and one.round == alert.round
        # One that is still owed when a round ends is for somebody who answered already: it says
        # nothing of whether the others were asked.
        if ours and one.state not in (NoticeState.MOOT, NoticeState.OWED):
            told[one.step].append(one.message_id)
    texts = tx.messages.many({key for keys in told.values() for key in keys if key})
    found = {_step_left([texts.get(key) for key in keys]) for keys in told.values()}
    return next((one for one in (_Left.MAYBE, _Left.NEVER) if one in found), _Left.YES)


def _step_left(texts: list[Message | None]) -> _Left:
    """A notice without a text was refused, or its text was erased."""
    if not all(text is not None and _stayed(text) for text in texts):
        return _Left.YES
    waits = any(text is not None and text.status in _ON_ITS_WAY for text in texts)
    return _Left.MAYBE if waits else _Left.NEVER


def _stayed(text: Message) -> bool:
    if text.status in _ON_ITS_WAY:
        return not text.provider_id
    unknown = text.status is MessageStatus.FAILED and text.reason.startswith(tries.UNKNOWN)
    return unknown or text.status is MessageStatus.EXPIRED
