"""What opens a media socket: a token in its path, for one call, once, and for seconds only (facts voice 5:
"security"). Kept in this process, as the socket is; only digests are, so that nothing read from memory
or a log opens one. And the places: how many sockets may be open, and how many of them unstarted."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ringfence.model.errors import TooMany

log = logging.getLogger("ringfence.media")

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32,64}", re.ASCII)
_BYTES: Final = 32
TOKENS_MAX: Final = 4_096
"""Far more than calls can begin in a token's life."""


@dataclass(frozen=True, slots=True)
class _Issued:
    call_id: str
    until: datetime


class StreamTokens:
    """`token` makes one from so many random bytes (`secrets.token_urlsafe` in production)."""

    def __init__(self, token: Callable[[int], str], lives_s: int = 30) -> None:
        self._token = token
        self._lives = timedelta(seconds=lives_s)
        self._issued: dict[str, _Issued] = {}

    def issue(self, call_id: str, now: datetime) -> str:
        """A token for this call. An earlier one of the same call opens nothing any more. Raises
        TooMany."""
        self.expire(now)
        self.withdraw(call_id)
        if len(self._issued) >= TOKENS_MAX:
            raise TooMany(f"{TOKENS_MAX} media streams are awaited already.")
        token = self._token(_BYTES)
        assert TOKEN.fullmatch(token), "a token must fit into a path"
        self._issued[_digest(token)] = _Issued(call_id, now + self._lives)
        return token

    def look(self, token: str, now: datetime) -> str | None:
        """The call that this token would open; it stays good."""
        found = self._issued.get(_digest(token)) if TOKEN.fullmatch(token) else None
        return found.call_id if found is not None and now < found.until else None

    def claim(self, token: str, now: datetime) -> str | None:
        """The call, once; None for a token that is unknown, used or too old."""
        call_id = self.look(token, now)
        if call_id is not None:
            del self._issued[_digest(token)]
        self.expire(now)
        return call_id

    def withdraw(self, call_id: str) -> None:
        """The call needs no stream any more."""
        kept = {d: issued for d, issued in self._issued.items() if issued.call_id != call_id}
        self._issued = kept

    def expire(self, now: datetime) -> list[str]:
        """Forget tokens that nobody used in time; the calls they were for, each told once."""
        over = {d: each.call_id for d, each in self._issued.items() if each.until <= now}
        for digest, call_id in over.items():
            del self._issued[digest]
            log.warning("no media stream came", extra={"call_id": call_id})
        return list(over.values())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Place:
    """One socket's place among all; given back by `leave`."""

    def __init__(self, places: StreamPlaces, address: str) -> None:
        self._places, self._address = places, address
        self._is_pending = self._is_open = True

    def started(self) -> None:
        """The provider has told which call it is."""
        if self._is_pending:
            self._is_pending = False
            self._places.pending[self._address] -= 1

    def leave(self) -> None:
        self.started()
        if self._is_open:
            self._is_open = False
            self._places.open -= 1


class StreamPlaces:
    """`pending` sockets by address have not started; `open` are all."""

    def __init__(
        self, *, pending_max: int = 32, pending_per_address_max: int = 4, sockets_max: int = 128
    ) -> None:
        self._pending_max = pending_max
        self._per_address_max = pending_per_address_max
        self._sockets_max = sockets_max
        self.pending: Counter[str] = Counter()
        self.open = 0

    def enter(self, address: str) -> Place:
        """Raises TooMany."""
        self.pending = +self.pending
        if self.open >= self._sockets_max:
            raise TooMany(f"{self._sockets_max} media sockets are open.")
        if self.pending.total() >= self._pending_max:
            raise TooMany(f"{self._pending_max} media sockets have not started yet.")
        if self.pending[address] >= self._per_address_max:
            raise TooMany(f"{self._per_address_max} sockets of one address have not started yet.")
        self.pending[address] += 1
        self.open += 1
        return Place(self, address)
