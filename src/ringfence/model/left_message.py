"""What a caller said after the tone because nobody could take the call: a sound file, first at the
provider, then with us. At most one for each call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class LeftMessageState(Enum):
    """ASKED: the caller was asked for one. OWED: it is at the provider and has to be fetched. KEPT: it is
    here. LOST: it could not be had."""

    ASKED = "asked"
    OWED = "owed"
    KEPT = "kept"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class LeftMessage:
    """`left_at` is when it was left, or asked for while it is only that; `url` where the provider has it, for minutes only at some (facts voice 1.6); empty once it is
    settled. `lasted_s` in seconds as the provider told; `size` in bytes and `content_type` once it is
    kept. `due_at` is when it is fetched next, None when it is settled; `tries` how often that was in
    vain. The sound itself is read apart."""

    call_id: str
    state: LeftMessageState
    recording_id: str
    lasted_s: int
    left_at: datetime
    url: str = field(default="", repr=False)
    content_type: str = ""
    size: int = 0
    due_at: datetime | None = None
    tries: int = 0
