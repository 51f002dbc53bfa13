"""Fetching what callers left: outside of any transaction, at once, since some providers' addresses hold for
ten minutes only (facts voice 1.6), and again for as long. When it is here, or lost, owners are told."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from ringfence.gateway.call_summary import spoken_length
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.notices import call_notices
from ringfence.gateway.review import propose
from ringfence.model.call import Call
from ringfence.model.errors import MediaRefused, NotFound, RingfenceError
from ringfence.model.left_message import LeftMessage, LeftMessageState
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest
from ringfence.ports import Tx
from ringfence.providers import call_providers
from ringfence.providers.base import KeepsRecordings

log = logging.getLogger("ringfence.call")

FETCH_LEASE = timedelta(seconds=60)
"""While it is fetched no other process does."""
TRIES_S = (2, 5, 10, 30, 60, 120, 240)
"""A file may not be ready when it is told of; after ten minutes an address may be none any more."""
_SOUND, _WAV = "audio/", "audio/wav"


class CallRecordings:
    """The worker's stage."""

    def __init__(self, kit: Equipment) -> None:
        self._kit = kit

    async def claim(self, limit: int) -> list[LeftMessage]:
        kit, now = self._kit, self._kit.clock.now()
        if not await kit.store.read(lambda tx: tx.calls.messages_due(now, 1)):
            return []

        def job(tx: Tx) -> list[LeftMessage]:
            due = tx.calls.messages_due(now, limit)
            for one in due:
                tx.calls.put_message(replace(one, due_at=now + FETCH_LEASE))
            return due

        return await kit.store.write(job)

    async def fetch(self, message: LeftMessage) -> None:
        """Never raises for what a provider does."""
        kit = self._kit
        call = await kit.store.read(lambda tx: tx.calls.get(message.call_id))
        line = kit.lines.get(call.line) if call is not None else None
        if call is None:
            return
        try:
            content, content_type = await self._content(line, message.url)
        except MediaRefused as error:
            await self._lose(call, line, error.code)
        except RingfenceError as error:
            await self._fail(message, call, line, error.code)
        else:
            await self._keep(call, line, content, content_type)

    async def _content(self, line: Line | None, url: str) -> tuple[bytes, str]:
        """Raises MediaRefused where there is no use in trying again, else RingfenceError."""
        if line is None:
            raise MediaRefused("The line is not configured any more.")
        answer = await self._kit.http.send(_request(line, url))
        if answer.status != 200 or not answer.body:
            raise NotFound(f"The recording answered {answer.status}.")
        given = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        return answer.body, given if given.startswith(_SOUND) else _WAV

    async def _keep(self, call: Call, line: Line | None, content: bytes, content_type: str) -> None:
        kit, now = self._kit, self._kit.clock.now()

        def job(tx: Tx) -> None:
            owed = _owed(tx, call.id)
            if owed is None:
                return
            kept = replace(owed, content_type=content_type, size=len(content))
            tx.calls.put_message(_settled(kept, LeftMessageState.KEPT))
            tx.calls.put_sound(call.id, content)
            self._told(tx, line, call, kept, "", now)

        await kit.store.write(job)
        kit.outbox_bell.ring()

    async def _fail(self, message: LeftMessage, call: Call, line: Line | None, code: str) -> None:
        kit, now = self._kit, self._kit.clock.now()
        if message.tries >= len(TRIES_S):
            await self._lose(call, line, code)
            return

        def job(tx: Tx) -> None:
            if (owed := _owed(tx, call.id)) is not None:
                again = now + timedelta(seconds=TRIES_S[message.tries])
                tx.calls.put_message(replace(owed, due_at=again, tries=message.tries + 1))

        await kit.store.write(job)

    async def _lose(self, call: Call, line: Line | None, code: str) -> None:
        kit, now = self._kit, self._kit.clock.now()
        log.warning("a message left in a call is lost", extra={"call_id": call.id, "error": code})

        def job(tx: Tx) -> None:
            if (owed := _owed(tx, call.id)) is not None:
                tx.calls.put_message(_settled(owed, LeftMessageState.LOST))
                self._told(tx, line, call, owed, code, now)

        await kit.store.write(job)
        kit.outbox_bell.ring()

    def _told(
        self,
        tx: Tx,
        line: Line | None,
        call: Call,
        message: LeftMessage,
        lost: str,
        now: datetime,
    ) -> None:
        kit, kind = self._kit, "call_message_lost" if lost else "call_message_kept"
        body = {"line": call.line, "size": message.size, "reason": lost}
        tx.audit.append([kit.audit(kind, call.id, "system", now, body)])
        if line is not None:
            text = _notice(line, call, message, lost=bool(lost))
            propose(kit, tx, call_notices(tx, line, text, now), now)


def _request(line: Line, url: str) -> WireRequest:
    provider = call_providers().get(line.provider)
    if provider is not None and isinstance(provider, KeepsRecordings):
        return provider.recording(url, line)
    raise MediaRefused("The provider of the line keeps no recordings.")


def _owed(tx: Tx, call_id: str) -> LeftMessage | None:
    """Still to be fetched: it may have been forgotten meanwhile, or had by another process."""
    found = tx.calls.message_of(call_id)
    return found if found is not None and found.state is LeftMessageState.OWED else None


def _settled(message: LeftMessage, state: LeftMessageState) -> LeftMessage:
    return replace(message, state=state, due_at=None, url="")


def _notice(line: Line, call: Call, message: LeftMessage, *, lost: bool) -> str:
    length = spoken_length(timedelta(seconds=message.lasted_s))
    told = f"{call.person.number.e164} called {line.label} and left a message ({length})."
    if lost:
        known = f" as {message.recording_id}" if message.recording_id else ""
        return f"{told} It could not be fetched; the provider may still have it{known}."
    return f"{told} To hear it: ringfence voicecall messages --call-id {call.id} --output FILE"
