"""What a live call is told, in the address at which Plivo then asks: Plivo takes no document in a request,
only an address to fetch one from. It comes back signed, as all of the query is, and is answered as it
stands (`WhatNext.rest`). Must never hold a number, keys, a socket or another secret: addresses are
logged."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from ringfence.model.errors import MalformedEvent
from ringfence.model.instruction import GoOn, HangUp, Instruction, Listen, Say, Wait

REST: Final = "rest"
REST_CHARS_MAX: Final = 3_000
"""Longer addresses are not read by everything that stands on the way."""


def packed(instructions: Sequence[Instruction]) -> str:
    """Letters, digits, `-` and `_`. Raises ValueError for what an address must not or cannot hold:
    such a call is told to ask instead."""
    steps = [_step(one) for one in instructions]
    text = json.dumps(steps, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    found = urlsafe_b64encode(text).decode().rstrip("=")
    if len(found) > REST_CHARS_MAX:
        raise ValueError("that is too much for an address: tell the call to ask")
    return found


def leads_to(instructions: Sequence[Instruction]) -> str:
    """The turn that is asked at afterwards; empty where none is."""
    turns = [one.turn for one in instructions if isinstance(one, GoOn | Listen)]
    return turns[0] if turns else ""


def _step(instruction: Instruction) -> list[object]:
    match instruction:
        case Say(text, voice, language):
            return ["say", text, voice, language]
        case Wait(seconds):
            return ["wait", seconds]
        case GoOn(turn):
            return ["ask", turn]
        case HangUp():
            return ["hang_up"]
        case Listen():
            return _asked(instruction)
        case _:
            raise ValueError("that is not told in an address: tell the call to ask")


def _asked(listen: Listen) -> list[object]:
    return [
        "listen",
        [_step(one) for one in listen.prompt],
        listen.turn,
        listen.digits,
        listen.speech,
        listen.digits_count,
        listen.finish_on,
        listen.timeout_s,
        listen.language,
        listen.hints,
        listen.may_interrupt,
        listen.ask_when_empty,
    ]


def told_along(text: str) -> tuple[Instruction, ...]:
    """Raises MalformedEvent for what `packed` cannot have made."""
    try:
        if len(text) > REST_CHARS_MAX:
            raise ValueError
        steps = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        found = tuple(_read(step) for step in steps) if isinstance(steps, list) else ()
        if not found or packed(found) != text:
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise MalformedEvent("Its address is none that we gave.") from None
    return found


def _read(step: object) -> Instruction:
    match step:
        case ["say", str() as text, str() as voice, str() as language]:
            return Say(text, voice, language)
        case ["wait", int() as seconds] if not isinstance(seconds, bool):
            return Wait(seconds)
        case ["ask", str() as turn]:
            return GoOn(turn)
        case ["hang_up"]:
            return HangUp()
        case ["listen", *given]:
            return _listen(given)
        case _:
            raise ValueError("no step of ours")


def _listen(given: Sequence[object]) -> Listen:
    match given:
        case [
            list() as prompt,
            str() as turn,
            bool() as digits,
            bool() as speech,
            (int() | None) as count,
            str() as finish_on,
            int() as timeout_s,
            str() as language,
            str() as hints,
            bool() as may_interrupt,
            bool() as ask_when_empty,
        ]:
            parts = [one for one in map(_read, prompt) if isinstance(one, Say | Wait)]
        case _:
            raise ValueError("no step of ours")
    return Listen(
        turn,
        tuple(parts),
        digits=digits,
        speech=speech,
        digits_count=count,
        finish_on=finish_on,
        timeout_s=timeout_s,
        language=language,
        hints=hints,
        may_interrupt=may_interrupt,
        ask_when_empty=ask_when_empty,
    )
