"""What an agent's answer says aloud: only the words, whatever shape the model gave them, and what it
wants done with the call. Reasoning, planning and JSON around the words are never spoken; an explicit
empty answer is silence (B140)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.text.plain import plain
from ringfence.text.scrub import scrub

_FENCED = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)
_THOUGHT = re.compile(r"<(think|thinking|reasoning|analysis)>.*?(?:</\1>|\Z)", re.DOTALL | re.I)
_LABEL = re.compile(
    r"\A(?:(?:plan|planning|thoughts?|reasoning|analysis)\s*:.*?\n\s*\n)+", re.DOTALL | re.I
)
_KEYS = ("spoken", "say", "speech", "reply", "text", "message")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """`text` to say, empty for silence; `hang_up` after it; `transfer` names whom to connect."""

    text: str
    hang_up: bool = False
    transfer: str = ""


def spoken(answer: str) -> SpokenAnswer:
    """The words to say, without markup, and what is to be done."""
    bare = _THOUGHT.sub("", answer).strip()
    fenced = _FENCED.match(bare)
    document = _from_json(fenced.group(1).strip() if fenced else bare)
    if document is None:
        return SpokenAnswer(_said(_LABEL.sub("", bare)))
    if isinstance(document, str):
        return SpokenAnswer(_said(document))
    transfer = document.get("transferTo", document.get("transfer_to", ""))
    named = isinstance(transfer, str) and _NAME.fullmatch(transfer)
    return SpokenAnswer(
        _said(_words_in(document)),
        hang_up=(document.get("hangUp") or document.get("hang_up")) is True,
        transfer=str(transfer) if named else "",
    )


def _said(words: str) -> str:
    return " ".join(scrub(plain(words)).split())


def _words_in(document: Mapping[str, Any]) -> str:
    """An object without any key we know says nothing: reading out its keys would be worse."""
    said = (document.get(key) for key in _KEYS)
    return next((one for one in said if isinstance(one, str)), "")


def _from_json(text: str) -> str | dict[str, Any] | None:
    """A JSON object or string; None for what is none."""
    if not text.startswith(("{", '"')):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, str | dict) else None
