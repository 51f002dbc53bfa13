"""What the tests of Telnyx's calls share: a line that calls, events as the vendor's reference shows them,
and the conversation of a codec with itself: what a request told, as the events of its call carry it."""

from __future__ import annotations

import json
from typing import Any

from telnyx_rig import API_KEY, LINE, OURS, PERSON, line, posted

from ringfence.model.call import CallEvent
from ringfence.model.line import Line
from ringfence.model.voice import Route, VoiceSettings
from ringfence.model.wire import WebhookRequest, WireRequest
from ringfence.providers.base import OutboundCall
from ringfence.providers.telnyx_calls import CALLS

VOICE = "https://gw.example.com/webhooks/voice"
HOOK = f"{VOICE}?ringfence=call_1"
APP = "1494404757140276705"
CALL = "v3:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
LEG = "v3:another-leg-of-the-same-session"
EVENT_ID = "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0"
SETTINGS = VoiceSettings("/webhooks/voice", Route("default"), connection_id=APP)
CALLING = line(voice_url=VOICE, voice=SETTINGS)
ACTIONS = f"https://api.telnyx.com/v2/calls/{CALL}/actions"

__all__ = ["API_KEY", "LINE", "OURS", "PERSON"]


def call(**changes: Any) -> OutboundCall:
    return OutboundCall(**{"our_id": "call_1", "to": PERSON, "limit_s": 300, **changes})


def document(request: WireRequest) -> dict[str, Any]:
    found = json.loads(request.body)
    assert isinstance(found, dict)
    return found


def actions(requests: Any) -> list[str]:
    """The actions that are requested, in order."""
    assert all(request.url.startswith(f"{ACTIONS}/") for request in requests)
    return [request.url.rpartition("/")[2] for request in requests]


def event(kind: str, *, id_: str = EVENT_ID, hook: str = HOOK, **changes: Any) -> dict[str, Any]:
    """An event of CALL; `changes` are of the payload, None takes a field away."""
    payload = {
        "call_control_id": CALL,
        "call_leg_id": "428c31b6-7af4-4bcb-b7f5-5013ef9657c1",
        "call_session_id": "428c31b6-abf3-3bc1-b7f4-5013ef9657c1",
        "connection_id": APP,
        "from": OURS,
        "to": PERSON,
        "client_state": None,
        **{name.removesuffix("_"): value for name, value in changes.items()},
    }
    whole = {name: value for name, value in payload.items() if value is not None}
    data = {
        "record_type": "event",
        "event_type": kind,
        "id": id_,
        "occurred_at": "2026-11-21T12:00:00.000000Z",
        "payload": whole,
    }
    return {"data": data, "meta": {"attempt": 1, "delivered_to": hook}}


def arrived(document: object, on: Line = CALLING, **signing: Any) -> CallEvent | None:
    """What the codec reads of it, the signature checked."""
    return CALLS.parse_call(CALLS.verify_call(posted(document, **signing), on))


def after(request: WireRequest, kind: str, **changes: Any) -> Any:
    """The event of a call that was told this: it carries the state of the request."""
    state = document(request)["client_state"]
    return arrived(event(kind, client_state=state, **changes))


def webhook(document: object) -> WebhookRequest:
    return posted(document)
