"""Which speech services a line hears and speaks with. What a service itself finds wrong with a choice is a
problem; a key that cannot be had is told on the choice, and whether calls can do without is for
`voices`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ringfence.config.environment import SPEECH_KEYS
from ringfence.config.problems import Problems, join_path
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.model.errors import SecretUnavailable
from ringfence.model.line import Secret
from ringfence.model.realtime import Hold, RealtimeChoice, ToolPolicy
from ringfence.model.voice import SpeechChoice

REALTIME_SERVICE = "openai"


class Part(Enum):
    """What a service is for, by its key."""

    EARS = "stt"
    MOUTH = "tts"


@dataclass(frozen=True, slots=True)
class SpeechMaker:
    resolver: SecretResolver
    problems: Problems
    environ: Mapping[str, str]

    def make(
        self, part: Part, values: Mapping[str, Any], path: str, language: str
    ) -> SpeechChoice | None:
        """None when no service is named."""
        service = values.get("provider")
        if service is None:
            return None
        # Found by listing a folder, which a configuration without live sound need not wait for.
        from ringfence.speech import ears, mouths

        choice, why = self._choice(service, values, path, language)
        kind = ears()[service] if part is Part.EARS else mouths()[service]
        return self._judged(choice, kind.problems(choice), path, why)

    def realtime(self, values: Mapping[str, Any], path: str) -> RealtimeChoice | None:
        """None when it is off. Without a language of its own it takes the call's."""
        service = values.get("provider", REALTIME_SERVICE)
        if not values.get("enabled", False):
            return None
        from ringfence.speech import realtimes

        choice, why = self._choice(service, values, path, "")
        chosen = RealtimeChoice(
            choice,
            instructions=values.get("instructions", ""),
            tools=ToolPolicy(values.get("toolPolicy", ToolPolicy.ALL.value)),
            hold=Hold(values.get("hold", Hold.ANSWER.value)),
        )
        problems = realtimes()[service].problems(chosen)
        return replace(chosen, service=self._judged(choice, problems, path, why))

    def _choice(
        self, service: str, values: Mapping[str, Any], path: str, language: str
    ) -> tuple[SpeechChoice, str]:
        """With why there is no key, where there is none."""
        key, why = self._key(service, values.get("apiKey"), path)
        choice = SpeechChoice(
            service=service,
            model=values.get("model", ""),
            voice=values.get("voice", ""),
            language=values.get("language", language),
            base_url=values.get("baseUrl", ""),
            api_key=key,
        )
        return choice, why

    def _judged(
        self, choice: SpeechChoice, problems: Sequence[str], path: str, why: str
    ) -> SpeechChoice:
        for problem in problems:
            option, _, words = problem.partition(": ")
            if option == "apiKey" and choice.api_key is None:
                choice = replace(choice, blocked_reason=why)
            else:
                self.problems.refuse(join_path(path, option), words)
        return choice

    def _key(
        self, service: str, written: SecretInput | None, path: str
    ) -> tuple[Secret | None, str]:
        """The key, else why there is none."""
        if written is not None:
            try:
                return self.resolver.resolve(written), ""
            except SecretUnavailable as error:
                return None, f"{join_path(path, 'apiKey')}: {error.detail}"
        name = SPEECH_KEYS.get(service, "")
        found = self.environ.get(name, "").strip()
        if found:
            return Secret(found), ""
        return None, f"no key: set {join_path(path, 'apiKey')} or {name}"
