"""What the facts of a call have of their own: who the caller is, as far as known, what they heard, whose
lists count. What nobody showed is taken for the stricter of what it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.model.contact import Role
from ringfence.model.line import Line
from ringfence.model.message import Direction
from ringfence.model.verdict import Act
from ringfence.model.voice import Route
from ringfence.policy.facts import Caller, Disclosure
from ringfence.text.caller_id import is_placeholder

if TYPE_CHECKING:
    from ringfence.gateway.facts import Question

OF_CALLS = frozenset({Act.CALL, Act.ANSWER, Act.SPEAK})


def route(question: Question) -> Route | None:
    """What the operator wrote about calls to the number that was rung."""
    voice = question.line.voice
    if voice is None:
        return None
    return voice.route if question.call is None else voice.route_to(question.call.called)


def caller(question: Question) -> Caller:
    """Words said in a call that nobody showed us are taken for words to a caller."""
    if question.act not in (Act.ANSWER, Act.SPEAK):
        return Caller.NONE
    if question.call is not None and question.call.direction is Direction.OUT:
        return Caller.NONE
    if is_placeholder(question.number):
        return Caller.HIDDEN
    if question.pin_given:
        return Caller.BY_PIN
    return unproven(question.line)


def unproven(line: Line) -> Caller:
    """A caller of whom nothing but the number is known."""
    asks = line.voice is not None and line.voice.pin is not None
    return Caller.PIN_OWED if asks else Caller.BY_NUMBER


def disclosure_in(question: Question) -> Disclosure:
    """Heard on this very call: what was read weeks ago tells nobody who speaks now."""
    found = route(question)
    if not question.line.disclosure and (found is None or not found.disclosure):
        return Disclosure.NONE
    heard = question.call is not None and question.call.disclosed_at is not None
    return Disclosure.GIVEN if heard else Disclosure.OWED


def role(question: Question, *, paired: bool) -> Role:
    """Owners and pairings are the same as for texts, the allow list is not."""
    line, number = question.line, question.number
    if number in line.owners:
        return Role.OWNER
    if number.e164 in allow_from(line, question.act):
        return Role.MEMBER
    return Role.GUEST if paired else Role.STRANGER


def allow_from(line: Line, act: Act) -> frozenset[str]:
    """No configuration, no calls: the lists of texts are none of calls."""
    if act not in OF_CALLS:
        return line.allow_from
    return frozenset() if line.voice is None else line.voice.allow_from


def allow_to(line: Line, act: Act) -> frozenset[str]:
    if act not in OF_CALLS:
        return line.allow_to
    return frozenset() if line.voice is None else line.voice.allow_to


def on_our_side(question: Question) -> str:
    """A call is taken by the agent of the line."""
    if question.act is not Act.ANSWER:
        return question.initiator
    found = route(question)
    return f"agent:{question.line.agent_id if found is None else found.agent_id}"
