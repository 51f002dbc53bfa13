"""The bridge's acts: send or call once per idempotency key, read the inbox. Whoever calls is a
least-privileged local agent; what it asks goes through the same gate as everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ringfence.gateway import classify
from ringfence.gateway.attach import check_outbound, host
from ringfence.gateway.call_words import CALL, KEYS
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.proposal import Proposal, Proposed
from ringfence.gateway.review import facts_of, preview, propose
from ringfence.gateway.templates import Filled, settle
from ringfence.gateway.trial import undone
from ringfence.model.audit import digest
from ringfence.model.draft import Category
from ringfence.model.errors import EmptyText, InvalidField, KeyReused, NotFound
from ringfence.model.line import Line
from ringfence.model.message import MediaRef, Message, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act
from ringfence.policy.facts import Facts
from ringfence.ports import IdempotencyRecord, Tx
from ringfence.text.plain import is_blank, tidy

KEY_LENGTH_MAX = 255
BODY_LENGTH_MAX = 16_000

_MESSAGE_ID = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Upload:
    """An attachment given as bytes."""

    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A message somebody asks for. `initiator` is who asks; `idempotency_key` may be empty; `filled`
    is the template the body is of, see `templated`; `caution` is what a classifier found. With the act
    CALL `body` are the opening words, and `provenance` says how they are said (call_words)."""

    line: Line
    to: PhoneNumber
    body: str
    initiator: str
    media_urls: tuple[str, ...] = ()
    uploads: tuple[Upload, ...] = ()
    idempotency_key: str = ""
    message_class: MessageClass = MessageClass.FREE_TEXT
    provenance: Mapping[str, Any] = field(default_factory=dict)
    filled: Filled | None = None
    caution: str = ""
    act: Act = Act.INITIATE

    @property
    def body_digest(self) -> str:
        """What must be the same for a repeated key to be the same request."""
        uploads = [digest(upload.content.hex()) for upload in self.uploads]
        parts = [self.line.id, self.to.e164, self.body, *self.media_urls, *uploads]
        if self.filled is not None:
            parts.append(f"template:{self.filled.template}")
        if self.act is Act.CALL:
            how = {name: self.provenance.get(name) for name in (CALL, KEYS)}
            parts.append(f"call:{json.dumps(how, sort_keys=True)}")
        return digest("\x1f".join(parts))


def templated(request: SendRequest, filled: Filled) -> SendRequest:
    """The same request, for a template's text instead of a body."""
    return replace(
        request,
        body=filled.text,
        filled=filled,
        message_class=MessageClass.TEMPLATE,
        provenance={**request.provenance, **filled.provenance},
    )


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """The message as it stands; `replayed` when the key was known."""

    message: Message
    proposed: Proposed | None
    replayed: bool


async def send(kit: Equipment, request: SendRequest) -> SendAnswer:
    """Propose once. Raises EmptyText, InvalidField, MediaRefused, KeyReused, TemplateChanged."""
    request = await _looked_at(kit, _checked(request))
    now = kit.clock.now()
    answer = await kit.store.write(lambda tx: _send(kit, tx, request, now))
    kit.outbox_bell.ring()
    return answer


async def dry_run(kit: Equipment, request: SendRequest) -> Proposed:
    """What `send` would decide and how many segments it would cost; stores nothing."""
    request = _checked(request)
    now = kit.clock.now()

    def job(tx: Tx) -> Proposed:
        _settle(kit, tx, request, now)
        return preview(kit, tx, _proposal(request, ()), now)

    return await undone(kit.store, job)


async def what_if(kit: Equipment, request: SendRequest, at: datetime | None) -> Facts:
    """The facts by which the gate would decide about a message, now or at another time; stores
    nothing."""
    request = _checked(request)
    now = at or kit.clock.now()
    return await undone(kit.store, lambda tx: facts_of(kit, tx, _proposal(request, ()), now))


async def inbox(
    kit: Equipment, since: datetime | None, limit: int, line: str | None
) -> Sequence[Message]:
    """Admitted inbound messages, newest `limit`, oldest first; from the store, so a restart loses
    none."""
    return await kit.store.read(lambda tx: tx.messages.inbox(since, limit, line))


async def message(kit: Equipment, message_id: str) -> Message:
    """One message. Raises NotFound."""
    found = None
    if _MESSAGE_ID.fullmatch(message_id):
        found = await kit.store.read(lambda tx: tx.messages.get(message_id))
    if found is None:
        raise NotFound("No message with this id is known.")
    return found


def _send(kit: Equipment, tx: Tx, request: SendRequest, now: datetime) -> SendAnswer:
    key = (request.initiator, request.idempotency_key)
    if request.idempotency_key:
        known = tx.idempotency.find([key]).get(key)
        if known is not None:
            return _replay(tx, known, request)
    _settle(kit, tx, request, now)
    media = [
        host(kit, tx, request.line, upload.content_type, upload.content, now)
        for upload in request.uploads
    ]
    proposed = propose(kit, tx, [_proposal(request, tuple(media))], now)[0]
    if proposed.status is MessageStatus.REFUSED:
        tx.media.keep([ref.media_id for ref in media], now)
    if request.idempotency_key:
        record = IdempotencyRecord(*key, request.body_digest, proposed.message_id, now)
        tx.idempotency.add([record])
    stored = tx.messages.get(proposed.message_id)
    assert stored is not None, "a message is readable in the transaction that wrote it"
    return SendAnswer(stored, proposed, replayed=False)


async def _looked_at(kit: Equipment, request: SendRequest) -> SendRequest:
    """With what the line's classifier found in an agent's own words. A template's are a person's, and
    a request that is repeated was looked at the first time."""
    line = request.line
    free = request.initiator.startswith("agent:") and request.filled is None
    if not free or line.id not in kit.classifiers:
        return request
    key = (request.initiator, request.idempotency_key)
    known = await kit.store.read(lambda tx: tx.idempotency.find([key])) if key[1] else {}
    if known:
        return request
    now = kit.clock.now()
    seen = await undone(kit.store, lambda tx: preview(kit, tx, _proposal(request, ()), now))
    if seen.status is MessageStatus.REFUSED:
        return request  # an agent that floods, or may not, makes nobody read its texts
    judged = await classify.judge(kit, line, request.body)
    if judged is None:
        return request
    provenance = {**request.provenance, **judged.provenance}
    return replace(request, caution=judged.caution, provenance=provenance)


def _replay(tx: Tx, known: IdempotencyRecord, request: SendRequest) -> SendAnswer:
    if known.body_digest != request.body_digest:
        raise KeyReused("Use a new key for a new message.")
    stored = tx.messages.get(known.message_id)
    if stored is None:
        raise NotFound("The message of this idempotency key is no longer kept.")
    return SendAnswer(stored, None, replayed=True)


def _settle(kit: Equipment, tx: Tx, request: SendRequest, now: datetime) -> None:
    if request.filled is not None:
        settle(kit, tx, request.filled, request.initiator, now)


def _proposal(request: SendRequest, hosted: tuple[MediaRef, ...]) -> Proposal:
    urls = tuple(MediaRef("", url=url) for url in request.media_urls)
    filled = request.filled
    return Proposal(
        line=request.line,
        number=request.to,
        body=request.body,
        act=request.act,
        initiator=request.initiator,
        message_class=request.message_class,
        media=urls + hosted,
        caution=request.caution,
        provenance=request.provenance,
        category=filled.category if filled else Category.CONVERSATION,
        programme=filled.programme if filled else "",
        template=filled.template if filled else "",
    )


def _checked(request: SendRequest) -> SendRequest:
    body = tidy(request.body)
    if is_blank(body) and not request.media_urls and not request.uploads:
        raise EmptyText("Give `body` some text, or an attachment.")
    if len(body) > BODY_LENGTH_MAX:
        raise InvalidField(f"`body` has {len(body)} characters; at most {BODY_LENGTH_MAX}.")
    if len(request.idempotency_key) > KEY_LENGTH_MAX:
        raise InvalidField(f"An idempotency key has at most {KEY_LENGTH_MAX} characters.")
    if not request.idempotency_key.isprintable():
        raise InvalidField("An idempotency key holds printable characters only.")
    if len(request.media_urls) + len(request.uploads) > 10:
        raise InvalidField("At most 10 attachments go with one message.")
    for upload in request.uploads:
        check_outbound(request.line, upload.content_type, len(upload.content), body)
    return replace(request, body=body)
