"""Double opt-in: one text that asks, with a code that is that person's and that question's, and the
answer that agrees. Only the code agrees: never YES, never a reserved word of any language. Never
asks the same person twice in a day, and never lets an agent ask (P2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ringfence.gateway.consent import check
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, require_writer, write
from ringfence.gateway.pairing import ALPHABET
from ringfence.gateway.proposal import Proposal, Proposed
from ringfence.gateway.review import propose
from ringfence.model.consent import ConsentKind, Level, Method, OptInRequest, OptInState
from ringfence.model.errors import ConsentRefused, InvalidField, TooMany
from ringfence.model.line import Line
from ringfence.model.message import MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx
from ringfence.text.keywords import KeywordKind, classify, normalise

VERB: Final = "JOIN"
CODE_LENGTH: Final = 4
LIFETIME: Final = timedelta(hours=24)
LIFETIME_MAX: Final = timedelta(days=7)
AGAIN_AFTER: Final = timedelta(hours=24)
TRIES_MAX: Final = 5
WORDS_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """The question and what the gate said to it; `request` is None when it does not go out."""

    request: OptInRequest | None
    proposed: Proposed


@dataclass(frozen=True, slots=True)
class Asking:
    """What an operator wants to ask: `words` say who writes, what about and how often, as the
    person will read them; the rest of the text is ours."""

    line: Line
    number: PhoneNumber
    programme: str
    level: Level
    words: str
    lifetime: timedelta = LIFETIME


def ask(kit: Equipment, tx: Tx, wanted: Asking, actor: str, now: datetime) -> Asked:
    """Send the question, if the gate lets it. Raises TooMany within a day of the last one,
    ConsentRefused when the person has agreed already, InvalidField, and Forbidden for an agent."""
    require_writer(actor)
    _check(wanted, now)
    number = wanted.number
    if tx.consents.standing([(number, wanted.programme)])[number, wanted.programme].allows(
        wanted.level, now
    ):
        raise ConsentRefused(f"They have agreed to {wanted.programme} already.")
    earlier = tx.consents.requests(number, now - AGAIN_AFTER)
    if earlier:
        again = (earlier[0].created_at + AGAIN_AFTER).isoformat(timespec="minutes")
        raise TooMany(f"They were asked less than a day ago; ask again after {again}.")
    code = new_code(kit)
    text = _question(wanted, code)
    proposal = Proposal(wanted.line, number, text, Act.INITIATE, actor, MessageClass.OPT_IN_REQUEST)
    [proposed] = propose(kit, tx, [proposal], now)
    if proposed.status is MessageStatus.REFUSED:
        return Asked(None, proposed)
    request = _request(kit, wanted, code, text, proposed.message_id, actor, now)
    tx.consents.withdraw_requests(number)
    tx.consents.add_request(request)
    body = {"line": wanted.line.id, "programme": wanted.programme, "level": wanted.level}
    tx.audit.append([kit.audit("opt_in_asked", request.id, actor, now, body)])
    return Asked(request, proposed)


def answered(
    kit: Equipment,
    tx: Tx,
    line: Line,
    number: PhoneNumber,
    body: str,
    now: datetime,
    message_id: str = "",
) -> bool:
    """True when an inbound text was the answer to a question of ours, right, wrong or late: it is
    then no agent's. Costs nothing for a text that cannot be one."""
    said = read_code(body)
    if said is None:
        return False
    since = now - LIFETIME_MAX - AGAIN_AFTER
    asked = [one for one in tx.consents.requests(number, since) if one.line == line.id]
    named = next((one for one in asked if one.code == said.code), None)
    pending = next((one for one in asked if one.state is OptInState.PENDING), None)
    if named is not None:
        if named.state is OptInState.PENDING:
            _answer(kit, tx, line, named, message_id, now)
        return True
    if pending is None or not said.with_verb:
        return False
    _missed(kit, tx, pending, now)
    return True


@dataclass(frozen=True, slots=True)
class SaidCode:
    code: str
    with_verb: bool


def read_code(body: str) -> SaidCode | None:
    """`JOIN 7F3K`, in any case and with any punctuation, or the bare code; None for anything else."""
    if len(body) > 40:
        return None
    words = normalise(body).upper()
    joined = "".join(words.split())
    said = joined.removeprefix(VERB)
    if said != joined and len(said) == CODE_LENGTH and not said.isalpha():  # not "join them"
        return SaidCode(said, True)
    return SaidCode(words, False) if _is_code(words) else None


def new_code(kit: Equipment) -> str:
    """Letters and digits, so that it is no word, and a reserved one in no language."""
    while True:
        code = "".join(kit.chance.choice(ALPHABET) for _ in range(CODE_LENGTH))
        if _is_code(code) and not any(_reserved(text) for text in (code, f"{VERB} {code}")):
            return code


def _is_code(text: str) -> bool:
    return (
        len(text) == CODE_LENGTH
        and set(text) <= set(ALPHABET)
        and not text.isalpha()
        and not text.isdigit()
    )


def _reserved(text: str) -> bool:
    return classify(text, yes_is_opt_in=True).kind is not KeywordKind.NONE


def _check(wanted: Asking, now: datetime) -> None:
    words = wanted.words.strip()
    if not words or len(words) > WORDS_MAX:
        raise InvalidField(f"The question has between 1 and {WORDS_MAX} characters.")
    if not timedelta(minutes=10) <= wanted.lifetime <= LIFETIME_MAX:
        raise InvalidField("A question waits between 10 minutes and 7 days for its answer.")
    check(_granted(wanted.number, wanted.programme, wanted.level, words, "the answer"), now)


def _question(wanted: Asking, code: str) -> str:
    return (
        f"{wanted.line.label}: {wanted.words.strip()} Reply {VERB} {code} to agree, within "
        f"{_in_words(wanted.lifetime)}. Reply STOP for no more messages, HELP for help."
    )


def _in_words(lifetime: timedelta) -> str:
    minutes = int(lifetime.total_seconds() // 60)
    return f"{minutes // 60} hours" if minutes % 60 == 0 and minutes > 60 else f"{minutes} minutes"


def _request(
    kit: Equipment,
    wanted: Asking,
    code: str,
    text: str,
    message_id: str,
    actor: str,
    now: datetime,
) -> OptInRequest:
    return OptInRequest(
        id=kit.ids.new("opt_in", now),
        number=wanted.number,
        line=wanted.line.id,
        programme=wanted.programme,
        level=wanted.level,
        code=code,
        state=OptInState.PENDING,
        tries=0,
        created_at=now,
        expires_at=now + wanted.lifetime,
        actor=actor,
        disclosure=text,
        message_id=message_id,
    )


def _granted(
    number: PhoneNumber, programme: str, level: Level, disclosure: str, evidence: str
) -> Statement:
    return Statement(
        number,
        ConsentKind.GRANTED,
        Method.DOUBLE_OPT_IN,
        programme,
        level,
        disclosure=disclosure,
        evidence=evidence,
    )


def _answer(
    kit: Equipment, tx: Tx, line: Line, request: OptInRequest, message_id: str, now: datetime
) -> None:
    tries = request.tries + 1
    person = tx.people.find([request.number])[request.number]
    if request.expires_at <= now:
        _close(kit, tx, request, OptInState.EXPIRED, tries, now)
        return
    if person.blocked or person.opt_out_source:
        _close(kit, tx, request, OptInState.WITHDRAWN, tries, now)
        return
    _close(kit, tx, request, OptInState.ANSWERED, tries, now)
    evidence = f"request {request.id}, question {request.message_id}, answer {message_id}"
    said = _granted(request.number, request.programme, request.level, request.disclosure, evidence)
    write(kit, tx, [said], "person", now)
    propose(kit, tx, _confirmation(line, request, message_id), now)


def _confirmation(line: Line, request: OptInRequest, message_id: str) -> Sequence[Proposal]:
    if line.silent:
        return ()
    text = (
        f"{line.label}: thank you, you agreed to {request.programme} messages. "
        "Reply STOP for no more messages, HELP for help."
    )
    confirmation = MessageClass.OPT_IN_CONFIRMATION
    return [
        Proposal(
            line, request.number, text, Act.REPLY, "system", confirmation, in_reply_to=message_id
        )
    ]


def _missed(kit: Equipment, tx: Tx, pending: OptInRequest, now: datetime) -> None:
    tries = pending.tries + 1
    if pending.expires_at <= now:
        _close(kit, tx, pending, OptInState.EXPIRED, tries, now)
    elif tries >= TRIES_MAX:
        _close(kit, tx, pending, OptInState.EXHAUSTED, tries, now)
    else:
        tx.consents.change_request(pending.id, OptInState.PENDING, tries)


def _close(
    kit: Equipment, tx: Tx, request: OptInRequest, state: OptInState, tries: int, now: datetime
) -> None:
    tx.consents.change_request(request.id, state, tries)
    body = {"state": state, "tries": tries, "line": request.line}
    tx.audit.append([kit.audit("opt_in_ended", request.id, "person", now, body)])
