"""Taking a hand in live calls: end one, say something in it, press keys. Each is one transaction with
its entry, and whatever is said has passed the gate; only then is the provider told, or the session of
a call in live sound, which is in one process alone and keeps its words itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ringfence.gateway.call_asking import speaking
from ringfence.gateway.call_ending import end
from ringfence.gateway.call_placing import caller_of, manner_of, voice_of
from ringfence.gateway.call_views import found
from ringfence.gateway.call_words import Manner, listen, say, waited_turn
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import FactsDesk
from ringfence.model.call import (
    Call,
    CallMode,
    CallState,
    CallTurnState,
    EndReason,
    Speaker,
    Words,
)
from ringfence.model.errors import (
    CallNotReady,
    EmptyText,
    InvalidField,
    NotDispatched,
    ProviderMisconfigured,
    ProviderRejected,
)
from ringfence.model.instruction import GoOn, Instruction, Say, SendDigits
from ringfence.model.line import Line
from ringfence.model.verdict import Reason, Verdict
from ringfence.model.wire import WireRequest
from ringfence.ports import Tx
from ringfence.providers.base import PlacesCalls, Told
from ringfence.text.spoken import spoken
from ringfence.voice.events import SessionEvent, ToldToPress, ToldToSay

SENTENCE_LENGTH_MAX = 1_500
"""Characters: about a minute and a half of speech, which nobody listens to."""
DIGITS_MAX = 32
_DIGITS = re.compile(r"[0-9*#w]+", re.ASCII)


# -- ending ----------------------------------------------------------------------------------------


async def end_call(kit: Equipment, key: str, actor: str) -> Call:
    """A hang-up is owed from then on; once over, or ending, it is left as it is (B133). Raises NotFound,
    and CallNotReady for one that is not placed."""
    now = kit.clock.now()
    agent = actor.startswith("agent:")
    reason = EndReason.ENDED_BY_AGENT if agent else EndReason.ENDED_BY_OPERATOR
    call = await kit.store.write(lambda tx: end(kit, tx, _placed(tx, key), reason, now, actor))
    kit.calls_bell.ring()
    return call


# -- saying something ------------------------------------------------------------------------------


class Sound(Protocol):
    """The conversations in live sound of this process (`gateway.conversations`)."""

    def tell(self, call_id: str, event: SessionEvent) -> bool:
        """False for a call that has none here."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of a sentence, or of keys, for a live call. `decision` is the entry that explains it;
    where `said` is false the gate refused, with `reasons`. `n` is the last of the call's words so far.
    Either `requests` are owed to the provider or `event` to the call's session."""

    call: Call
    said: bool
    reasons: tuple[Reason, ...]
    decision: str
    n: int = 0
    requests: tuple[WireRequest, ...] = ()
    event: SessionEvent | None = None


async def speak(
    kit: Equipment, key: str, text: str, actor: str, sound: Sound | None = None
) -> Spoken:
    """Say a sentence in a conversation, now; what is being said meanwhile is cut off. Raises NotFound,
    EmptyText, InvalidField, CallNotReady, and what providers raise."""
    sentence = sentence_of(text)
    answer = await kit.store.write(
        lambda tx: say_in(kit, tx, live_call(kit, tx, key), sentence, actor)
    )
    await tell(kit, answer, sound)
    return answer


async def digits(
    kit: Equipment, key: str, keys: str, actor: str, sound: Sound | None = None
) -> Spoken:
    """Press keys towards the person: 0-9 * # and w for half a second. As `speak`."""
    if not _DIGITS.fullmatch(keys) or len(keys) > DIGITS_MAX:
        raise InvalidField(f"`digits` takes 1 to {DIGITS_MAX} of 0-9 * # and w.")
    answer = await kit.store.write(lambda tx: _press(kit, tx, live_call(kit, tx, key), keys, actor))
    await tell(kit, answer, sound)
    return answer


def sentence_of(text: str) -> str:
    """The words alone, as they are said. Raises EmptyText and InvalidField."""
    sentence = spoken(text).text
    if not sentence:
        raise EmptyText("Give `message` some words to say.")
    if len(sentence) > SENTENCE_LENGTH_MAX:
        raise InvalidField(f"At most {SENTENCE_LENGTH_MAX} characters are said at once.")
    return sentence


# -- in one transaction ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Live:
    """A conversation that can be spoken in; `is_streamed` in live sound."""

    call: Call
    line: Line
    provider: PlacesCalls
    manner: Manner
    is_streamed: bool


def _placed(tx: Tx, key: str) -> Call:
    call, _ = found(tx, key)
    if call is None:
        raise CallNotReady(
            "It was not placed yet; `ringfence message cancel` ends it.", code="call_not_placed"
        )
    return call


def live_call(kit: Equipment, tx: Tx, key: str) -> Live:
    """Raises CallNotReady for what cannot be spoken in now, in words that say why."""
    call = _placed(tx, key)
    line = kit.lines.get(call.line)
    if line is None:
        raise ProviderMisconfigured("The line of this call is not configured any more.")
    if call.is_over or call.ending is not None:
        raise CallNotReady(over_in_words(call), code="call_over")
    if call.state is not CallState.ANSWERED:
        raise CallNotReady("Nobody has answered it yet; try again.", code="call_not_answered")
    if call.mode is CallMode.NOTIFY:
        raise CallNotReady(
            "A notice says what it says and ends; place the call with the mode conversation.",
            code="call_is_notice",
        )
    if call.turn == 0:
        raise CallNotReady(
            "Its first words were not said yet, or its caller waits to be let in; try again.",
            code="call_not_begun",
        )
    is_streamed = voice_of(line).has_sockets
    return Live(call, line, caller_of(line), manner_of(line, call), is_streamed)


def over_in_words(call: Call) -> str:
    reason = call.ending or call.person.end_reason
    return f"The call is over ({reason.value if reason else call.state.value})."


def say_in(kit: Equipment, tx: Tx, live: Live, text: str, actor: str) -> Spoken:
    """Decide, and keep what may be said with the requests that say it; `tell` makes them."""
    now = kit.clock.now()
    judged = judge(kit, tx, live, text, actor, now)
    if not judged.said:
        return judged
    if live.is_streamed:
        event = ToldToSay(text, _speaker(actor), judged.decision)
        return replace(judged, event=event, n=len(tx.calls.words_of(live.call.id)))
    requests = told_by(live, _followed(tx, live, say(live.manner, text)))
    return replace(judged, requests=requests, n=keep(tx, live, text, actor, judged.decision, now))


def keep(tx: Tx, live: Live, text: str, actor: str, decision: str, now: datetime) -> int:
    """Put words of ours on record; answers which of the call's they are."""
    (stored,) = tx.calls.add_words(
        [
            Words(
                live.call.id,
                0,
                _speaker(actor),
                text,
                now,
                turn=live.call.turn,
                decision=decision,
            )
        ]
    )
    return stored.n


def _speaker(actor: str) -> Speaker:
    return Speaker.AGENT if actor.startswith("agent:") else Speaker.OWNER


def _press(kit: Equipment, tx: Tx, live: Live, keys: str, actor: str) -> Spoken:
    """What is typed may be anybody's code, so it stands nowhere but in the request."""
    judged = judge(kit, tx, live, keys, actor, kit.clock.now())
    if not judged.said:
        return judged
    if live.is_streamed:
        return replace(judged, event=ToldToPress(keys, judged.decision))
    return replace(judged, requests=told_by(live, _followed(tx, live, SendDigits(keys))))


def judge(kit: Equipment, tx: Tx, live: Live, text: str, actor: str, now: datetime) -> Spoken:
    """A sentence that waits for a person's yes is not said: nobody can be asked while somebody is on
    the phone."""
    asked = speaking(kit, live.line, live.manner, live.call, text)
    question = replace(asked, initiator=actor)
    decision, entry = FactsDesk(kit, tx, [question], now).decide(question, kit.ids.new("turn", now))
    tx.audit.append([entry])
    said = decision.verdict is Verdict.ALLOW
    return Spoken(live.call, said, decision.reasons, entry.id)


def told_by(live: Live, instructions: Sequence[Instruction]) -> tuple[WireRequest, ...]:
    """The requests that give the call these. Raises InvalidField for more than the provider can be
    told at once."""
    call = live.call
    try:
        return tuple(live.provider.tell(instructions, call.person.provider_id, call.id, live.line))
    except ValueError as error:
        raise InvalidField(f"The provider cannot be told that: {error}.") from None


def _followed(tx: Tx, live: Live, first: Say | SendDigits) -> list[Instruction]:
    """The call goes on from where it was: while an agent thinks, or listening."""
    call = live.call
    turn = tx.calls.turn(call.id, call.turn)
    if turn is not None and turn.state in (CallTurnState.ASKED, CallTurnState.ANSWERED):
        return [first, GoOn(waited_turn(call.turn))]
    n = call.turn if turn is None else call.turn + 1
    if isinstance(first, Say):
        return [listen(live.manner, n, first)]
    return [first, listen(live.manner, n)]


# -- after the commit ------------------------------------------------------------------------------


async def tell(kit: Equipment, answer: Spoken, sound: Sound | None) -> None:
    """Raises CallNotReady where the provider says that it is over, or its sound is not here. What
    provably was not told was not heard either."""
    if answer.event is not None and not (
        sound is not None and sound.tell(answer.call.id, answer.event)
    ):
        raise CallNotReady(
            "Its sound is not in this process; say it over the API of the gateway that has it.",
            code="call_is_streamed",
        )
    if not answer.requests:
        return
    provider = caller_of(kit.lines[answer.call.line])
    try:
        for request in answer.requests:
            told = provider.told(await kit.http.send(request))
    except (ProviderRejected, NotDispatched):
        await _unheard(kit, answer)
        raise
    if told is Told.GONE:
        await _unheard(kit, answer)
        kit.calls_bell.ring()
        raise CallNotReady("The provider says that the call is over.", code="call_over")


async def _unheard(kit: Equipment, answer: Spoken) -> None:
    if answer.n:
        await kit.store.write(lambda tx: tx.calls.heard(answer.call.id, answer.n, 0))
