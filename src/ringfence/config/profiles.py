"""Profiles: one file for production and for staging. What `profiles.<name>` says is laid over the
rest of the file (RFC 7396: objects merge, lists and texts replace, null removes) before anything is
checked. Pure: reads a mapping, resolves no secret; what staging must not share is `apart`'s."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.config.edit import merge_patch
from ringfence.config.environment import PROFILE_VARIABLE
from ringfence.config.problems import Problems

PRODUCTION, STAGING = "production", "staging"
NAMES = (PRODUCTION, STAGING)
_OWN = ("profile", "profiles")


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile that runs. `place` is where it was said: a variable, `profile`, or nothing said
    at all; `document` is what the file comes to under it; `others` the same under the other names,
    empty in a file without `profiles`."""

    name: str
    place: str
    document: dict[str, Any]
    overlay: Mapping[str, Any]
    others: Mapping[str, dict[str, Any]]


class OverlaidProblems(Problems):
    """Names a bad value by where it stands: below `profiles.<name>` when it came from there."""

    def __init__(self, name: str, base: Mapping[str, Any], overlay: Mapping[str, Any]) -> None:
        super().__init__()
        self._name, self._base, self._overlay = name, base, overlay

    def _note(self, path: str, text: str) -> None:
        over, under = _depth(self._overlay, path), _depth(self._base, path)
        stands_there = over.leaf or over.steps > under.steps
        super()._note(f"profiles.{self._name}.{path}" if stands_there else path, text)


def choose(raw: dict[str, Any], environ: Mapping[str, str]) -> tuple[Profile, Problems]:
    """Which profile runs, and where its problems go. A name that is none, or a `profiles` that is
    no object of objects, is a problem, and production runs meanwhile: nothing starts with it."""
    name, place = named(raw, environ)
    base = {key: value for key, value in raw.items() if key not in _OWN}
    overlays = _overlays(raw)
    chosen = name if name in NAMES else PRODUCTION
    documents = {known: merge_patch(base, overlays.get(known, {})) for known in NAMES}
    others = {known: documents[known] for known in NAMES if overlays and known != chosen}
    overlay = overlays.get(chosen, {})
    problems = OverlaidProblems(chosen, base, overlay)
    if name not in NAMES:
        words = " or ".join(f'"{known}"' for known in NAMES)
        problems.add(place, f"the name of a profile ({words})", name)
    for known in NAMES:
        for key in sorted(set(overlays.get(known, {})) & set(_OWN)):
            problems.refuse(
                f"profiles.{known}.{key}", "a profile cannot hold this key; take it out"
            )
    # The shape looks at `profiles` itself, so that an unknown name in it is a problem.
    document = documents[chosen] | {key: raw[key] for key in ("profiles",) if key in raw}
    return Profile(chosen, place, document, overlay, others), problems


def named(raw: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Any, str]:
    """The name that counts and where it stands: the variable wins over the file."""
    written = environ.get(PROFILE_VARIABLE, "").strip()
    if written:
        return written, PROFILE_VARIABLE
    if "profile" in raw:
        return raw["profile"], "profile"
    return PRODUCTION, ""


def _overlays(raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    given = raw.get("profiles")
    if not isinstance(given, dict):
        return {}
    return {name: one for name, one in given.items() if name in NAMES and isinstance(one, dict)}


@dataclass(frozen=True, slots=True)
class _Depth:
    """How far a path leads into a document, and whether it ends at, or goes through, a value that
    is no object."""

    steps: int
    leaf: bool


def _depth(document: Mapping[str, Any], path: str) -> _Depth:
    """Follows a problem's path, in which names are not quoted: a key with dots in it ends the way,
    and the problem is then named by the file's own path."""
    value: Any = document
    steps = 0
    for step in re.split(r"[.\[]", path):
        if not isinstance(value, dict):
            return _Depth(steps, leaf=True)
        if step not in value:
            return _Depth(steps, leaf=False)
        value, steps = value[step], steps + 1
    return _Depth(steps, leaf=not isinstance(value, dict))
