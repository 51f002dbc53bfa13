"""Our instructions as Plivo's XML, with the addresses at which Plivo asks and reports. Each address
carries the call's id, what it is for and the turn; the whole of it is signed. Pure.

Two things differ from TwiML. An element that got nothing, and a stream that ended, ask nobody: the next
element follows, so that a redirect stands there. And a prompt inside an input can always be spoken
over: what must be heard to its end stands before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from ringfence.model.errors import ProviderMisconfigured
from ringfence.model.instruction import (
    DialNumber,
    GoOn,
    HangUp,
    Instruction,
    JoinConference,
    Listen,
    OpenRelay,
    OpenStream,
    Play,
    Refuse,
    Say,
    SendDigits,
    TakeMessage,
    Wait,
)
from ringfence.model.line import Line
from ringfence.providers import forms, plivo_xml, urls
from ringfence.providers import plivo_call_webhooks as webhooks
from ringfence.providers.plivo_events import OUR_ID
from ringfence.providers.twiml import Element

# What GetInput takes (plivo.com/docs/voice/xml/getinput, read 2026-11).
INPUT_S_MIN, INPUT_S_MAX = 5, 60
DIGIT_END_S_MIN, DIGIT_END_S_MAX = 2, 10
DIGITS_MAX = 32
PEOPLE_MAX = 20
EXTRA_HEADERS_BYTES_MAX = 512
_HEADER_WORD = re.compile(r"[A-Za-z0-9]+", re.ASCII)

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Plivo asks and reports about one call."""

    stem: str
    query: Fields
    our_id: str

    def at(self, what: str, turn: str = "", more: Fields = ()) -> str:
        pairs = [*self.query, (OUR_ID, self.our_id), (webhooks.WHAT, what)]
        if turn:
            pairs.append((webhooks.TURN, turn))
        return f"{self.stem}?{forms.encode([*pairs, *more])}"


def configured(line: Line) -> tuple[str, Fields]:
    """The address for calls without query and fragment, and its query. Raises ProviderMisconfigured
    for a query that cannot be read."""
    stem, _, query = (line.voice_url or "").partition("#")[0].partition("?")
    try:
        return stem, forms.decode(query)
    except ValueError:
        raise ProviderMisconfigured("The query of the public URL for calls is broken.") from None


def addresses(line: Line, our_id: str) -> Addresses:
    """Raises ProviderMisconfigured where Plivo could not reach the line's `voice_url`: a call whose
    instructions cannot be fetched would ring somebody and say nothing."""
    url = line.voice_url
    if not url:
        raise ProviderMisconfigured("Set the public URL for calls: this line has none.")
    local = urls.on_loopback(line.api_base_url) and urls.split(url) is not None
    if not local and not urls.publicly_usable(url):
        raise ProviderMisconfigured("The provider cannot reach the public URL for calls.")
    stem, query = configured(line)
    return Addresses(stem, query, our_id)


def written(instructions: Iterable[Instruction], where: Addresses) -> str:
    """The document. Raises ValueError for one that is too long, and for what Plivo has not."""
    return plivo_xml.document(e for one in instructions for e in _elements(one, where))


def _elements(instruction: Instruction, where: Addresses) -> tuple[Element, ...]:
    match instruction:
        case Say() | Play() | Wait():
            return (_sound(instruction),)
        case SendDigits():
            return (plivo_xml.dtmf(instruction.digits),)
        case Listen():
            return _input(instruction, where)
        case TakeMessage():
            return (_record(instruction, where),)
        case DialNumber():
            return (_dial(instruction, where),)
        case JoinConference():
            return (_conference(instruction, where),)
        case OpenStream():
            return _stream(instruction, where)
        case OpenRelay():
            raise ValueError("Plivo has no socket that hears and speaks by itself")
        case GoOn():
            return (_ask(instruction.turn, where),)
        case HangUp():
            return (plivo_xml.hang_up(),)
        case Refuse():
            return (plivo_xml.hang_up(instruction.how.value),)
        case _:
            assert_never(instruction)


def _ask(turn: str, where: Addresses) -> Element:
    return plivo_xml.redirect(where.at(webhooks.NEXT, turn))


def _sound(instruction: Say | Play | Wait) -> Element:
    match instruction:
        case Say():
            return plivo_xml.speak(
                instruction.text, voice=instruction.voice, language=instruction.language
            )
        case Play():
            return plivo_xml.play(instruction.url)
        case Wait():
            return plivo_xml.wait(instruction.seconds)
        case _:
            assert_never(instruction)


def _input(listen: Listen, where: Addresses) -> tuple[Element, ...]:
    """Numbers outside what Plivo takes become the nearest it does: it would refuse the document."""
    sources: Sequence[str] = ("dtmf",) * listen.digits + ("speech",) * listen.speech
    if not sources:
        raise ValueError("to listen for nothing is to wait")
    prompt = [_sound(part) for part in listen.prompt]
    before, inside = ([], prompt) if listen.may_interrupt else (prompt, [])
    found = plivo_xml.get_input(
        where.at(webhooks.NEXT, listen.turn),
        inside,
        source=" ".join(sources),
        timeout_s=_within(listen.timeout_s, INPUT_S_MIN, INPUT_S_MAX),
        digit_end_s=_within(listen.timeout_s, DIGIT_END_S_MIN, DIGIT_END_S_MAX),
        finish_on=listen.finish_on,
        digits_count=None if listen.digits_count is None else min(listen.digits_count, DIGITS_MAX),
        language=listen.language,
        hints=listen.hints,
    )
    after = (_ask(listen.turn, where),) if listen.ask_when_empty else ()
    return (*before, found, *after)


def _within(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def _record(message: TakeMessage, where: Addresses) -> Element:
    return plivo_xml.record(
        where.at(webhooks.MESSAGE, message.turn),
        seconds_max=message.seconds_max,
        silence_s=message.silence_s,
        finish_on=message.finish_on,
        beep=message.beep,
        callback=where.at(webhooks.RECORDING),
    )


def _dial(dial: DialNumber, where: Addresses) -> Element:
    return plivo_xml.dial(
        plivo_xml.number(dial.number, digits=dial.digits),
        action=where.at(webhooks.LEG, dial.turn),
        caller=dial.caller,
        ring_s=dial.ring_s,
        limit_s=dial.limit_s,
        callback=where.at(webhooks.DIALLED),
    )


def _conference(join: JoinConference, where: Addresses) -> Element:
    """Plivo knows a member by its number in the room, not by a label of ours."""
    return plivo_xml.conference(
        join.room,
        action=where.at(webhooks.LEG, join.turn),
        muted=join.muted,
        begins=join.begins,
        ends=join.ends,
        beep=join.beep,
        people_max=min(join.people_max, PEOPLE_MAX),
    )


def _stream(stream: OpenStream, where: Addresses) -> tuple[Element, ...]:
    if not stream.url.startswith("wss://") or "?" in stream.url or "#" in stream.url:
        raise ValueError("a socket's address is wss, without query or fragment")
    found = plivo_xml.stream(stream.url, extra_headers=_extra_headers(stream.parameters))
    return found, _ask(stream.turn, where)


def _extra_headers(parameters: Iterable[tuple[str, str]]) -> str:
    """Plivo takes letters and digits only, 512 bytes in all (its page on audio streams, 2026-11)."""
    pairs = list(parameters)
    if not all(_HEADER_WORD.fullmatch(word) for pair in pairs for word in pair):
        raise ValueError("a stream's parameters are letters and digits")
    text = ",".join(f"{name}={value}" for name, value in pairs)
    if len(text) > EXTRA_HEADERS_BYTES_MAX:
        raise ValueError(f"a stream's parameters have at most {EXTRA_HEADERS_BYTES_MAX} bytes")
    return text
