"""What an agent's answer says aloud: only the words, whatever shape the model gave them. Reasoning,
planning and JSON around the words are never spoken; an explicit empty answer is silence (B140)."""

from __future__ import annotations

import json
import re

from ringfence.text.plain import plain
from ringfence.text.scrub import scrub

_FENCED = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)
_THOUGHT = re.compile(r"<(think|thinking|reasoning|analysis)>.*?(?:</\1>|\Z)", re.DOTALL | re.I)
_LABEL = re.compile(
    r"\A(?:(?:plan|planning|thoughts?|reasoning|analysis)\s*:.*?\n\s*\n)+", re.DOTALL | re.I
)
_KEYS = ("spoken", "say", "speech", "reply", "text", "message")


def spoken(answer: str) -> str:
    """The words to say, without markup; empty for silence."""
    bare = _THOUGHT.sub("", answer).strip()
    fenced = _FENCED.match(bare)
    inner = fenced.group(1).strip() if fenced else bare
    words = _from_json(inner)
    if words is None:
        words = _LABEL.sub("", bare)
    return " ".join(scrub(plain(words)).split())


def _from_json(text: str) -> str | None:
    """The words in a JSON object or string; None for what is none. An object without any key we know
    says nothing: reading out its keys would be worse than silence."""
    if not text.startswith(("{", '"')):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        return None
    said = (document.get(key) for key in _KEYS)
    return next((one for one in said if isinstance(one, str)), "")
