"""Whom a step or a message means, as the configuration writes it: `person:ann`, `schedule:primary`,
`group:everybody`. Names are looked up among what is configured, never guessed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ringfence.config.problems import Problems
from ringfence.model.oncall import Target, TargetKind

Known = Mapping[TargetKind, Collection[str]]
NOUNS = {
    TargetKind.PERSON: "a responder",
    TargetKind.SCHEDULE: "a schedule",
    TargetKind.GROUP: "a group",
}
_FORMS = tuple(f"{kind.value}:NAME" for kind in TargetKind)


def read_target(
    text: str, known: Known, path: str, problems: Problems, others: tuple[str, ...] = ()
) -> Target | None:
    """The target, or None with a problem. `others` are the further forms that may stand there."""
    word, colon, name = text.partition(":")
    kind = next((kind for kind in TargetKind if kind.value == word), None)
    if not colon or kind is None:
        likely = next((kind for kind in TargetKind if text in known[kind]), None)
        hint = f'; did you mean "{likely.value}:{text}"?' if likely is not None else ""
        *first, last = (*others, *_FORMS)
        problems.add(path, f"{', '.join(first)} or {last}{hint}", text)
        return None
    if name not in known[kind]:
        problems.no_such(path, NOUNS[kind], name, known[kind])
        return None
    return Target(kind, name)
