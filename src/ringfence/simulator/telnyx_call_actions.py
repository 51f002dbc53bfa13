"""The commands of Telnyx's Call Control on a leg (voice.md 1.6), with the parameters of the vendor's types
and no others. What cannot be done is refused with a code, and never passed over in silence: where the
vendor says nothing of a case, the refusal is the harsher reading."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, TypeAlias

from ringfence.simulator.sids import E164
from ringfence.simulator.stream_life import Stream
from ringfence.simulator.telnyx_call_events import application_of, say
from ringfence.simulator.telnyx_call_hearing import Hearing, Sound
from ringfence.simulator.telnyx_calls import TelnyxCalls
from ringfence.simulator.twiml_play import Player

WORDS_MAX: Final = 3_000
REPEAT_S: Final = 60  # a command id is remembered as long (receiving webhooks, 2026)
BAD, NO_SUCH, ENDED, NOT_ANSWERED = 10015, 10005, 90018, 90034

Asked: TypeAlias = Mapping[str, Any]
Refused: TypeAlias = tuple[int, str]
"""A code, and what is wrong."""

_EVERY: Final = "client_state command_id"
_SAID: Final = "payload voice language payload_type service_level voice_settings"
_GATHERED: Final = (
    "minimum_digits maximum_digits timeout_millis inter_digit_timeout_millis terminating_digit "
    "valid_digits"
)
_STREAM: Final = (
    "stream_url stream_track stream_codec stream_bidirectional_mode stream_bidirectional_codec "
    "stream_bidirectional_sampling_rate stream_bidirectional_target_legs stream_auth_token "
    "custom_parameters"
)
_HOOK: Final = "webhook_url webhook_url_method"
_PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    action: frozenset(f"{_EVERY} {names}".split())
    for action, names in {
        "answer": f"{_HOOK} {_STREAM}",
        "reject": "cause",
        "hangup": "",
        "speak": f"{_SAID} stop loop target_legs",
        "playback_start": "audio_url media_name loop overlay stop target_legs",
        "playback_stop": "stop",
        "gather": f"{_GATHERED} initial_timeout_millis gather_id",
        "gather_using_speak": f"{_SAID} {_GATHERED} maximum_tries invalid_payload",
        "gather_stop": "",
        "send_dtmf": "digits duration_millis",
        "record_start": (
            "format channels play_beep max_length timeout_secs recording_track trim transcription"
        ),
        "record_stop": "",
        "transcription_start": (
            "transcription_engine transcription_engine_config transcription_tracks"
        ),
        "transcription_stop": "",
        "streaming_start": _STREAM,
        "streaming_stop": "",
        "transfer": (
            "to from from_display_name timeout_secs time_limit_secs park_after_unbridge "
            f"target_leg_client_state audio_url {_HOOK}"
        ),
        "client_state_update": "",
    }.items()
}
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "reject": ("cause",),
    "speak": ("payload", "voice"),
    "gather_using_speak": ("payload", "voice"),
    "send_dtmf": ("digits",),
    "record_start": ("format", "channels"),
    "streaming_start": ("stream_url",),
    "transfer": ("to",),
    "client_state_update": ("client_state",),
}
_UNANSWERED: Final = frozenset(("answer", "reject", "hangup", "client_state_update"))


async def act(calls: TelnyxCalls, here: Hearing, action: str, asked: Asked) -> Refused | None:
    """Do one command on a leg, or say why not. One that was done within a minute is not done again."""
    leg = here.leg
    if leg.call.is_over or leg.session.ending:
        return ENDED, "This call is no longer active and can't receive commands"
    if (refused := _misshapen(action, asked)) is not None:
        return refused
    if leg.call.answered_at is None and action not in _UNANSWERED:
        return NOT_ANSWERED, "This call has not been answered yet"
    now, id_ = calls.voice.clock.now(), asked.get("command_id")
    done = leg.commands.get(str(id_)) if id_ else None
    if done is not None and now - done < timedelta(seconds=REPEAT_S):
        return None
    before, leg.client_state = leg.client_state, asked.get("client_state") or leg.client_state
    refused = await _ACTIONS[action](calls, here, asked)
    if refused is not None:
        leg.client_state = before
    elif id_:
        leg.commands[str(id_)] = now
    return refused


def _misshapen(action: str, asked: Asked) -> Refused | None:
    known = _PARAMETERS.get(action)
    if known is None:
        return NO_SUCH, f"there is no action {action}"
    if unknown := sorted(asked.keys() - known):
        return BAD, f"{unknown[0]} is no parameter of {action}"
    if missing := [name for name in _REQUIRED.get(action, ()) if not asked.get(name)]:
        return 10004, f"{missing[0]} is missing"
    if "client_state" in asked and not is_base64(asked["client_state"]):
        return BAD, "client_state is base64"
    return None


def is_base64(given: object) -> bool:
    try:
        return isinstance(given, str) and bool(base64.b64decode(given, validate=True))
    except ValueError:
        return False


# -- the leg itself --------------------------------------------------------------------------------


async def _answer(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if here.leg.call.answered_at is not None:
        return BAD, "the call is answered already"
    here.leg.webhook_url = asked.get("webhook_url") or here.leg.webhook_url
    calls.answered(here)
    return None


async def _reject(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if here.leg.call.answered_at is not None or here.leg.call.direction != "inbound":
        return BAD, "only a caller who was not answered is rejected"
    if asked["cause"] not in ("CALL_REJECTED", "USER_BUSY"):
        return BAD, "cause: CALL_REJECTED or USER_BUSY"
    busy = asked["cause"] == "USER_BUSY"
    here.leg.cause = "user_busy" if busy else "call_rejected"
    here.leg.session.end("busy" if busy else "failed")
    return None


async def _hang_up(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    here.leg.session.end("completed" if here.leg.call.answered_at is not None else "canceled")
    return None


async def _remember(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    return None


async def _transfer(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    to, caller = str(asked["to"]), str(asked.get("from") or here.leg.call.called)
    if not E164.fullmatch(to) or not E164.fullmatch(caller):
        return 10016, "to and from are E.164 numbers"
    if here.other is not None:
        return BAD, "the call is bridged already"
    calls.transfer(here, to, caller, dict(asked))
    return None


# -- sounds ----------------------------------------------------------------------------------------


def _sound(asked: Asked) -> Sound | Refused:
    payload = str(asked["payload"])
    if len(payload) > WORDS_MAX:
        return BAD, f"payload: at most {WORDS_MAX} characters"
    return Sound("speak", payload, asked.get("payload_type") == "ssml")


async def _speak(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    sound = _sound(asked)
    if not isinstance(sound, Sound):
        return sound
    await here.add(sound, str(asked.get("stop") or ""))
    return None


async def _play(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if not asked.get("audio_url"):
        return 10004, "audio_url is missing: there are no stored sounds here"
    await here.add(Sound("playback", str(asked["audio_url"])), str(asked.get("stop") or ""))
    return None


async def _stop_playing(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    await here.stop_playing()
    return None


async def _send_digits(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    player = Player(calls.voice, here.leg.session)
    calls.exchange.spawn(player.sound("digits", str(asked["digits"])))
    return None


# -- listening -------------------------------------------------------------------------------------


async def _gather(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if here.gathering is not None:
        return BAD, "a gather is in progress"
    here.gather(asked, None)
    return None


async def _gather_speaking(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    sound = _sound(asked)
    if not isinstance(sound, Sound):
        return sound
    if here.gathering is not None:
        return BAD, "a gather is in progress"
    here.gather(asked, sound)
    return None


async def _stop_gather(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if here.gathering is None:
        return BAD, "no gather is in progress"
    await here.stop_gather()
    return None


def _transcribing(on: bool) -> Action:
    async def change(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
        if here.transcribes == on:
            return BAD, f"transcription is {'in progress' if on else 'not in progress'}"
        here.transcribes = on
        return None

    return change


async def _record(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if here.recording is not None and not here.recording.done():
        return BAD, "a recording is in progress"
    here.record(asked)
    return None


async def _stop_record(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if here.recording is None:
        return BAD, "no recording is in progress"
    await here.stop_record()
    return None


# -- streams ---------------------------------------------------------------------------------------


async def _start_stream(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    url = str(asked["stream_url"])
    if not url.startswith(("ws://", "wss://")):
        return BAD, "stream_url is a WebSocket address"
    if _streams(calls, here):
        return BAD, "a stream is in progress"
    leg, exchange = here.leg, calls.exchange
    account = exchange.carrier.accounts[leg.call.account_sid]

    def told(event: str, reason: str) -> None:
        about = {"failure_reason": reason} if event == "failed" else {"stream_url": url}
        say(exchange, leg, f"streaming.{event}", **about)

    given = asked.get("custom_parameters") or ()
    calls.voice.streams.open(
        leg.session,
        url,
        "telnyx",
        parameters=[(str(one["name"]), str(one["value"])) for one in given],
        # Anything but rtp takes whole files, one a second; nothing here speaks that.
        two_way=asked.get("stream_bidirectional_mode") == "rtp",
        call_id=leg.control_id,
        account_id=application_of(account),
        session_id=leg.session_id,
        client_state=leg.client_state,
        token=str(asked.get("stream_auth_token") or ""),
        told=told,
    )
    return None


async def _stop_stream(calls: TelnyxCalls, here: Hearing, asked: Asked) -> Refused | None:
    if not _streams(calls, here):
        return BAD, "no stream is in progress"
    for stream in _streams(calls, here):
        stream.stop()
    return None


def _streams(calls: TelnyxCalls, here: Hearing) -> list[Stream]:
    return [one for one in calls.voice.streams.of(here.leg.call) if not one.is_over]


Action: TypeAlias = Callable[[TelnyxCalls, Hearing, Asked], Awaitable[Refused | None]]
_ACTIONS: Final[Mapping[str, Action]] = {
    "answer": _answer,
    "reject": _reject,
    "hangup": _hang_up,
    "client_state_update": _remember,
    "transfer": _transfer,
    "speak": _speak,
    "playback_start": _play,
    "playback_stop": _stop_playing,
    "send_dtmf": _send_digits,
    "gather": _gather,
    "gather_using_speak": _gather_speaking,
    "gather_stop": _stop_gather,
    "transcription_start": _transcribing(True),
    "transcription_stop": _transcribing(False),
    "record_start": _record,
    "record_stop": _stop_record,
    "streaming_start": _start_stream,
    "streaming_stop": _stop_stream,
}
