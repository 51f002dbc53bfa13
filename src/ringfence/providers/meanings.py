"""What a provider's error code means for us: the same shape for all, one table each. A code that is in
no table is permanent and wants a person's eye: providers change their codes without notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ringfence.model.outbox import ErrorClass

NOT_TAKEN: Final = frozenset({ErrorClass.RETRY, ErrorClass.RETRY_LATER})
"""Refusals that prove the message was not taken and may be taken later (facts 2.6, 3.6)."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means and what to do, both as sentences for an operator."""

    error_class: ErrorClass
    means: str
    do: str = ""


def meaning_in(
    table: Mapping[int, Meaning],
    code: int | None,
    otherwise: str = "The provider refused the message.",
) -> Meaning:
    """What `code` means; unknown codes and no code are permanent, to be reviewed."""
    known = table.get(code) if code is not None else None
    return known or Meaning(ErrorClass.PERMANENT, otherwise)
