"""Telnyx's webhook documents as our events. A verified document becomes flat fields
(`data.payload.from.phone_number`), which is also the form in which one that cannot be used is kept.
Reads nothing but the signed body: the URL of a request is anybody's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from ringfence.model.errors import MalformedEvent
from ringfence.model.message import InboundMessage, MediaRef, MessageStatus, StatusCallback
from ringfence.providers.telnyx_errors import OPTED_OUT, UNDELIVERABLE

FIELDS_MAX = 300
DEPTH_MAX = 8
OUR_ID = "ringfence"
STATUSES: dict[str, MessageStatus] = {
    "queued": MessageStatus.QUEUED,
    "sending": MessageStatus.SENDING,
    "sent": MessageStatus.SENT,
    # No receipt came, and none will: as far as we shall know, it was sent (facts 2.2).
    "delivery_unconfirmed": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "delivery_failed": MessageStatus.UNDELIVERED,
    "sending_failed": MessageStatus.FAILED,
    "expired": MessageStatus.EXPIRED,
    "cancelled": MessageStatus.CANCELLED,
}
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{8,80}", re.ASCII)
_REPORTS = frozenset({"message.sent", "message.finalized", "message.read"})
_OUR_ID_VALUE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_CODE = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,4}", re.ASCII)
_PAYLOAD = "data.payload"
_KEYWORDS = frozenset({"STOP", "START", "HELP"})


def fields_of(body: bytes) -> tuple[tuple[str, str], ...]:
    """The document's values by their paths; empty for what is no JSON object within the limits."""
    try:
        document = json.loads(body)
        return tuple(_leaves(document, "", DEPTH_MAX)) if isinstance(document, dict) else ()
    except (ValueError, RecursionError):
        return ()


def _leaves(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list):
        if depth == 0:
            raise ValueError("nested too deeply")
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for count, (name, inner) in enumerate(pairs):
            if count > FIELDS_MAX:
                raise ValueError("too many fields")
            # A name with a dot in it would look like a path of another field.
            if "." not in str(name):
                yield from _leaves(inner, f"{path}.{name}" if path else str(name), depth - 1)
    elif isinstance(value, bool):
        yield path, "true" if value else "false"
    elif value is not None:
        # Half a surrogate pair is legal in JSON and has no UTF-8 form to be stored in.
        yield path, str(value).encode("utf-8", "replace").decode()


def parse(fields: tuple[tuple[str, str], ...]) -> InboundMessage | StatusCallback:
    """Raises MalformedEvent."""
    values = dict(fields)
    if not values or len(fields) > FIELDS_MAX:
        raise MalformedEvent("It is no JSON object of the provider's.")
    kind = values.get("data.event_type", "")
    if not values.get("data.id"):
        raise MalformedEvent("It has no event id.")
    if kind == "message.received":
        return _inbound(values)
    if kind in _REPORTS:
        return _report(values)
    raise MalformedEvent("It is no message event.")


def event_id(fields: tuple[tuple[str, str], ...]) -> str:
    """`data.id` is the same in every delivery of one event (facts 2.9)."""
    found = dict(fields).get("data.id", "")
    if not MESSAGE_ID.fullmatch(found):
        raise MalformedEvent("It has no event id.")
    return f"event:{found}"


def _inbound(values: Mapping[str, str]) -> InboundMessage:
    if values.get(f"{_PAYLOAD}.type", "SMS") not in ("SMS", "MMS"):
        raise MalformedEvent("It is neither SMS nor MMS.")
    if f"{_PAYLOAD}.to.1.phone_number" in values or f"{_PAYLOAD}.cc.0.phone_number" in values:
        raise MalformedEvent("It went to a group, and Ringfence takes part in none.")
    media = tuple(_media(values))
    word = values.get(f"{_PAYLOAD}.autoresponse_type", "").upper()
    parts = values.get(f"{_PAYLOAD}.parts", "")
    profile = values.get(f"{_PAYLOAD}.messaging_profile_id", "")
    return InboundMessage(
        provider_id=_id(values),
        account_id=profile,
        service_id=profile or None,
        sender=_required(values, "from.phone_number"),
        recipient=_required(values, "to.0.phone_number"),
        body=values.get(f"{_PAYLOAD}.text", ""),
        media=media,
        media_declared=len(media),
        segments=int(parts) if _COUNT.fullmatch(parts) else 1,
        opt_out_type=word if word in _KEYWORDS else None,
    )


def _media(values: Mapping[str, str]) -> Iterator[MediaRef]:
    for n in range(FIELDS_MAX):
        at = f"{_PAYLOAD}.media.{n}"
        url, kind = values.get(f"{at}.url"), values.get(f"{at}.content_type", "")
        if url is None and not kind:
            return
        yield MediaRef(kind, url or "", unavailable="" if url else "it has no address")


def _report(values: Mapping[str, str]) -> StatusCallback:
    word = _required(values, "to.0.status")
    status = STATUSES.get(word)
    if status is None:
        raise MalformedEvent("Its message status is not one we know.")
    code, told = _error(values)
    return StatusCallback(
        provider_id=_id(values),
        account_id=values.get(f"{_PAYLOAD}.messaging_profile_id", ""),
        status=status,
        provider_status=word + told,
        error_code=code,
        our_id=our_id(values),
    )


def _error(values: Mapping[str, str]) -> tuple[int | None, str]:
    """The first error's code, and what is to be remembered beside the status. A late 40300 may also be
    any permanent failure of delivery (Telnyx's own debugging guide): only one that speaks of a STOP
    opts a person out; another is told as undeliverable."""
    at = f"{_PAYLOAD}.errors.0"
    given = values.get(f"{at}.code", "")
    if not _CODE.fullmatch(given):
        return None, ""
    words = f"{values.get(f'{at}.title', '')} {values.get(f'{at}.detail', '')}".lower()
    if int(given) == OPTED_OUT and "stop" not in words and "block rule" not in words:
        return UNDELIVERABLE, f" ({given})"
    return int(given), ""


def our_id(values: Mapping[str, str]) -> str:
    """The outbox item's id in the address we asked for reports at, as the signed body repeats it."""
    asked = values.get(f"{_PAYLOAD}.webhook_url") or values.get("meta.delivered_to", "")
    try:
        query = urlsplit(asked).query
    except ValueError:
        return ""
    mark = f"{OUR_ID}="
    found = [piece[len(mark) :] for piece in query.split("&") if piece.startswith(mark)]
    return found[0] if len(found) == 1 and _OUR_ID_VALUE.fullmatch(found[0]) else ""


def _id(values: Mapping[str, str]) -> str:
    found = _required(values, "id")
    if not MESSAGE_ID.fullmatch(found):
        raise MalformedEvent("Its message id is none.")
    return found


def _required(values: Mapping[str, str], name: str) -> str:
    found = values.get(f"{_PAYLOAD}.{name}", "")
    if not found:
        raise MalformedEvent(f"It lacks {name}.")
    return found
