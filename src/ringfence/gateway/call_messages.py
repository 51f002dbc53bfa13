"""Leaving a message: where nobody takes a call (the line is closed, the agent cannot answer, a caller
waited too long) the caller is asked to speak after a tone. The question says that it is recorded; what
is left is on record at once, and its sound is fetched after the commit (call_recordings)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ringfence.gateway import call_words as words
from ringfence.gateway.call_words import Manner
from ringfence.gateway.equipment import Equipment
from ringfence.model.call import Call, RecordingReport, RecordingState, Speaker, Words
from ringfence.model.instruction import Instruction, TakeMessage
from ringfence.model.left_message import LeftMessage, LeftMessageState
from ringfence.model.line import Line
from ringfence.ports import Tx
from ringfence.providers import call_providers

MESSAGE = "message"
"""The turn that a message leads to."""
_ID_CHARACTERS_MAX = 128


def taken(line: Line) -> bool:
    """Whether callers of this line may leave one."""
    provider = call_providers().get(line.provider)
    return (
        line.voice is not None
        and line.voice.messages is not None
        and provider is not None
        and provider.call_capabilities.takes_messages
    )


def is_asked(tx: Tx, line: Line, call: Call) -> bool:
    return taken(line) and tx.calls.message_of(call.id) is not None


def waited_long(line: Line, call: Call, now: datetime) -> bool:
    """The caller was held as long as anybody has to be. False where none may be left."""
    if not taken(line) or call.person.answered_at is None:
        return False
    settings = line.voice.messages if line.voice is not None else None
    assert settings is not None, "messages are taken"
    return now - call.person.answered_at >= timedelta(seconds=settings.hold_s)


def asked(
    kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, why: str, now: datetime
) -> tuple[Call, list[Instruction]]:
    """Ask for one, at most one in a call. Whoever has heard nothing yet is told first who records them.
    Only where `taken`."""
    settings = manner.settings.messages
    assert settings is not None, "only where messages are taken"
    known = tx.calls.message_of(call.id)
    if known is not None and known.state is not LeftMessageState.ASKED:
        return call, words.farewell(manner, manner.settings.sentences.goodbye)
    owed = words.owed_to(line, manner, call.person.number) if call.disclosed_at is None else ""
    texts = [text for text in (owed, settings.prompt) if text]
    if known is None:  # a webhook may be told again, and is answered with the same (B116)
        call = _note_asked(kit, tx, call, texts, why, now)
    return call, [
        *(words.say(manner, text) for text in texts),
        TakeMessage(MESSAGE, settings.seconds_max, settings.silence_s),
        *words.farewell(manner, manner.settings.sentences.goodbye),
    ]


def _note_asked(
    kit: Equipment, tx: Tx, call: Call, texts: Sequence[str], why: str, now: datetime
) -> Call:
    tx.calls.add_words([Words(call.id, 0, Speaker.GATEWAY, text, now) for text in texts])
    # Not somebody who waits any more: others may be served.
    call = replace(call, turn=max(call.turn, 1), updated_at=now)
    tx.calls.save([call])
    tx.calls.put_message(LeftMessage(call.id, LeftMessageState.ASKED, "", 0, now))
    body = {"line": call.line, "why": why}
    tx.audit.append([kit.audit("call_message_asked", call.id, "system", now, body)])
    return call


def left(
    kit: Equipment, tx: Tx, manner: Manner, call: Call, event: RecordingReport, now: datetime
) -> list[Instruction]:
    """What the provider says of a recording. Told twice, or by two webhooks, it is one message; what
    nobody was asked for is not fetched."""
    known = tx.calls.message_of(call.id)
    if known is not None and known.state is LeftMessageState.ASKED:
        _note_left(kit, tx, call, known, event, now)
    elif known is not None and known.state is LeftMessageState.OWED and event.url:
        tx.calls.put_message(replace(known, url=event.url, due_at=now))
    if not event.asks or call.is_over or call.ending is not None:
        return []
    return words.farewell(manner, manner.settings.sentences.goodbye)


def _note_left(
    kit: Equipment, tx: Tx, call: Call, asked: LeftMessage, event: RecordingReport, now: datetime
) -> None:
    body = {"line": call.line, "state": event.state, "lasted_s": event.lasted_s}
    tx.audit.append([kit.audit("call_message", call.id, "provider", now, body)])
    if event.state is not RecordingState.COMPLETED or not event.url:
        return
    owed = replace(
        asked,
        state=LeftMessageState.OWED,
        recording_id=event.recording_id[:_ID_CHARACTERS_MAX],
        lasted_s=event.lasted_s,
        left_at=now,
        url=event.url,
        due_at=now,
    )
    tx.calls.put_message(owed)
