"""Which speech services a line hears and speaks with, and their keys. A key that cannot be had is told
on the choice; whether calls can do without is for `voices`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.config.environment import SPEECH_KEYS
from ringfence.config.problems import Problems, join_path
from ringfence.config.reach import is_loopback
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.model.errors import SecretUnavailable
from ringfence.model.line import Secret
from ringfence.model.voice import SpeechChoice

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class SpeechMaker:
    resolver: SecretResolver
    problems: Problems
    environ: Mapping[str, str]

    def make(self, values: Mapping[str, Any], path: str, language: str) -> SpeechChoice | None:
        """None when no service is named."""
        service = values.get("provider")
        if service is None:
            return None
        base_url = values.get("baseUrl", "")
        if base_url.lower().startswith("http:") and not is_loopback(base_url):
            self.problems.add(
                join_path(path, "baseUrl"), "https, or http on a loopback address only", base_url
            )
        key, why = self._key(service, values.get("apiKey"), path)
        return SpeechChoice(
            service=service,
            model=values.get("model", ""),
            voice=values.get("voice", ""),
            language=values.get("language", language),
            base_url=base_url,
            api_key=key,
            # A server of one's own may ask for none.
            blocked_reason=why if service != LOCAL and not base_url else "",
        )

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
