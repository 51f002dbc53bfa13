"""The fields of Plivo's voice webhooks, and what we wrote into the address they come to: taken only as they
can have been written, by Plivo or by us. Names and values are signed without marks between them, so that a
form can be divided anew; what holds against that is counting (see plivo_events.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ringfence.model.errors import MalformedEvent
from ringfence.providers import forms
from ringfence.providers.base import Verified
from ringfence.providers.plivo_events import OUR_ID

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_OUR_VALUE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_CALLER_MARK = re.compile(r"From\+?[0-9]", re.ASCII)
_SPOKEN = frozenset({"Speech", "StableSpeech", "UnstableSpeech"})


def is_call_id(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def ours(verified: Verified, name: str) -> str:
    """A value that we wrote into the address, or empty. Raises MalformedEvent for one given twice or
    one that we cannot have made."""
    found = given(verified, name)
    if found and not _OUR_VALUE.fullmatch(found):
        raise MalformedEvent("Its address is none that we gave.")
    return found


def given(verified: Verified, name: str) -> str:
    try:
        found = [v for key, v in forms.decode(verified.request.query) if key == name]
    except ValueError:
        raise MalformedEvent("Its address cannot be read.") from None
    if len(found) > 1:
        raise MalformedEvent("Its address is none that we gave.")
    return found[0] if found else ""


def fields_of(verified: Verified) -> dict[str, str]:
    """Fields by name. None comes twice: which one was meant?"""
    values = dict(verified.fields)
    if len(values) != len(verified.fields):
        raise MalformedEvent("A field is repeated.")
    if not is_call_id(values.get("CallUUID", "")):
        raise MalformedEvent("It names no call.")
    return values


def guard_names(values: Mapping[str, str]) -> None:
    """Names and values are signed without a mark between them, and a caller chooses what they say and
    are called: outside their words `CallUUID` occurs as often as names have it, and a caller's number
    as often as there are fields for one (see plivo_events.py)."""
    told = "".join(
        name + ("\0" if name in _SPOKEN else value) for name, value in sorted(values.items())
    )
    callers = sum(
        _CALLER_MARK.match(f"From{value}") is not None
        for name, value in values.items()
        if name.endswith("From")
    )
    if (
        told.count("CallUUID") != sum("CallUUID" in name for name in values)
        or len(_CALLER_MARK.findall(told)) != callers
    ):
        raise MalformedEvent("Its fields do not stand where the provider puts them.")


def our_id(verified: Verified) -> str:
    found = ours(verified, OUR_ID)
    if not found:
        raise MalformedEvent("Its address names no call of ours.")
    return found


def whole(values: Mapping[str, str], name: str) -> int | None:
    given = values.get(name, "")
    return int(given) if _NUMBER.fullmatch(given) else None
