"""What is said and heard on calls to each number: the line's own words, and what the operator wrote for
calls to one number laid over them (B124)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ringfence.config.accounts import Account, inherited
from ringfence.config.disclosures import spoken_words
from ringfence.config.problems import Problems
from ringfence.config.speech import Part
from ringfence.model.line import Line
from ringfence.model.phone import PhoneNumber
from ringfence.model.voice import Route, SpeechChoice

LANGUAGE = "en-US"
GREETING = "Hello. How can I help you?"


@dataclass(frozen=True, slots=True)
class RouteMaker:
    """`speech` makes a choice of a service from its keys, where they stand and the language."""

    agent_ids: tuple[str, ...]
    speech: Callable[[Part, Mapping[str, Any], str, str], SpeechChoice | None]
    problems: Problems
    line: Line
    voice: Account

    def base(self) -> Route:
        values = self.voice.values
        language = values.get("language", LANGUAGE)
        default = spoken_words(self.line.purpose, self.line.name)
        return Route(
            agent_id=self._agent("agentId", values),
            greeting=values.get("inboundGreeting", GREETING).strip(),
            disclosure=values.get("disclosure", default).strip(),
            language=language,
            voice=values.get("voice", ""),
            ears=self._speech(Part.EARS, values.get("stt", {}), "stt", language),
            mouth=self._speech(Part.MOUTH, values.get("tts", {}), "tts", language),
        )

    def _speech(
        self, part: Part, values: Mapping[str, Any], place: str, language: str
    ) -> SpeechChoice | None:
        return self.speech(part, values, self.voice.path(place), language)

    def _agent(self, place: str, values: Mapping[str, Any]) -> str:
        wanted: str | None = values.get("agentId")
        if wanted is None:
            return self.line.agent_id
        if wanted not in self.agent_ids:
            names = ", ".join(self.agent_ids) or "none is configured"
            self.problems.add(self.voice.path(place), f"the name of an agent ({names})", wanted)
        return wanted

    def routes(
        self, base: Route, read: Callable[[str, str], PhoneNumber | None]
    ) -> tuple[tuple[str, Route], ...]:
        """The number in any formatting; one number has one route. `read` tells what is none."""
        routes: dict[str, Route] = {}
        for written, values in self.voice.values.get("numbers", {}).items():
            place = f"numbers.{written}"
            number = read(place, written)
            if number is None:
                continue
            if number.e164 in routes:
                self.problems.refuse(self.voice.path(place), "is a number that has a route already")
            routes[number.e164] = self._laid_over(base, place, values)
        return tuple(routes.items())

    def _laid_over(self, base: Route, place: str, values: Mapping[str, Any]) -> Route:
        language = values.get("language", base.language)
        own = self.voice.values
        ears = inherited(own.get("stt", {}), values.get("stt", {}))
        mouth = inherited(own.get("tts", {}), values.get("tts", {}))
        if "agentId" in values:
            base = replace(base, agent_id=self._agent(f"{place}.agentId", values))
        return replace(
            base,
            greeting=values.get("inboundGreeting", base.greeting).strip(),
            disclosure=values.get("disclosure", base.disclosure).strip(),
            language=language,
            voice=values.get("voice", base.voice),
            ears=self._speech(Part.EARS, ears, f"{place}.stt", language),
            mouth=self._speech(Part.MOUTH, mouth, f"{place}.tts", language),
            agent_s=whole_seconds(values["responseTimeoutMs"])
            if "responseTimeoutMs" in values
            else base.agent_s,
        )


def whole_seconds(milliseconds: int) -> int:
    """None cut off."""
    return -(-milliseconds // 1_000)
