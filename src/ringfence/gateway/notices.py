"""What owners are told by text without having asked: strangers who wrote, people who seem to want
to stop. Bounded per owner and hour, since anybody can cause one; must never fill the owner's lane."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from ringfence.gateway import disclosing
from ringfence.gateway.counting import HOUR, window
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.proposal import Proposal
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

# A message's provenance names the words that read as a wish to stop; the answer to it is held.
SUSPECTED, STOP_SUSPECTED = "suspected", "opt_out_suspected"
NOTICES_PER_HOUR_MAX = 5
# A page has bounds of its own: strangers' small talk must not use it up, nor one person fill it.
PAGES_PER_HOUR_MAX, PAGES_PER_PERSON_MAX = 20, 3
DRAFTS_TOLD_PER_HOUR_MAX = 20
ALERTS_TOLD_PER_HOUR_MAX = 20
CALLS_TOLD_PER_HOUR_MAX = 10
QUOTE_MAX, DRAFT_QUOTE_MAX = 120, 400
_QUOTES = {ord(sign): "'" for sign in '"“”„‟«»″'}


def suspected_stop(kit: Equipment, tx: Tx, line: Line, message: Message) -> list[Proposal]:
    """Somebody seems to want no more texts: on record, and told to the owners, who decide."""
    now, number = message.created_at, message.number
    body = {"line": line.id}
    tx.audit.append([kit.audit(STOP_SUSPECTED, message.id, "person", now, body)])
    text = (
        f"{number.e164} seems to want no more texts from {line.label}; an answer by the agent is "
        f"held. If so: ringfence consent opt-out {number.e164} --reason asked "
        f"They wrote: {quoted(message.body)}"
    )
    return owner_notices(tx, line, text, now)


def draft_waits(tx: Tx, line: Line, message: Message, code: str, now: datetime) -> list[Proposal]:
    """A draft waits for a yes: what the owners of its line are texted, so that they can decide from
    their phone. The text comes last, quoted: nothing in it can pass for our words."""
    if message.message_class is MessageClass.OWNER_NOTICE:
        return []
    before, words = disclosing.said(line, message)
    after = ", after the disclosure" if before else ""
    if message.media:
        # A yes is for these too, and nobody sees them here.
        after += f", with {len(message.media)} attached (ringfence drafts show {code} has them)"
    if len(words) > DRAFT_QUOTE_MAX:
        after += f" ({len(words)} characters; ringfence drafts show {code} has the rest)"
    text = (
        f"Draft {code} on {line.label} to {message.number.e164} waits for a yes. "
        f"Reply OK {code}, NO {code}, or EDIT {code} and the new text. "
        f"It says{after}: {quoted(words, DRAFT_QUOTE_MAX)}"
    )
    # Counted apart: strangers who write must not keep a draft from being told.
    return _bounded(tx, line, ("draft", DRAFTS_TOLD_PER_HOUR_MAX, _more_drafts(line)), text, now)


def owner_notices(tx: Tx, line: Line, text: str, now: datetime) -> list[Proposal]:
    """One notice to each owner who still gets one this hour; the first beyond the bound becomes a
    word that there is more, and then it is quiet until the next hour."""
    return _bounded(tx, line, ("notice", NOTICES_PER_HOUR_MAX, _more(line)), text, now)


def call_notices(tx: Tx, line: Line, text: str, now: datetime) -> list[Proposal]:
    """What came of a call. Counted apart: callers must not use up what is told of those who write."""
    return _bounded(tx, line, ("call", CALLS_TOLD_PER_HOUR_MAX, _more_calls(line)), text, now)


def alert_notices(tx: Tx, line: Line, text: str, now: datetime) -> list[Proposal]:
    """What went wrong with an alert, also where `notifyOwner` (which is about strangers) is off.
    Counted apart: strangers who write must not keep an owner from it."""
    return _counted(tx, line, ("alert", ALERTS_TOLD_PER_HOUR_MAX, _more_alerts(line)), text, now)


def _bounded(
    tx: Tx, line: Line, bound: tuple[str, int, str], text: str, now: datetime
) -> list[Proposal]:
    """As `_counted`, where owners want to be told."""
    return _counted(tx, line, bound, text, now) if line.notify_owner else []


def _counted(
    tx: Tx, line: Line, bound: tuple[str, int, str], text: str, now: datetime
) -> list[Proposal]:
    """`bound`: what is counted, how many an hour, and what is said instead of the next."""
    name, most, more = bound
    keys = {owner: window(f"{name}:{line.id}:{owner.e164}", HOUR, now) for owner in line.owners}
    told = tx.counters.read(keys.values())
    proposals: list[Proposal] = []
    for owner, key in keys.items():
        count = told.get(key, 0)
        if count <= most:
            tx.counters.add({key: 1})
            proposals.append(_notice(line, owner, text if count < most else more))
    return proposals


def page(tx: Tx, line: Line, message: Message, text: str, now: datetime) -> list[Proposal]:
    """Tell every owner but the writer that a person may be in need, also where `notifyOwner` is off.
    So many an hour about one person, who is paused after the first; so many in all, and the one
    beyond says where the rest stands. None is lost: each is in the log and the audit log, and who is
    concerned among the pauses."""
    about = window(f"page:{message.contact_id}", HOUR, now)
    keys = {
        owner: window(f"page:{line.id}:{owner.e164}", HOUR, now)
        for owner in line.owners
        if owner != message.number
    }
    told = tx.counters.read([about, *keys.values()])
    if told.get(about, 0) >= PAGES_PER_PERSON_MAX:
        return []
    tx.counters.add({about: 1})
    proposals: list[Proposal] = []
    for owner, key in keys.items():
        count = told.get(key, 0)
        if count <= PAGES_PER_HOUR_MAX:
            tx.counters.add({key: 1})
            words = text if count < PAGES_PER_HOUR_MAX else _more_pages(line)
            proposals.append(_notice(line, owner, words))
    return proposals


def quoted(body: str, most: int = QUOTE_MAX) -> str:
    """The beginning of somebody's words, which cannot end the quote they stand in, nor turn the
    text around it (directional marks)."""
    visible = "".join(one for one in body if unicodedata.category(one) != "Cf")
    words = " ".join(visible.translate(_QUOTES).split())
    return f'"{words}"' if len(words) <= most else f'"{words[: most - 1]}…"'


def _more(line: Line) -> str:
    return (
        f"More than {NOTICES_PER_HOUR_MAX} notices about {line.label} this hour; no more until the "
        "next. ringfence pairing list shows strangers who wrote, ringfence message list the rest."
    )


def _more_drafts(line: Line) -> str:
    return (
        f"More than {DRAFTS_TOLD_PER_HOUR_MAX} drafts on {line.label} this hour; no more notices "
        "until the next. ringfence drafts list shows all that wait."
    )


def _more_calls(line: Line) -> str:
    return (
        f"More than {CALLS_TOLD_PER_HOUR_MAX} notices about calls to {line.label} this hour; no more "
        "until the next. ringfence voicecall status shows those under way, GET /api/v1/calls all."
    )


def _more_alerts(line: Line) -> str:
    return (
        f"URGENT: more than {ALERTS_TOLD_PER_HOUR_MAX} notices about alerts on {line.label} this "
        "hour; no more until the next. ringfence alerts list shows all that are open."
    )


def _more_pages(line: Line) -> str:
    return (
        f"URGENT: more than {PAGES_PER_HOUR_MAX} texts with words of an emergency to {line.label} "
        "this hour; no more pages until the next. ringfence pauses list shows everybody."
    )


def _notice(line: Line, owner: PhoneNumber, text: str) -> Proposal:
    return Proposal(line, owner, text, Act.INITIATE, "system", MessageClass.OWNER_NOTICE)
