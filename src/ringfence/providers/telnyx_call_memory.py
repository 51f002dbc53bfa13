"""What a call on Telnyx is in the middle of, kept in its `client_state`: Telnyx has no list of things to
do, and gives this text back with every later event of the leg (facts voice 1.6). So that a codec
without a state knows what a finished command was for, and what is left of what it was told. Pure; what
comes back is inside a signed body, and is read as strictly as anything else from outside."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Final

from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    JoinConference,
    Listen,
    OpenRelay,
    OpenStream,
    Play,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)

STATE_CHARS_MAX: Final = 16_000
"""Ours: Telnyx names no limit. Three texts of the longest kind fit."""

_KINDS: Final[dict[str, type[Any]]] = {
    kind.__name__: kind
    for kind in (
        *(Say, Play, SendDigits, Wait, Listen, TakeMessage, DialNumber),
        *(JoinConference, OpenStream, OpenRelay, GoOn, HangUp),
    )
}
_PLAIN: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "int | None": (int,),
}


class After(Enum):
    """Which event ends what the call is doing. NOTHING: it was told nothing yet; DONE: nothing is left
    of what it was told, and no event is waited for."""

    NOTHING = "nothing"
    DONE = "done"
    ANSWER = "answer"
    DETECTION = "detection"
    GREETING = "greeting"  # as DETECTION, and of a machine its greeting's end
    SPEAK = "speak"
    PLAYBACK = "playback"
    LISTEN = "listen"
    RECORDING = "recording"
    LEG = "leg"
    STREAM = "stream"


BEFORE_THE_ANSWER: Final = frozenset({After.NOTHING, After.ANSWER, After.DETECTION, After.GREETING})


@dataclass(frozen=True, slots=True)
class Memory:
    """`our_id` is the call's. When `after` has come we ask at `turn`, or `rest` is told. `call` is the
    call control id of the leg that was told, where the event is another leg's or has none."""

    our_id: str = ""
    after: After = After.NOTHING
    turn: str = ""
    rest: tuple[Instruction, ...] = field(default=(), repr=False)
    call: str = ""


NOTHING: Final = Memory()


def written(memory: Memory) -> str:
    """Raises ValueError for what is too much to be remembered."""
    given = {
        "ringfence": memory.our_id,
        "after": memory.after.value,
        "turn": memory.turn,
        "call": memory.call,
        "rest": [_plain(one) for one in memory.rest],
    }
    document = {name: value for name, value in given.items() if value}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    state = b64encode(text.encode("utf-8", "replace")).decode()
    if len(state) > STATE_CHARS_MAX:
        raise ValueError("that is more than a call on Telnyx is told at once")
    return state


def read(state: str) -> Memory:
    """NOTHING for a state that is not ours."""
    try:
        given = json.loads(b64decode(state, validate=True))
        if not isinstance(given, dict) or len(state) > STATE_CHARS_MAX:
            return NOTHING
        return Memory(
            our_id=_text(given.get("ringfence", "")),
            after=After(given.get("after", After.NOTHING.value)),
            turn=_text(given.get("turn", "")),
            rest=tuple(_instruction(one) for one in _list(given.get("rest", []))),
            call=_text(given.get("call", "")),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return NOTHING


def _plain(instruction: Instruction) -> list[object]:
    """The name of the kind and what differs from its defaults."""
    kind = type(instruction)
    if kind.__name__ not in _KINDS:
        raise ValueError("a caller is refused at once or not at all")
    values: dict[str, object] = {}
    for entry in fields(instruction):
        value = getattr(instruction, entry.name)
        if value == entry.default:
            continue
        if entry.name == "prompt":
            value = [_plain(part) for part in value]
        elif entry.name == "parameters":
            value = [list(pair) for pair in value]
        values[entry.name] = value
    return [kind.__name__, values]


def _instruction(plain: object) -> Any:
    name, values = _list(plain)
    kind = _KINDS[name]
    known = {entry.name: str(entry.type) for entry in fields(kind)}
    return kind(**{key: _value(key, known[key], value) for key, value in values.items()})


def _value(name: str, kind: str, value: Any) -> Any:
    if name == "prompt":
        return tuple(_sound(part) for part in _list(value))
    if name == "parameters":
        return tuple((_text(key), _text(one)) for key, one in map(_list, _list(value)))
    if type(value) not in _PLAIN[kind]:
        raise ValueError("a value of another kind")
    return value


def _sound(plain: object) -> Say | Play | Wait:
    found = _instruction(plain)
    if not isinstance(found, Say | Play | Wait):
        raise ValueError("a prompt sounds, and does nothing else")
    return found


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value
