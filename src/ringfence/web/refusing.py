"""How the public door says no: a problem document that tells strangers nothing of the configuration,
and a line in the log with the detail, seldom."""

from __future__ import annotations

import logging
from typing import Final

from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import (
    Blame,
    BodyTimeout,
    BodyTooLarge,
    RingfenceError,
    SignatureRefused,
    StoreError,
    TooMany,
)
from ringfence.web.bodies import Send, answer_problem
from ringfence.web.seldom import Seldom

log = logging.getLogger("ringfence.public")

_UNREAD: Final = (TooMany, BodyTimeout, BodyTooLarge)


class Refusing:
    """`what` is refused (a webhook, an event), by a `where` (a line, a source): the log's words."""

    def __init__(self, kit: Equipment, what: str, where: str) -> None:
        self._kit, self._where = kit, where
        self._words = {False: f"{what} refused", True: f"{what} not stored"}
        # Apart, so that strangers cannot crowd out of the log what is wrong here.
        self._theirs, self._ours = Seldom(), Seldom()

    async def refuse(
        self, send: Send, place: str, error: RingfenceError, client: str = "", allow: bytes = b""
    ) -> None:
        """Answer, and tell the log."""
        self._tell(place, error, client)
        await answer_problem(
            send,
            error,
            # Where the body was not read to its end, the connection is of no more use.
            close=isinstance(error, _UNREAD),
            allow=allow,
            with_detail=is_for_strangers(error),
        )

    def _tell(self, place: str, error: RingfenceError, client: str) -> None:
        """Into the log, with the detail: once a minute for each place, client and error."""
        told = self._theirs if error.blame is Blame.THEIRS else self._ours
        passed_over = told.due(f"{place}/{client}/{error.code}", self._kit.clock.now().timestamp())
        if passed_over is None:
            return
        broken = isinstance(error, StoreError)
        log.log(
            logging.ERROR if broken else logging.WARNING,
            self._words[broken],
            extra={
                self._where: place,
                "error": error.code,
                "status": error.http_status,
                "detail": error.detail,
                "not_logged": passed_over or None,
            },
        )


def is_for_strangers(error: RingfenceError) -> bool:
    """Whether the detail may be told to whoever asks: not what is wrong here, nor what is set."""
    return error.blame is Blame.THEIRS and not isinstance(error, TooMany | SignatureRefused)
