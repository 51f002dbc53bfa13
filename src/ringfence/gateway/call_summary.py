"""What the owners are told once somebody's conversation with the agent is over: who called, how long, why
it ended, the last words of both sides. One text to each, written with the end itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import call_notices, quoted
from ringfence.gateway.review import propose
from ringfence.model.call import Call, CallMode, EndReason, Speaker, Words
from ringfence.model.line import Line
from ringfence.model.message import Direction
from ringfence.ports import Tx

WORDS_QUOTED_MAX = 100
"""Of each side: both fit into three segments with what stands around them."""
_WHY = {
    EndReason.HUNG_UP: "they hung up",
    EndReason.SAID_ALL: "everything was said",
    EndReason.ENDED_BY_AGENT: "the agent ended it",
    EndReason.ENDED_BY_OPERATOR: "an operator ended it",
    EndReason.TRANSFERRED: "it was handed over",
    EndReason.FAILED: "it failed",
    EndReason.SILENCE: "nobody spoke any more",
    EndReason.TIME_LIMIT: "its time was up",
    EndReason.KILLED: "it was stopped",
    EndReason.LOST: "the provider lost it",
}


def summarise(kit: Equipment, tx: Tx, call: Call, now: datetime) -> None:
    """In the transaction that folds the end, which happens once."""
    line = kit.lines.get(call.line)
    if line is None or not _is_told(line, call):
        return
    words = tx.calls.words_of(call.id)
    if tx.calls.message_of(call.id) is not None and not _last(words, Speaker.PERSON):
        return  # nobody talked; a message is told of by itself
    text = _text(line, call, words)
    propose(kit, tx, call_notices(tx, line, text, now), now)


def _is_told(line: Line, call: Call) -> bool:
    """Somebody called in and was greeted; owners know what they said themselves."""
    return (
        line.voice is not None
        and line.voice.summary
        and call.mode is CallMode.CONVERSATION
        and call.direction is Direction.IN
        and call.turn > 0
        and call.person.number not in line.owners
    )


def _text(line: Line, call: Call, words: Sequence[Words]) -> str:
    """Our words first; theirs come last and quoted, so that nothing in them can pass for ours. The
    number stands in full, as in every notice: by it the notice is found when they are forgotten."""
    leg = call.person
    why = _WHY.get(leg.end_reason, "it is over") if leg.end_reason else "it is over"
    told = f"{leg.number.e164} called {line.label}: {spoken_length(leg.lasted)}, {why}."
    ours = _last(words, Speaker.AGENT)
    theirs = _last(words, Speaker.PERSON)
    said = f" We said last: {quoted(ours, WORDS_QUOTED_MAX)}" if ours else ""
    heard = (
        f" They said last: {quoted(theirs, WORDS_QUOTED_MAX)}" if theirs else " They said nothing."
    )
    return f"{told}{said}{heard}"


def _last(words: Sequence[Words], speaker: Speaker) -> str:
    """As far as it was heard, where that is known."""
    texts = (one.text[: one.heard] for one in reversed(words) if one.speaker is speaker)
    return next((text for text in texts if text.strip()), "")


def spoken_length(length: timedelta) -> str:
    """`2 min 5 s`."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
