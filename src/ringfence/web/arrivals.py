"""Requests of strangers that are arriving: so many at a time and no more, and of one address half of
them, so that slow requests from one place never shut out who is waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ringfence.model.errors import TooMany
from ringfence.web.bodies import Receive, Scope, read_body


class Arrivals:
    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    async def read(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[str, str],
        *,
        whole: str,
        client: str,
        at_once: int,
        bytes_max: int,
        timeout_s: float,
    ) -> bytes:
        """The body, in one of the `at_once` places of `whole`. Raises TooMany, BodyTooLarge,
        BodyTimeout, BodyUnreadable."""
        own, share = f"{whole}/{client}", max(1, at_once // 2)
        if self._open[whole] >= at_once or self._open[own] >= share:
            raise TooMany(f"limits.concurrentMax of {whole} is reached.")
        self._open.update((whole, own))
        try:
            return await read_body(scope, receive, headers, bytes_max, timeout_s)
        finally:
            self._open.subtract((whole, own))
            if not self._open[own]:
                del self._open[own]
