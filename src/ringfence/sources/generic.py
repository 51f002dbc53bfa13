"""Events in our own words: one JSON object, for any program that can POST. Who may send is said by a
token, which is the door's business. It must never guess: a field that is unknown or of the wrong
kind is refused by its name.

`id` is the sender's name of the event: the same id again is the same event for ever. An event that
acknowledges or resolves may carry the id of the one that opened the alert, or name what it is about
in `dedupe_key`; without one, the key is the id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ringfence.model.event import Event, EventAction, Severity
from ringfence.model.line import Secret
from ringfence.sources.base import Capabilities, Verified, WebhookRequest, admitted
from ringfence.sources.identity import joined
from ringfence.sources.taming import TITLE_CHARS_MAX, Fields, fields

FIELDS: Final = (
    *("id", "type", "time", "severity", "action", "subject", "title", "data"),
    *("dedupe_key", "group", "links"),
)


class Generic:
    name = "generic"
    capabilities = Capabilities(acknowledges=True, resolves=True)

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        return admitted(request, self.capabilities, now)

    def parse(self, verified: Verified) -> list[Event]:
        given = fields(verified.request.body)
        given.only(FIELDS)
        return [_event(given, verified.received_at)]


def _event(given: Fields, received_at: datetime) -> Event:
    name = given.word("id")
    action = given.choice("action", EventAction, EventAction.TRIGGER)
    return Event(
        id=name if action is EventAction.TRIGGER else joined(name, action.value),
        source=Generic.name,
        type=given.word("type"),
        at=given.moment("time") or received_at,
        severity=given.choice("severity", Severity, Severity.INFO),
        action=action,
        subject=given.word_or("subject"),
        title=given.prose("title", TITLE_CHARS_MAX),
        data=_object(given),
        dedupe_key=given.word_or("dedupe_key") or name,
        group=given.word_or("group"),
        links=given.links("links"),
    )


def _object(given: Fields) -> dict[str, object]:
    given.object_or_empty("data")
    held: dict[str, object] = given.tree("data") or {}
    return held


SOURCE = Generic()
