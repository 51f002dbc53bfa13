"""What a live call is told, in the address at which Plivo then asks: Plivo takes no document in a request,
only an address to fetch one from. It comes back signed, as all of the query is, and is answered as it
stands (`WhatNext.rest`). Must never hold a number, keys, a socket or another secret: addresses are
logged."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ringfence.model.errors import MalformedEvent
from ringfence.model.instruction import GoOn, HangUp, Instruction, Say, Wait

REST: Final = "rest"
REST_CHARS_MAX: Final = 1_500
"""Addresses longer than 2,000 characters are not read by everything that stands on the way."""


def packed(instructions: Sequence[Instruction]) -> str:
    """Letters, digits, `-` and `_`. Raises ValueError for what an address must not or cannot hold:
    such a call is told to ask instead."""
    steps = [_step(one) for one in instructions]
    text = json.dumps(steps, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    found = urlsafe_b64encode(text).decode().rstrip("=")
    if len(found) > REST_CHARS_MAX:
        raise ValueError("that is too much for an address: tell the call to ask")
    return found


def _step(instruction: Instruction) -> list[str | int]:
    match instruction:
        case Say(text, voice, language):
            return ["say", text, voice, language]
        case Wait(seconds):
            return ["wait", seconds]
        case GoOn(turn):
            return ["ask", turn]
        case HangUp():
            return ["hang_up"]
        case _:
            raise ValueError("that is not told in an address: tell the call to ask")


_STEPS: Final[Mapping[str, tuple[tuple[type, ...], Callable[..., Instruction]]]] = {
    "say": ((str, str, str), Say),
    "wait": ((int,), Wait),
    "ask": ((str,), GoOn),
    "hang_up": ((), HangUp),
}


def told_along(text: str) -> tuple[Instruction, ...]:
    """Raises MalformedEvent for what `packed` cannot have made."""
    try:
        if len(text) > REST_CHARS_MAX:
            raise ValueError
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        steps = json.loads(raw)
        found = tuple(_read(step) for step in steps) if isinstance(steps, list) else ()
        if not found or packed(found) != text:
            raise ValueError
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise MalformedEvent("Its address is none that we gave.") from None
    return found


def _read(step: object) -> Instruction:
    name, *given = step if isinstance(step, list) and step else [""]
    types, made = _STEPS[name] if isinstance(name, str) and name in _STEPS else ((), None)
    if made is None or tuple(type(value) for value in given) != types:
        raise ValueError("no step of ours")
    return made(*given)
