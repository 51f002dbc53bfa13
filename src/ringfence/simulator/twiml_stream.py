"""Plays <Connect><Stream>: a two-way media stream of one leg. The document waits until the application
closes the socket, and then goes on (voice.md 1.2); what replaces the document ends the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.simulator.records import Webhook
from ringfence.simulator.stream_life import Stream

if TYPE_CHECKING:
    from ringfence.simulator.call_session import Source
    from ringfence.simulator.twiml_play import Player
    from ringfence.simulator.twiml_voice import Verb


async def connect_stream(player: Player, connect: Verb) -> Source | None:
    """Where to go on, if Connect has an action; otherwise the next verb follows."""
    noun = connect.children[0]
    opened: list[Stream] = []

    def told(event: str, reason: str) -> None:
        if noun["statusCallback"]:
            player.voice.spawn(_report(player, noun, opened[0], event, reason))

    opened.append(
        player.voice.streams.open(
            player.session,
            noun["url"],
            "twilio",
            parameters=[(one["name"], one["value"]) for one in noun.children],
            told=told,
        )
    )
    try:
        await opened[0].over()
    finally:
        opened[0].stop()
    return player.source(connect["action"], connect) if connect["action"] else None


async def _report(player: Player, noun: Verb, stream: Stream, event: str, reason: str) -> None:
    call, now = player.call, player.clock.now()
    name = "stream-error" if event == "failed" else f"stream-{event}"
    fields = [
        ("AccountSid", call.account_sid),
        ("CallSid", call.sid),
        ("StreamSid", stream.about.stream_id),
        ("StreamName", noun["name"] or stream.about.stream_id),
        ("StreamEvent", name),
        ("Timestamp", now.isoformat().replace("+00:00", "Z")),
        *([("StreamError", reason)] if reason else []),
    ]
    hook = Webhook(noun["statusCallback"], noun["statusCallbackMethod"] or "POST")
    await player.voice.post(call, "stream", hook, fields)
