"""A leg dialled from another: rung, connected, and words carried both ways until one side ends it. The
leg never outlives the call it was dialled from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ringfence.simulator.call_session import Session, cancelled
from ringfence.simulator.calls import CallDirection, Played
from ringfence.simulator.records import Webhook
from ringfence.simulator.twiml_voice import Verb

if TYPE_CHECKING:
    from ringfence.simulator.voice import Voice


async def bridge(voice: Voice, session: Session, dial: Verb, noun: Verb) -> list[tuple[str, str]]:
    """Ring a number and connect it with `session`; the fields of Dial's action."""
    parent = session.call
    caller = dial["callerId"] or parent.called
    child = voice.book.open(
        parent.account_sid, caller, noun.text, CallDirection.OUTBOUND_DIAL, voice.clock.now()
    )
    child.parent_sid, child.ring_s = parent.sid, dial.whole("timeout", 30)
    child.status_callback = Webhook(noun["statusCallback"])
    child.events = frozenset(noun["statusCallbackEvent"].split()) or child.events
    child.limit_s = dial.whole("timeLimit", child.limit_s)
    leg = voice.sessions[child.sid] = Session(child, voice.clock)
    try:
        if await voice.rings_through(leg):
            await leg.watch(_talk(voice, session, leg, dial.is_true("hangupOnStar", False)))
    finally:
        answered = child.answered_at is not None
        voice.finish(leg, "completed" if answered else "canceled")
    status = "completed" if answered else child.status
    return [
        ("DialCallSid", child.sid),
        ("DialCallStatus", status),
        ("DialCallDuration", str(child.duration_s)),
        ("DialBridged", "true" if answered else "false"),
    ]


async def _talk(voice: Voice, one: Session, other: Session, star_ends: bool) -> None:
    """Carry words both ways, until a star where that ends it."""
    ways = [
        asyncio.ensure_future(_carry(voice, one, other, star_ends)),
        asyncio.ensure_future(_carry(voice, other, one, False)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancelled(*ways)


async def _carry(voice: Voice, here: Session, there: Session, star_ends: bool) -> None:
    while True:
        found = await here.inputs.get()
        digit, text = getattr(found, "digit", ""), getattr(found, "text", "")
        if star_ends and digit == "*":
            return
        now = voice.clock.now()
        kind, heard = ("spoken", text) if text else ("digits", digit)
        there.call.played.append(Played(kind, heard, now, 0.0, now))
        voice.tell_phone(there.call)
