"""What a line sent and got, as Twilio's message list has it: for comparing with our own rows. An inbound
message comes with the fields its webhook would have had; its attachments are not in the list, so it
says how many there are and where none is.

Must never follow a page's link to another place than this line's own message list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ringfence.model.errors import ProviderError
from ringfence.model.line import Line
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.providers import answers, twilio_rest
from ringfence.providers.base import ListedMessage, MessagePage, RemoteMessage

_PAGE_SIZE = "1000"
_COPIED = (
    ("AccountSid", "account_sid"),
    ("MessagingServiceSid", "messaging_service_sid"),
    ("From", "from"),
    ("To", "to"),
    ("Body", "body"),
    ("NumMedia", "num_media"),
    ("NumSegments", "num_segments"),
    ("ApiVersion", "api_version"),
)

Read = Callable[[dict[str, object]], RemoteMessage | None]


def requests(since: datetime, line: Line) -> list[WireRequest]:
    """What the line's number sent and what it got; of a Messaging Service the account's whole list,
    since that cannot be narrowed to one. The API filters by the day it sent or took a message, in
    GMT; one that still waits there has no such day and is not listed."""
    filters: list[list[tuple[str, str]]] = [[]]
    if line.number is not None:
        filters = [[("From", line.number.e164)], [("To", line.number.e164)]]
    day = since.astimezone(UTC).date().isoformat()
    url = f"{twilio_rest.account_url(line)}/Messages.json"
    return [
        twilio_rest.get(line, url, [*one, ("DateSent>", day), ("PageSize", _PAGE_SIZE)])
        for one in filters
    ]


def page(response: WireResponse, line: Line, read: Read) -> MessagePage:
    """`read` makes a message of a row."""
    document = twilio_rest.answer(response)
    listed = document.get("messages")
    if not isinstance(listed, list):
        raise ProviderError("The answer is not a list of messages.")
    rows = [row for row in listed if isinstance(row, dict)]
    found = [(row, message) for row in rows if (message := read(row)) is not None]
    ours = [(row, message) for row, message in found if _is_ours(row, message, line)]
    return MessagePage(
        tuple(ListedMessage(message, _webhook(row, message)) for row, message in ours),
        answers.http_moment(rows[-1].get("date_created")) if rows else None,
        twilio_rest.next_page(document.get("next_page_uri"), line),
    )


def _is_ours(row: Mapping[str, Any], message: RemoteMessage, line: Line) -> bool:
    if line.number is not None:
        return line.number.e164 == (message.to if message.inbound else message.sender)
    return row.get("messaging_service_sid") == line.service_id


def _webhook(row: Mapping[str, Any], message: RemoteMessage) -> tuple[tuple[str, str], ...]:
    """Empty for what is not here whole yet: its webhook is still to come."""
    if not message.inbound or row.get("status") != "received":
        return ()
    sid = message.provider_id
    copied = [(name, _text(row.get(key))) for name, key in _COPIED]
    return (
        ("MessageSid", sid),
        ("SmsSid", sid),
        ("SmsMessageSid", sid),
        ("SmsStatus", "received"),
        *((name, value) for name, value in copied if value or name == "Body"),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
