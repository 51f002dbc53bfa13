"""What a rule is: a name, plain words, settings of its own, and a pure function from facts and
settings to a ruling. Facts hold no settings and settings no facts, so that a stored act can be
decided again by another policy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ringfence.model.verdict import ALLOWED, Act, Ruling, Verdict
from ringfence.policy.facts import Facts

# What we send, place or say.
OUTBOUND = frozenset({Act.REPLY, Act.INITIATE, Act.CALL, Act.SPEAK})
# Whatever brings something about at the provider: a call that is taken is one more.
EFFECTS = OUTBOUND | {Act.ANSWER}
EVERY_ACT = frozenset(Act)
ALL = "*"


class _Said(Enum):
    """What an operator lets a rule say; compared by strictness."""

    def ruling(self, code: str, text: str) -> Ruling:
        """The ruling it stands for. A HOLD waits for a person."""
        verdict = Verdict[self.name]
        return Ruling(verdict, code, text) if verdict else ALLOWED

    def __lt__(self, other: _Said) -> bool:
        return Verdict[self.name] < Verdict[other.name]


class Answer(_Said):
    """What a rule says where an operator may choose freely."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"


class Refusal(_Said):
    """What a rule says where only the way of saying no can be chosen."""

    HOLD = "hold"
    DENY = "deny"


class Looser(Enum):
    """Which change of a setting lets more through; doctor shows what a line loosens. LOWER is of
    numbers and of answers; in a list, `*` stands for everything."""

    HIGHER = "higher"
    LOWER = "lower"
    TRUE = "true"
    FALSE = "false"
    MORE = "more"
    FEWER = "fewer"
    ANY = "any"
    NEVER = "never"


def option(
    default: Any,
    meaning: str,
    *,
    looser: Looser,
    ge: float | None = None,
    le: float | None = None,
    from_line: str = "",
) -> Any:
    """Declare one setting of a rule. `meaning` is shown in the reference; `from_line` names the
    Line's field it is taken from instead of the policy section; `voice.access` is one of its voice
    settings, and stays at its default for a line without any."""
    metadata = {"meaning": meaning, "looser": looser, "ge": ge, "le": le, "from_line": from_line}
    if isinstance(default, Mapping):  # one that could be changed is made afresh
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Rule:
    """One file in `rules/` defines one, as `RULE`. `explain` is shown to people. `settings` is an
    instance of the rule's own frozen dataclass, its defaults; None where there is nothing to set.
    Acts outside `acts` are none of its business. Where `grantable`, an operator's grant stands in
    for the person its HOLD asks for."""

    name: str
    explain: str
    judge: Callable[[Facts, Any], Ruling]
    settings: Any = None
    acts: frozenset[Act] = OUTBOUND
    grantable: bool = False
