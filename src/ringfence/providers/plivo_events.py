"""Plivo's webhook forms as our events (facts 2.10).

As at Twilio the signature joins names and values without a mark, so that whoever holds one signed form
can divide it anew, and a sender who writes the text chooses some of its bytes. What holds against that
is counting: outside the text, the words that name sender, message and text may occur exactly as often
as the fields account for. A forged division has to leave the true ones lying somewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ringfence.model.errors import MalformedEvent, SignatureRefused
from ringfence.model.message import InboundMessage, MediaRef, MessageStatus, StatusCallback
from ringfence.providers.plivo_rest import code_of

OUR_ID = "ringfence"
STATUSES: dict[str, MessageStatus] = {
    "queued": MessageStatus.QUEUED,
    "sent": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "undelivered": MessageStatus.UNDELIVERED,
    "failed": MessageStatus.FAILED,
    # Not told any more; older pages have it.
    "rejected": MessageStatus.FAILED,
}
MESSAGE_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_OUR_ID_VALUE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_INTERNATIONAL = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,4}", re.ASCII)
_MEDIA = re.compile(r"Media([0-9]{1,2})", re.ASCII)
_TEXTS = ("Text", "Body")
_MARKS = ("MessageUUID", *_TEXTS)
_SENDER_MARK = re.compile(r"From\+?[0-9]", re.ASCII)
_ONCE = frozenset(
    {
        *("From", "To", "Type", "MessageUUID", "MessageIntent", "Status", "ErrorCode", "Units"),
        *("PowerpackUUID", "MediaCount", *_TEXTS),
    }
)
# An opt-in word is no sign here: Plivo takes GO, RESUME and YES for one from anybody, which people say to
# an agent in the middle of a task. START and UNSTOP are read from the text itself.
_INTENTS = {"optout": "STOP", "help": "HELP"}

Fields = Sequence[tuple[str, str]]


def parse(fields: Fields, query: str) -> InboundMessage | StatusCallback:
    """A form with a status is a report, any other a message to us. Raises MalformedEvent."""
    values = _values(fields)
    _guard_names(fields, values)
    if "Status" in values:
        return _report(values, query)
    return _inbound(values)


def dedupe_token(fields: Fields) -> str:
    """The message's id, the kind, and for reports the status and error. The nonce is new with every
    delivery, so that it tells nothing."""
    values = _values(fields)
    id_ = values.get("MessageUUID", "")
    if not MESSAGE_ID.fullmatch(id_):
        raise MalformedEvent("It names no message.")
    if "Status" in values:
        return f"status:{id_}:{values['Status']}:{values.get('ErrorCode', '')}"
    return f"in:{id_}"


def our_id(query: str) -> str:
    """The outbox item id in a report's query, or empty. Raises SignatureRefused for two, or for one that
    we cannot have made."""
    mark = f"{OUR_ID}="
    found = [piece[len(mark) :] for piece in query.split("&") if piece.startswith(mark)]
    if len(found) > 1 or (found and not _OUR_ID_VALUE.fullmatch(found[0])):
        raise SignatureRefused("Its query carries no id of ours.")
    return found[0] if found else ""


def e164(number: str) -> str:
    """Plivo writes numbers without the plus; short codes and names stay as they are."""
    return f"+{number}" if _INTERNATIONAL.fullmatch(number) else number


def _values(fields: Fields) -> dict[str, str]:
    """Fields by name. A name we read must not come twice: which one was meant?"""
    values = dict(fields)
    if len(values) != len(fields):
        names = [name for name, _ in fields]
        if any(
            (name in _ONCE or _MEDIA.fullmatch(name)) and names.count(name) > 1 for name in names
        ):
            raise MalformedEvent("A field that must be single is repeated.")
    return values


def _guard_names(fields: Fields, values: Mapping[str, str]) -> None:
    """Refuse bytes moved between names: see the top of this file. Where there are two texts, neither is
    left out: one could hold what the other one hides."""
    texts = [name for name in _TEXTS if name in values]
    text = texts[0] if len(texts) == 1 and "Status" not in values else None
    names = "\0".join(name for name, _ in fields if name != text)
    joined = "".join("\0" if name == text else name + value for name, value in sorted(fields))
    senders = 1 if _SENDER_MARK.match(f"From{values.get('From', '')}") else 0
    if len(_SENDER_MARK.findall(joined)) != senders or any(
        joined.count(mark) != names.count(mark) for mark in _MARKS
    ):
        raise MalformedEvent("Its fields do not stand where the provider puts them.")


def _inbound(values: Mapping[str, str]) -> InboundMessage:
    if values.get("Type", "sms") not in ("sms", "mms"):
        raise MalformedEvent("It is neither SMS nor MMS.")
    media = _media(values)
    if not media and not any(name in values for name in _TEXTS):
        raise MalformedEvent("It has neither text nor attachment.")
    declared, units = values.get("MediaCount", ""), values.get("Units", "")
    return InboundMessage(
        provider_id=_id(values),
        account_id="",
        service_id=values.get("PowerpackUUID") or None,
        sender=e164(_required(values, "From")),
        recipient=e164(_required(values, "To")),
        body=values.get("Text") or values.get("Body", ""),
        media=media,
        media_declared=int(declared) if _COUNT.fullmatch(declared) else len(media),
        segments=int(units) if _COUNT.fullmatch(units) else 1,
        opt_out_type=_INTENTS.get(values.get("MessageIntent", "").lower()),
    )


def _media(values: Mapping[str, str]) -> tuple[MediaRef, ...]:
    """Plivo says where each attachment is and not what: its server does. Counted from 0 or from 1; the
    vendor's pages have both."""
    found = [(int(m[1]), url) for name, url in values.items() if (m := _MEDIA.fullmatch(name))]
    return tuple(
        MediaRef("", url, unavailable="" if url else "it has no address")
        for _, url in sorted(found)
    )


def _report(values: Mapping[str, str], query: str) -> StatusCallback:
    if any(name in values for name in _TEXTS):
        raise MalformedEvent("It is a report and a message at once.")
    word = values["Status"]
    status = STATUSES.get(word)
    if status is None:
        raise MalformedEvent("Its message status is not one we know.")
    _required(values, "To")
    return StatusCallback(
        provider_id=_id(values),
        account_id="",
        status=status,
        provider_status=word,
        error_code=code_of(values.get("ErrorCode", "")),
        our_id=our_id(query),
    )


def _id(values: Mapping[str, str]) -> str:
    found = _required(values, "MessageUUID")
    if not MESSAGE_ID.fullmatch(found):
        raise MalformedEvent("Its message id is none.")
    return found


def _required(values: Mapping[str, str], name: str) -> str:
    found = values.get(name, "")
    if not found:
        raise MalformedEvent(f"It lacks {name}.")
    return found
