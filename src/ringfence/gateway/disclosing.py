"""What a person must be told first on a line, put before the first text to them. It is `carried` while
that text is under way and `delivered` once it arrived; one whose text never arrived is owed again. The
words are the configuration's: no agent writes, changes or leaves out any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ringfence.delivery.status import ARRIVED
from ringfence.gateway.call_words import is_call
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.facts import disclosure_version
from ringfence.gateway.proposal import Proposal
from ringfence.model.errors import NotReleasable
from ringfence.model.line import Line
from ringfence.model.message import Message, MessageClass
from ringfence.model.outbox import OutboxItem
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.ports import Tx

# Words to a person; what Ringfence owes them (an answer to STOP or HELP, say) says who it is itself.
TOLD_FIRST = frozenset(
    {
        MessageClass.FREE_TEXT,
        MessageClass.TEMPLATE,
        MessageClass.INTAKE_QUESTION,
        MessageClass.INTAKE_END,
    }
)
_BETWEEN = "\n\n"


def dress(tx: Tx, proposals: Sequence[Proposal]) -> list[tuple[Proposal, str]]:
    """Each proposal as it will be sent, with the version of the disclosure it carries (empty: none).
    Two in one call may both carry it: whether the first leaves is not decided yet."""
    asked = {
        (one.line.id, one.number, disclosure_version(one.line))
        for one in proposals
        if one.act is not Act.CALL and _is_for(one.line, one.number, one.message_class)
    }
    if not asked:
        return [(one, "") for one in proposals]
    owed = asked - tx.acquaintances.disclosed(asked).keys()
    return [_dressed(one, owed) for one in proposals]


def carry(tx: Tx, messages: Sequence[Message], now: datetime) -> None:
    """These are on their way with what they carry."""
    carried = [
        (message.line, message.number, message.traits.disclosure, message.id)
        for message in messages
        if message.traits.disclosure
    ]
    if carried:
        tx.acquaintances.carry(carried, now)


def arrived(kit: Equipment, tx: Tx, items: Sequence[OutboxItem], now: datetime) -> None:
    """Parts reached their phones: put on record what a person was told by them, once, when the whole
    text is there (the words may stand in more than one part)."""
    told = [item for item in items if item.traits.disclosure and item.status in ARRIVED]
    if not told:
        return
    whole = {
        (item.line, item.number, item.traits.disclosure): item.message_id
        for item in told
        if item.parts == 1 or _all_there(tx, item)
    }
    known = tx.acquaintances.disclosed(whole)
    fresh = {
        key: message_id
        for key, message_id in whole.items()
        if known.get(key, ("", now))[0] != "delivered"
    }
    tx.acquaintances.delivered([(*key, message_id) for key, message_id in fresh.items()], now)
    tx.audit.append(
        [
            kit.audit("disclosed", message_id, "provider", now, {"line": line, "version": version})
            for (line, _, version), message_id in fresh.items()
        ]
    )


def must_be_told(tx: Tx, message: Message, line: Line) -> None:
    """Raises NotReleasable for a text without the words to somebody who was not told them: a yes to
    its text is none to leaving them out, and the gateway does not change what people said yes to."""
    if is_call(message):
        return  # said first on every call
    if message.traits.disclosure or not _is_for(line, message.number, message.message_class):
        return
    key = (line.id, message.number, disclosure_version(line))
    if key not in tx.acquaintances.disclosed([key]):
        raise NotReleasable(
            "This person was not told yet who writes and how to stop it, and this text does not say "
            "it. Edit the draft (the same words will do): Ringfence then puts it before them."
        )


def said(line: Line, message: Message) -> tuple[str, str]:
    """What was put before a message's own words (empty: nothing), and these words."""
    if message.traits.disclosure != disclosure_version(line):
        return "", message.body
    words = bare(line, message.body)
    return ("", words) if words == message.body else (line.disclosure, words)


def bare(line: Line, body: str) -> str:
    """A text without the line's disclosure before it."""
    if not line.disclosure or not body.startswith(line.disclosure):
        return body
    return body.removeprefix(line.disclosure).lstrip()


def _is_for(line: Line, number: PhoneNumber, message_class: MessageClass) -> bool:
    return bool(line.disclosure) and message_class in TOLD_FIRST and number not in line.owners


def _dressed(proposal: Proposal, owed: set[tuple[str, PhoneNumber, str]]) -> tuple[Proposal, str]:
    line = proposal.line
    version = disclosure_version(line)
    if proposal.act is Act.CALL or not _is_for(line, proposal.number, proposal.message_class):
        return proposal, ""
    if (line.id, proposal.number, version) not in owed:
        return proposal, ""
    both = [text for text in (line.disclosure, proposal.body) if text]
    return replace(proposal, body=_BETWEEN.join(both)), version


def _all_there(tx: Tx, item: OutboxItem) -> bool:
    parts = tx.outbox.of_messages([item.message_id]).get(item.message_id, [])
    return all(part.status in ARRIVED for part in parts)
