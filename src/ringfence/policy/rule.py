"""What a rule is: a name, plain words, and a pure function from facts to a ruling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringfence.model.verdict import Ruling
from ringfence.policy.facts import Facts


@dataclass(frozen=True, slots=True)
class Rule:
    """One file in `rules/` defines one, as `RULE`. `explain` is shown to people."""

    name: str
    explain: str
    judge: Callable[[Facts], Ruling]
