"""Who calls, as the network says it. A caller id is written by whoever calls: it may be hidden, a
placeholder or nonsense, and is never proof (facts voice 1.2). Here it becomes a whole number, or
nobody; nothing is completed, cut or guessed (B121)."""

from __future__ import annotations

from typing import Final

from ringfence.model.errors import InvalidNumber
from ringfence.model.phone import PhoneNumber, strict

# Written where the network names nobody; on a keypad they spell ANONYMOUS, RESTRICTED, BLOCKED,
# UNKNOWN and UNAVAILABLE.
PLACEHOLDERS: Final = frozenset({"266696687", "7378742833", "2562533", "8656696", "86282452253"})


def shown_number(caller: str, *, hidden: bool = False) -> PhoneNumber | None:
    """The number a call is from; None for a caller who shows none. `hidden` is what the codec thinks,
    and can only take away."""
    if hidden:
        return None
    try:
        number = strict(caller)
    except InvalidNumber:
        return None
    return None if is_placeholder(number) else number


def is_placeholder(number: PhoneNumber) -> bool:
    """Written like a number, and nobody's. The digits as a whole: +1 before one of them may be
    somebody's telephone."""
    return number.e164.removeprefix("+") in PLACEHOLDERS
