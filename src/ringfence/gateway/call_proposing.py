"""A call somebody asks for, as a proposal: who is called, with which opening words, how. What becomes of
it is for the gate; `bridge.send` hands it in, once per idempotency key."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ringfence.gateway.bridge import SendRequest
from ringfence.gateway.call_placing import caller_of, voice_of
from ringfence.gateway.call_words import CALL, KEYS
from ringfence.model.call import CallMode
from ringfence.model.errors import EmptyText, InvalidField
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.text.spoken import spoken

OPENING_LENGTH_MAX = 3_000
"""Characters; at three minutes of speech nobody listens any more."""
_KEY = re.compile(r"[0-9]", re.ASCII)
_MEANING_LENGTH_MAX = 60


def wanted(
    line: Line,
    to: PhoneNumber,
    words: str,
    initiator: str,
    *,
    mode: CallMode | None = None,
    keys: Mapping[str, str] | None = None,
    idempotency_key: str = "",
) -> SendRequest:
    """A call as `bridge.send` and `bridge.dry_run` take it. Raises InvalidField, EmptyText, and
    ProviderMisconfigured where no call can be placed at all, in words that say why (B127)."""
    caller_of(line)
    chosen = mode or (CallMode.NOTIFY if keys else voice_of(line).mode)
    text = spoken(words).text
    if not text:
        raise EmptyText("Give the words that the call opens with in `message`.")
    if len(text) > OPENING_LENGTH_MAX:
        raise InvalidField(f"A call opens with at most {OPENING_LENGTH_MAX} characters.")
    if keys and chosen is not CallMode.NOTIFY:
        raise InvalidField("`keys` are asked for in calls of the mode notify.")
    provenance = {CALL: chosen.value} | ({KEYS: _checked_keys(keys)} if keys else {})
    return SendRequest(
        line=line,
        to=to,
        body=text,
        initiator=initiator,
        idempotency_key=idempotency_key,
        provenance=provenance,
        act=Act.CALL,
    )


def _checked_keys(keys: Mapping[str, str]) -> dict[str, str]:
    checked = {digit: spoken(meaning).text for digit, meaning in keys.items()}
    for digit, meaning in checked.items():
        if not _KEY.fullmatch(digit) or not 0 < len(meaning) <= _MEANING_LENGTH_MAX:
            raise InvalidField(
                f"`keys` maps digits to what they mean, at most {_MEANING_LENGTH_MAX} characters each: "
                '{"1": "confirm"}.'
            )
    return checked
