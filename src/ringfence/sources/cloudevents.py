"""CloudEvents 1.0 over HTTP: structured, batched and binary mode, in JSON. Who may send is said by a
token, which is the door's business. Must never decode a header twice.

`source` and `id` together name an event, and whoever gets the same two again may take it for the
same event (CloudEvents 1.0.2, `spec.md`, attribute `id`). Modes are told apart by Content-Type, header
values are percent-encoded once (HTTP Protocol Binding 1.0.2, sections 1.3 and 3.1.3.2); null is the
same as absent (JSON Event Format 1.0.2, section 2.2). `severitynumber` and `severitytext` are the
documented severity extension; `severity`, `action`, `dedupekey` and `title` are extensions of ours."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from ringfence.model.errors import MalformedEvent
from ringfence.model.event import Event, EventAction, Severity
from ringfence.model.line import Secret
from ringfence.sources.base import EVENTS_MAX, KIB, Capabilities, Verified, WebhookRequest, admitted
from ringfence.sources.identity import joined
from ringfence.sources.severities import severity_of, severity_of_number
from ringfence.sources.taming import (
    HREF_CHARS_MAX,
    TITLE_CHARS_MAX,
    Fields,
    clean,
    document,
)

VERSION = "1.0"
ATTRIBUTES_MAX = 50
SEVERITY_NUMBER_MAX = 24
_STRUCTURED: Final = "application/cloudevents+json"
_BATCHED: Final = "application/cloudevents-batch+json"
_OURS: Final = frozenset(
    {
        *("id", "source", "type", "specversion", "time", "subject", "data", "data_base64"),
        *("severity", "action", "dedupekey", "title"),
    }
)
_attribute: Final = re.compile(r"[a-z0-9]{1,40}", re.ASCII)  # spec.md, "Naming conventions"
_quoted: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_broken_escape: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class CloudEvents:
    name = "cloudevents"
    capabilities = Capabilities(
        batches=True, acknowledges=True, resolves=True, body_bytes_max=1024 * KIB
    )

    def verify(self, request: WebhookRequest, secrets: Sequence[Secret], now: datetime) -> Verified:
        return admitted(request, self.capabilities, now)

    def parse(self, verified: Verified) -> list[Event]:
        request = verified.request
        media_type = _media_type(request.headers.get("content-type", ""))
        if media_type == _BATCHED:
            return [_event(each, verified.received_at) for each in _batch(request.body)]
        if media_type == _STRUCTURED:
            return [_event(_one(document(request.body), ""), verified.received_at)]
        if media_type.startswith("application/cloudevents"):
            raise MalformedEvent(f"Of CloudEvents' formats only JSON is read: {_STRUCTURED}.")
        return [_event(_binary(request, media_type), verified.received_at)]


def _batch(body: bytes) -> list[Fields]:
    held = document(body)
    if not isinstance(held, list):
        raise MalformedEvent("A batch is a JSON list of events.")
    if len(held) > EVENTS_MAX:
        raise MalformedEvent(f"A batch has at most {EVENTS_MAX} events; send the rest in another.")
    return [_one(each, f"[{place}]") for place, each in enumerate(held)]


def _one(held: Any, path: str) -> Fields:
    if not isinstance(held, dict):
        raise MalformedEvent(f"{f'`{path}`' if path else 'An event'} must be an object.")
    given = Fields(held, path)
    if "data_base64" not in held:
        return given
    if held.get("data") is not None:
        raise given.fault("data_base64", "excludes `data`")
    encoded = given.word_or("data_base64", "", 1024 * KIB)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise given.fault("data_base64", "is no Base64") from None
    media_type = _media_type(given.word_or("datacontenttype"))
    return replace(given, held={**held, "data": _content(raw, media_type)})


def _binary(request: WebhookRequest, media_type: str) -> Fields:
    """Attributes from `ce-` headers, data from the body."""
    held: dict[str, Any] = {
        name.removeprefix("ce-"): _header_value(name, value)
        for name, value in request.headers.items()
        if name.startswith("ce-")
    }
    if not held:
        raise MalformedEvent(
            f"Send Content-Type: {_STRUCTURED} with one event, or the attributes in `ce-` headers."
        )
    if "datacontenttype" in held or "data" in held:
        raise MalformedEvent("`ce-data…` is no header: the type is Content-Type, data the body.")
    if media_type:
        held["datacontenttype"] = media_type
    if request.body:
        held["data"] = _content(request.body, media_type or "application/json")
    return Fields(held)


def _header_value(name: str, value: str) -> str:
    """Undo quotes, then one round of percent-encoding; what is no UTF-8 then is refused."""
    if found := _quoted.fullmatch(value.strip()):
        value = re.sub(r"\\(.)", r"\1", found[1])
    try:
        if _broken_escape.search(value):
            raise ValueError
        return unquote_to_bytes(value.encode("latin-1")).decode("utf-8")
    except ValueError:
        shown = name if _attribute.fullmatch(name.removeprefix("ce-")) else "A `ce-` header"
        raise MalformedEvent(f"`{shown}` is not percent-encoded UTF-8.") from None


def _content(raw: bytes, media_type: str) -> Any:
    """JSON and text are read; what else there may be, no flow could look into."""
    if media_type.endswith(("/json", "+json")):
        return document(raw)
    if not media_type.startswith("text/"):
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedEvent("The body is text, but not UTF-8.") from None


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _event(given: Fields, received_at: datetime) -> Event:
    if given.word("specversion") != VERSION:
        raise given.fault("specversion", f"must be {VERSION}")
    source = given.word("source", HREF_CHARS_MAX)
    name = joined(source, given.word("id"))
    return Event(
        id=name,
        source=CloudEvents.name,
        type=given.word("type"),
        at=given.moment("time") or received_at,
        severity=_severity(given),
        action=given.choice("action", EventAction, EventAction.TRIGGER),
        subject=given.word_or("subject", "", TITLE_CHARS_MAX),
        title=given.prose("title", TITLE_CHARS_MAX),
        data=_data(given),
        attributes={"source": source, **_extensions(given)},
        dedupe_key=given.word_or("dedupekey") or name,
    )


def _severity(given: Fields) -> Severity:
    """Ours is strict; the documented extension's words and numbers are anybody's."""
    if given.held.get("severity") is not None:
        return given.choice("severity", Severity)
    number = given.held.get("severitynumber")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= 2:
        number = int(number)  # a header
    if isinstance(number, int) and 1 <= number <= SEVERITY_NUMBER_MAX:
        return severity_of_number(number)
    return severity_of(given.word_or("severitytext"), Severity.INFO)


def _data(given: Fields) -> Mapping[str, Any]:
    """What is no object stands under `value`."""
    held = given.tree("data")
    if isinstance(held, dict):
        return held
    return {} if held is None else {"value": held}


def _extensions(given: Fields) -> dict[str, str | int | bool]:
    """Every other attribute: text, a whole number or a truth (JSON Event Format, section 2.2)."""
    others = {k: v for k, v in given.held.items() if k not in _OURS and v is not None}
    if len(others) > ATTRIBUTES_MAX:
        raise MalformedEvent(f"An event has at most {ATTRIBUTES_MAX} attributes.")
    for name, value in others.items():
        if not _attribute.fullmatch(name):
            raise MalformedEvent("An attribute's name is of lower-case letters and digits.")
        if not isinstance(value, str | int) or len(str(value)) > HREF_CHARS_MAX:
            raise given.fault(
                name,
                f"must be text of at most {HREF_CHARS_MAX} characters, "
                "a whole number, true or false",
            )
    return {name: clean(v) if isinstance(v, str) else v for name, v in others.items()}


SOURCE = CloudEvents()
