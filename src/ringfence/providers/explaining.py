"""What a provider's error code means to people, beside what it means to Ringfence (`classify`). One
explainer a provider, found by listing this folder: a module with an `EXPLAINER` has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Explanation:
    """`who` has to act (empty when the provider's page must tell), `do` says what; `registration`
    tells errors of a sender's registration from all others; `page` is the vendor's own."""

    code: int
    means: str
    who: str
    do: str
    page: str
    registration: bool = False


class Explainer(Protocol):
    """Of one provider, by the provider's name in the configuration."""

    name: str

    def explain(self, code: int) -> Explanation:
        """Whatever the code: one that is not known is said to be unknown, with its page."""

    def codes(self) -> Sequence[int]:
        """The codes of registration, in order."""
