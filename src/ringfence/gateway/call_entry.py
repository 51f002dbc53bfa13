"""Somebody calls: whether they are taken, held, asked for the PIN, given a code, or refused unanswered.
The gate decides; what it holds gets fixed words of the operator's and no agent (ADR 0015)."""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway import call_messages as messages
from ringfence.gateway import call_words as words
from ringfence.gateway.call_life import RING_SLACK, Told, fold
from ringfence.gateway.call_placing import voice_of
from ringfence.gateway.call_steps import Step, open_stream
from ringfence.gateway.call_words import Manner
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.live_core import streams
from ringfence.gateway.pairing import stranger_wrote
from ringfence.gateway.review import propose
from ringfence.model.call import (
    Call,
    CallMode,
    CallState,
    EndReason,
    IncomingCall,
    Leg,
    LegRole,
    Speaker,
    WhatNext,
    Words,
)
from ringfence.model.instruction import Refusal, Refuse
from ringfence.model.line import Line
from ringfence.model.message import Direction, MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Decision, Verdict
from ringfence.ports import Tx
from ringfence.text.caller_id import shown_number

HOLD: Final = "hold"
HOLD_S: Final = 5
WRONG_PINS_MAX: Final = 9
"""So many wrong codes of one number, in as many calls as it takes, and no more count for an hour."""
WRONG_PINS_WITHIN: Final = timedelta(hours=1)
PIN: Final = re.compile(r"pin([1-9])", re.ASCII)
_FULL, _PIN_OWED, _UNPAIRED = "calls_at_once", "pin_owed", "pairing_required"
_CLOSED = "closed"
_SPOKEN_DIGITS: Final = {
    word: str(digit)
    for digit, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    )
} | {"oh": "0"}


def ring(kit: Equipment, tx: Tx, line: Line, event: IncomingCall, now: datetime) -> Step:
    """A caller, as the provider shows them. Told twice, the first answer stands (B116)."""
    voice = voice_of(line)
    manner = Manner(voice, voice.route_to(event.called))
    if tx.calls.at_provider(line.id, event.provider_id) is not None:
        return Step()
    number = shown_number(event.caller, hidden=event.hidden)
    if number is None:
        _, entry = FactsDesk(kit, tx, (), now).decide_unnamed(line, event.provider_id)
        tx.audit.append([entry])
        return Step((Refuse(),))
    call = _incoming(kit, line, voice.limit_s, event, number, now)
    question = Question(Act.ANSWER, line, number, "person", call=call)
    desk = FactsDesk(kit, tx, [question], now)
    decision, entry = desk.decide(question, call.id)
    call = replace(call, contact_id=desk.people[number].contact_id)
    tx.audit.append([entry])
    held = _held_for(decision, line)
    if held is None:
        tx.calls.add([_refused(call, now)])
        busy = {reason.code for reason in decision.reasons} == {_FULL}
        return Step((Refuse(Refusal.BUSY if busy else Refusal.REJECTED),))
    if held == _UNPAIRED:
        return _pair(kit, tx, line, manner, call, now)
    desk.counts.raise_for(question)
    desk.counts.write()
    tx.calls.add([call])
    call = fold(kit, tx, call, Told(CallState.ANSWERED, event.provider_id), now)
    if held == _CLOSED:
        return _closed(kit, tx, line, manner, call, now)
    if held == _PIN_OWED:
        return Step((words.pin_asked(manner, manner.settings.sentences.ask_pin, 1),), call)
    if _is_full(kit, tx, line, call):
        return Step(tuple(words.held(manner, HOLD, HOLD_S)), call)
    return _greet(kit, tx, line, manner, call, now)


def held(kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
    """Somebody who waits, as long as others are served or have waited longer (B125), and no longer
    than anybody has to."""
    is_held = call.turn == 0 and _is_full(kit, tx, line, call)
    if messages.is_asked(tx, line, call) or (is_held and messages.waited_long(line, call, now)):
        call, told = messages.asked(kit, tx, line, manner, call, "held", now)
        return Step(tuple(told), call)
    if is_held:
        return Step(tuple(words.held(manner, HOLD, HOLD_S, again=True)), call)
    return _greet(kit, tx, line, manner, call, now)


def pin_given(
    kit: Equipment,
    tx: Tx,
    line: Line,
    manner: Manner,
    call: Call,
    tried: int,
    event: WhatNext,
    now: datetime,
) -> Step:
    """The code, by keypad or said digit by digit. Right, the gate is asked again; it decides."""
    voice = manner.settings
    right, locked = _guessed(tx, line, manner, call, event.digits or _digits_in(event.speech), now)
    body = {"line": line.id, "right": right, "tried": tried, "locked": locked}
    tx.audit.append([kit.audit("call_pin", call.id, "person", now, body)])
    if not right:
        if locked or tried >= voice.pin_tries:
            return Step(tuple(words.farewell(manner, voice.sentences.no_pin)), call)
        again = f"{voice.sentences.wrong_pin} {voice.sentences.ask_pin}"
        return Step((words.pin_asked(manner, again, tried + 1),), call)
    call = replace(call, pin_given=True, updated_at=now)
    tx.calls.save([call])
    question = Question(Act.ANSWER, line, call.person.number, "person", call=call, pin_given=True)
    decision, entry = FactsDesk(kit, tx, [question], now).decide(question, call.id)
    tx.audit.append([entry])
    if (reason := _held_for(decision, line)) == _CLOSED:
        return _closed(kit, tx, line, manner, call, now)
    if reason != "":
        return Step(tuple(words.farewell(manner, voice.sentences.no_pin)), call)
    return held(kit, tx, line, manner, call, now)


def _guessed(
    tx: Tx, line: Line, manner: Manner, call: Call, given: str, now: datetime
) -> tuple[bool, bool]:
    """Whether it is the code, and whether nobody listens to this number's codes for a while: a number
    is easily shown by somebody else, who may call as often as they like."""
    subject = f"pin:{line.id}:{call.person.number.e164}"
    if tx.guesses.locked(subject, now):
        return False, True
    pin = manner.settings.pin
    wanted = pin.reveal() if pin is not None else ""
    if wanted and hmac.compare_digest(given.encode(), wanted.encode()):
        tx.guesses.right(subject)
        return True, False
    within = WRONG_PINS_WITHIN
    return False, bool(given) and tx.guesses.wrong(subject, now, WRONG_PINS_MAX, within, within)


def _closed(kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
    """No agent takes calls; a message is for people."""
    call, told = messages.asked(kit, tx, line, manner, call, "closed", now)
    return Step(tuple(told), call)


def _held_for(decision: Decision, line: Line) -> str | None:
    """Why it must wait, where words of ours lift that; empty where nothing is against it, None where it
    is refused."""
    codes = {reason.code for reason in decision.reasons if not reason.met_by}
    if decision.verdict is Verdict.ALLOW:
        return ""
    # A line that is full even for those who wait (`callLimits.waiting`) is busy.
    if decision.verdict is Verdict.HOLD and _CLOSED in codes and codes <= {_CLOSED, _PIN_OWED}:
        # The PIN is for the agent; a message reaches none.
        return _CLOSED if messages.taken(line) else None
    if decision.verdict is Verdict.HOLD and len(codes) == 1 and codes <= {_PIN_OWED, _UNPAIRED}:
        return codes.pop()
    return None


def _pair(kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
    """A stranger is told a code once, and the owners who called; afterwards it is not answered."""
    number = call.person.number
    before = tx.access.pending([(line.id, number)], now).get((line.id, number))
    told = stranger_wrote(kit, tx, line, number, "(a call)", "", now)
    # The code is said; a text with it may reach no phone that can read.
    notices = [one for one in told if one.message_class is not MessageClass.PAIRING]
    propose(kit, tx, notices, now)
    request = tx.access.pending([(line.id, number)], now).get((line.id, number))
    if before is not None or request is None or line.silent:
        tx.calls.add([_refused(call, now)])
        return Step((Refuse(Refusal.REJECTED),))
    tx.calls.add([call])
    call = fold(kit, tx, call, Told(CallState.ANSWERED, call.person.provider_id), now)
    spelled = ", ".join(request.code)
    text = f"This number is private. To be let in, give its owner this code: {spelled}. Again: {spelled}."
    tx.calls.add_words([Words(call.id, 0, Speaker.GATEWAY, "(a pairing code)", now)])
    return Step(tuple(words.farewell(manner, text)), call)


def _greet(kit: Equipment, tx: Tx, line: Line, manner: Manner, call: Call, now: datetime) -> Step:
    if streams(kit, line, call):
        return open_stream(tx, call, now)
    owed = words.owed_to(line, manner, call.person.number)
    if call.turn == 0:  # a webhook that is told again must not begin the talk anew (B116)
        texts = [text for text in (owed, manner.route.greeting) if text]
        tx.calls.add_words([Words(call.id, 0, Speaker.GATEWAY, text, now) for text in texts])
        call = replace(call, turn=1, updated_at=now)
        tx.calls.save([call])
    return Step(tuple(words.greeting(manner, owed)), call)


def _is_full(kit: Equipment, tx: Tx, line: Line, call: Call) -> bool:
    most: int = kit.policies[line.id].settings["call_limits"].at_once
    others = [one for one in tx.calls.live_ones() if one.line == line.id and one.id != call.id]
    served = sum(1 for one in others if _is_served(one))
    longer = sum(1 for one in others if not _is_served(one) and one.created_at < call.created_at)
    return served + longer >= most


def _is_served(call: Call) -> bool:
    return call.direction is Direction.OUT or call.turn > 0


def _digits_in(speech: str) -> str:
    """`one two, three 4` is 1234; anything else said besides is no code."""
    said = re.findall(r"[a-z]+|[0-9]", speech.lower())
    digits = [_SPOKEN_DIGITS.get(word, word if word.isdigit() else "") for word in said]
    return "".join(digits) if all(digits) else ""


def _incoming(
    kit: Equipment,
    line: Line,
    limit_s: int,
    event: IncomingCall,
    number: PhoneNumber,
    now: datetime,
) -> Call:
    leg = Leg(number, LegRole.PERSON, CallState.OFFERED, event.provider_id, offered_at=now)
    return Call(
        id=kit.ids.new("call", now),
        line=line.id,
        direction=Direction.IN,
        mode=CallMode.CONVERSATION,
        contact_id="",
        person=leg,
        time_limit=timedelta(seconds=limit_s),
        created_at=now,
        updated_at=now,
        initiator="person",
        called=event.called,
        look_at=now + RING_SLACK,
    )


def _refused(call: Call, now: datetime) -> Call:
    """It is on record, and over: nobody looks after it."""
    leg = replace(
        call.person, state=CallState.CANCELLED, ended_at=now, end_reason=EndReason.REFUSED
    )
    return replace(call, person=leg, look_at=None)
