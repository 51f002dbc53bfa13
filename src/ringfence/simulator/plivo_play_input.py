"""One GetInput at work: prompts that a key or a word ends, keys with their own patience, and what is told
of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ringfence.simulator.call_session import Key, Words, cancelled
from ringfence.simulator.twiml_play import CONFIDENCE

if TYPE_CHECKING:
    from ringfence.simulator.twiml_play import Player
    from ringfence.simulator.twiml_voice import Verb


class Input:
    """Collects what one GetInput wants to hear."""

    def __init__(self, player: Player, verb: Verb, prompts: Coroutine[Any, Any, None]) -> None:
        self._player, self._verb = player, verb
        self._prompts = asyncio.ensure_future(prompts)
        kinds = verb["inputType"].split()
        self._keys, self._words = "dtmf" in kinds, "speech" in kinds
        given = verb.attributes.get("finishOnKey", "#")
        self._finishing = "" if given == "none" else given
        self._count = verb.whole("numDigits", 32)

    async def collect(self) -> list[tuple[str, str]]:
        """The fields to post; none when nothing came. Raises what a prompt raises."""
        try:
            first = await self._first()
        finally:
            await cancelled(self._prompts)
        match first:
            case None:
                return []
            case Words(text):
                return [
                    ("InputType", "speech"),
                    ("Digits", ""),
                    ("Speech", text),
                    ("SpeechConfidenceScore", CONFIDENCE),
                    ("BilledAmount", "0.00500"),
                ]
            case Key(digit):
                digits = await self._others(digit)
                return [("InputType", "dtmf"), ("Digits", digits), ("Speech", "")]

    async def _first(self) -> Key | Words | None:
        """While the prompts sound there is no time to run out."""
        while not self._prompts.done():
            found = await self._player.input_before(self._prompts)
            if found is not None and self._counts(found):
                return found
        if not self._prompts.cancelled():
            await self._prompts
        while True:
            found = await self._player.input(self._verb.whole("executionTimeout", 15))
            if found is None or self._counts(found):
                return found

    async def _others(self, digit: str) -> str:
        """Further keys, until the finishing one, the count, or a pause."""
        digits = ""
        while digit != self._finishing:
            digits += digit
            if len(digits) >= self._count:
                break
            found = await self._player.input(self._verb.whole("digitEndTimeout", 2))
            if not isinstance(found, Key):
                break
            digit = found.digit
        return digits

    def _counts(self, found: Key | Words) -> bool:
        return self._keys if isinstance(found, Key) else self._words
