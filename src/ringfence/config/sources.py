"""Event sources of the configuration. Every kind that does without a signing secret is a source by
its own name, unless a configured one has that name; one that cannot verify what it gets takes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.config.checking import check
from ringfence.config.problems import MISSING, Problems
from ringfence.config.schema.events import SourceShape
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.delivery.flow import SourceSettings
from ringfence.model.errors import SecretUnavailable
from ringfence.model.line import Secret
from ringfence.sources import sources
from ringfence.sources.base import Signing

SECTION = "sources"


@dataclass(frozen=True, slots=True)
class SourceMaker:
    """Makes SourceSettings; a secret that cannot be looked up blocks its source only."""

    resolver: SecretResolver
    problems: Problems
    warnings: list[str]

    def make_all(self, raw: Mapping[str, Any]) -> dict[str, SourceSettings]:
        """Every source by name, the built-in ones first."""
        made = {
            kind: SourceSettings(kind, kind)
            for kind, source in sorted(sources().items())
            if source.capabilities.signing is not Signing.ALWAYS and kind not in raw
        }
        for name in sorted(raw):
            source = self._source(name, raw[name], f"{SECTION}.{name}")
            if source is not None:
                made[name] = source
        return made

    def _source(self, name: str, raw: dict[str, Any], path: str) -> SourceSettings | None:
        values, bad = check(SourceShape, raw, path, self.problems)
        kind = values.get("kind", name)
        if kind not in sources():
            if ("kind",) not in bad:
                known = ", ".join(f'"{one}"' for one in sorted(sources()))
                self.problems.add(f"{path}.kind", f"one of {known}", values.get("kind", MISSING))
            return None
        if not any(loc[0] == "secrets" for loc in bad):
            self._judge_secrets(kind, "secrets" in values and values["secrets"], path)
        secrets, blocked = self._secrets(values.get("secrets", []), path)
        if blocked:
            self.warnings.append(f"source {name} is blocked: {blocked}")
        return SourceSettings(
            name,
            kind,
            secrets,
            frozenset(values.get("tokens", ())),
            values.get("public", False),
            values.get("ratePerMinute", SourceSettings(name, kind).per_minute),
            blocked,
        )

    def _judge_secrets(self, kind: str, given: Any, path: str) -> None:
        """A secret that nothing is checked with would only look like safety."""
        signing = sources()[kind].capabilities.signing
        if signing is Signing.ALWAYS and not given:
            self.problems.add(
                f"{path}.secrets", f"a signing secret, which {kind} is never taken without"
            )
        if signing is Signing.NEVER and given:
            self.problems.add(
                f"{path}.secrets",
                f"nothing: {kind} signs no requests; a token lets them in",
                got="a secret",
            )

    def _secrets(self, wanted: list[SecretInput], path: str) -> tuple[tuple[Secret, ...], str]:
        found: list[Secret] = []
        blocked: list[str] = []
        for at, one in enumerate(wanted):
            try:
                found.append(self.resolver.resolve(one))
            except SecretUnavailable as error:
                blocked.append(f"{path}.secrets[{at}]: {error.detail}")
        return tuple(found), "; ".join(blocked)
