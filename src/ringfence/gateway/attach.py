"""Attachments both ways (behaviours F). Out: bytes are kept on our shelf and hosted for minutes
under an unguessable token on the line's webhook address. In: fetched only after the sender was let
in, within count, size and time."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from ringfence.gateway.equipment import Equipment
from ringfence.model.errors import (
    AgentUnavailable,
    DestinationRefused,
    MediaRefused,
    NetError,
    RingfenceError,
)
from ringfence.model.line import Line
from ringfence.model.message import MediaRef, Message
from ringfence.ports import Attachment, StoredMedia, Tx
from ringfence.providers.urls import on_loopback

# What phones can show (facts 2.3 and openclaw 1.9); anything else is refused before dispatch.
_SENDABLE = (
    "image/",
    "video/",
    "audio/",
    "text/vcard",
    "text/x-vcard",
    "text/plain",
    "text/csv",
    "text/calendar",
    "application/pdf",
    "application/vcard",
)
_RETRY_STATUSES = frozenset({408, 425, 429})


def check_outbound(line: Line, content_type: str, size: int, caption: str) -> None:
    """Raises MediaRefused with the limit's name (B077, B079). `size` in bytes."""
    if not content_type.startswith(_SENDABLE):
        raise MediaRefused(f"{content_type} cannot be sent as MMS; use an image, vCard or PDF.")
    image = content_type.startswith("image/")
    most = line.media.image_bytes_max if image else line.media.other_bytes_max
    total = size + len(caption.encode())
    if total > most:
        name = "imageBytesMax" if image else "otherBytesMax"
        raise MediaRefused(f"{total} bytes with its caption; media.{name} is {most}.")
    media_base(line)


def media_base(line: Line) -> str:
    """The address attachments are hosted at. Raises MediaRefused when the provider could not fetch
    from it: missing, not HTTPS (plain HTTP only towards a loopback provider), or with credentials."""
    url = line.public_url
    if not url:
        raise MediaRefused(
            "Attachments need publicWebhookUrl, so that the provider can fetch them."
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and not on_loopback(line.api_base_url):
        raise MediaRefused("Attachments need an https publicWebhookUrl.")
    if parts.username or parts.password:
        raise MediaRefused("Attachments cannot be hosted on a URL with credentials in it.")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, ""))


def hosted_url(line: Line, token: str) -> str:
    base = media_base(line)
    return f"{base}{'&' if '?' in base else '?'}media={token}"


def hosted_urls(line: Line, media: Sequence[MediaRef]) -> tuple[str, ...]:
    """What the provider is given: our hosted address, or a public URL as it was."""
    return tuple(hosted_url(line, ref.media_id) if ref.media_id else ref.url for ref in media)


def host(
    kit: Equipment, tx: Tx, line: Line, content_type: str, content: bytes, now: datetime
) -> MediaRef:
    """Shelve one attachment. Raises MediaRefused when the line already hosts its most (B083)."""
    if tx.media.hosted_count(line.id, now) >= line.media.hosted_count_max:
        raise MediaRefused(
            f"{line.media.hosted_count_max} attachments are hosted already "
            "(media.hostedCountMax); try again in some minutes."
        )
    random = bytes(kit.chance.getrandbits(8) for _ in range(24))
    token = base64.urlsafe_b64encode(random).decode()
    stored = StoredMedia(
        id=kit.ids.new("event", now),
        line=line.id,
        content_type=content_type,
        content=content,
        created_at=now,
        token=token,
        # Kept for as long as its message may wait. Nobody knows the address yet; its minutes begin
        # when it is given to the provider (see dispatch).
        expires_at=now + max(line.message_ttl, line.media.hosted_ttl),
    )
    tx.media.add(stored)
    return MediaRef(content_type, media_id=token, bytes_count=len(content))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a message's attachments: the files, and why others are missing."""

    files: tuple[Attachment, ...]
    unavailable: tuple[str, ...]


@dataclass(slots=True)
class _Basket:
    """One message's download under way: what came of it, the bytes left (B088), and whether a
    failure that may pass is worth another try of the whole message."""

    left: int
    patient: bool
    files: list[Attachment] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def wait(self, ref: MediaRef, words: str) -> None:
        if self.patient:
            raise AgentUnavailable(words)
        self.missing.append(f"{ref.content_type}: could not be fetched")


async def fetch_all(kit: Equipment, line: Line, message: Message, patient: bool) -> Fetched:
    """Download a message's attachments. While `patient`, raises AgentUnavailable (the whole message
    is tried again) when one fails in a way that may pass (B089); then, as for a permanent failure,
    the agent is told that it is missing."""
    limits = line.media
    basket = _Basket(limits.inbound_bytes_max, patient)
    started = kit.clock.now()
    for ref in message.media[: limits.inbound_count_max]:
        spent = (kit.clock.now() - started).total_seconds()
        if spent > limits.batch_timeout_s:
            basket.missing.append(f"{ref.content_type}: took too long")
            continue
        await _fetch_one(kit, line, ref, basket)
    declared = int(message.provenance.get("media_declared", len(message.media)))
    over = max(declared, len(message.media)) - min(len(message.media), limits.inbound_count_max)
    if over > 0:
        basket.missing.append(
            f"{over} more attachments over the limit of {limits.inbound_count_max}"
        )
    return Fetched(tuple(basket.files), tuple(basket.missing))


async def _fetch_one(kit: Equipment, line: Line, ref: MediaRef, basket: _Basket) -> None:
    missing = basket.missing
    try:
        request = kit.provider_of(line).media(ref.url, line)
        bounded = replace(
            request,
            timeout_s=line.media.fetch_timeout_s,
            response_bytes_max=min(request.response_bytes_max, basket.left + 1),
        )
        answer = await kit.http.send(bounded)
    except NetError as error:
        if error.code == "response_too_large":
            missing.append(f"{ref.content_type}: over the size limit")
        elif isinstance(error, DestinationRefused):
            missing.append(f"{ref.content_type}: {error.title}")
        else:
            basket.wait(ref, "An attachment could not be fetched yet.")
        return
    except RingfenceError as error:
        missing.append(f"{ref.content_type}: {error.title}")
        return
    if answer.status in _RETRY_STATUSES or answer.status >= 500:
        basket.wait(ref, f"An attachment answered {answer.status}; it is tried again.")
    elif answer.status != 200:
        missing.append(f"{ref.content_type}: no longer available ({answer.status})")
    elif len(answer.body) > basket.left:
        missing.append(f"{ref.content_type}: over the size limit")
    else:
        basket.left -= len(answer.body)
        content_type = answer.headers.get("content-type", ref.content_type).partition(";")[0]
        basket.files.append(Attachment(content_type.strip(), answer.body))
