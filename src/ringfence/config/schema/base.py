"""What the shapes share: strictness, how a key is declared, and the kinds of value that need more
than a type. A validator's message is the *expectation* ("an http or https address"); it must never
hold the value itself, which may be a secret."""

from __future__ import annotations

import ipaddress
import re
from datetime import date, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from ringfence.config.secrets import SecretInput, SecretSource
from ringfence.text.zones import known_zones

EXPECTED = "expected"  # the error type whose message is the expectation


class Shape(BaseModel):
    """Strict, closed, camelCase outside and snake_case inside. A key that is not set stays out of
    `model_fields_set`, so that accounts can inherit it."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


def key(meaning: str, *, default: str = "", **limits: Any) -> Any:
    """Declare an optional key. `default` is the word shown in the reference; where it is empty the
    reference takes the settings dataclass's own default. `limits` are pydantic's (ge, le, …)."""
    extra: dict[str, Any] = {"shown_default": default}
    return Field(default=None, description=meaning, json_schema_extra=extra, **limits)


def required(meaning: str, **limits: Any) -> Any:
    """Declare a key that must be there."""
    return Field(description=meaning, json_schema_extra={"shown_default": "(required)"}, **limits)


def expected(text: str) -> PydanticCustomError:
    return PydanticCustomError(EXPECTED, "{expectation}", {"expectation": text})


_PROVIDER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}\Z")
_EXEC_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,255}\Z")
_REFERENCE_FORMS = (
    'text, "${ENV_NAME}", or {source: "env" | "file" | "exec", provider: "name", id: "…"}'
)


def read_secret(value: Any) -> SecretInput:
    """Plain text, a `$NAME` string, or OpenClaw's SecretRef object (docs.openclaw.ai, gateway,
    secrets: the SecretRef contract)."""
    if isinstance(value, str):
        return _secret_text(value)
    if not isinstance(value, dict) or not {"source", "id"} <= set(value):
        raise expected(_REFERENCE_FORMS)
    if not set(value) <= {"source", "provider", "id"}:
        raise expected("a reference with the keys source, provider and id only")
    return _secret_reference(value)


def _secret_text(value: str) -> SecretInput:
    if not value.strip():
        raise expected("a secret that is not empty")
    if name := re.match(r"\$(?:\{([A-Z][A-Z0-9_]{0,127})\}|([A-Z][A-Z0-9_]{0,127}))\Z", value):
        return SecretInput(source=SecretSource.ENV, id=name[1] or name[2])
    if value.startswith("${"):
        raise expected('"${NAME}" with a name of upper-case letters, digits and underscores')
    return SecretInput(plain=value)


def _secret_reference(value: dict[str, Any]) -> SecretInput:
    source, provider, ident = value["source"], value.get("provider", ""), value["id"]
    if source not in [item.value for item in SecretSource]:
        raise expected('a reference whose source is "env", "file" or "exec"')
    if not isinstance(provider, str) or (provider and not _PROVIDER_NAME.match(provider)):
        raise expected("a reference whose provider is a lower-case name")
    if not isinstance(ident, str) or not _id_fits(SecretSource(source), ident):
        raise expected(
            "a reference whose id is an upper-case variable name (env), an absolute JSON pointer "
            'or "value" (file), or a plain path without "." and ".." parts (exec)'
        )
    return SecretInput(source=SecretSource(source), provider=provider, id=ident)


def _id_fits(source: SecretSource, ident: str) -> bool:
    match source:
        case SecretSource.ENV:
            return bool(_ENV_NAME.match(ident))
        case SecretSource.FILE:
            return ident == "value" or ident.startswith("/")
        case SecretSource.EXEC:
            return bool(_EXEC_ID.match(ident)) and not {".", ".."} & set(ident.split("/"))


def _number(value: Any) -> str | int:
    """A number as written; it is read later, when the account's region is known (B055, B061)."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise expected("a phone number such as +15555550123")
    return value


def _http_url(value: str) -> str:
    parts = split_url(value)
    if parts is None or parts[0] not in ("http", "https"):
        raise expected("an http or https address such as https://gateway.example.com/webhooks/sms")
    return value


def split_url(value: str) -> tuple[str, str] | None:
    """Scheme and host, or None for anything a carrier or client could not open."""
    if any(c.isspace() or not c.isprintable() for c in value):
        return None
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if not host or not re.fullmatch(r"[A-Za-z0-9._:-]+", host):
        return None
    return parts.scheme.lower(), host


def _base_url(value: str) -> str:
    _http_url(value)
    parts = urlsplit(value)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise expected("an http or https address without credentials, query or fragment")
    return value.rstrip("/")


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise expected("an IP address or a network such as 10.0.0.0/8") from None
    return value


def _zone(value: str) -> str:
    """By our own tables: a machine may lack a zone, or know names that no other does."""
    if value not in known_zones():
        raise expected("an IANA time zone such as America/New_York")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise expected("text that is not empty")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise expected("a number of seconds above 0 and at most 86400")
    return float(value)


_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(-?[0-9]{1,9})([smhdw])", re.ASCII)
DURATION_DAYS_MAX = 366
_DURATION_FORMS = f"a duration such as 90s, 15m, 4h, 2d or 1w (at most {DURATION_DAYS_MAX}d)"


def _signed_duration(value: Any) -> timedelta:
    """A text with one unit, or whole seconds."""
    seconds = value if type(value) is int else None
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        seconds = int(found[1]) * _UNIT_S[found[2]]
    if seconds is None or abs(seconds) > DURATION_DAYS_MAX * _UNIT_S["d"]:
        raise expected(_DURATION_FORMS + " or whole seconds")
    return timedelta(seconds=seconds)


def _duration(value: Any) -> timedelta:
    length = _signed_duration(value)
    if length < timedelta(0):
        raise expected(_DURATION_FORMS + ", not below nought")
    return length


def _span(value: Any) -> timedelta:
    length = _duration(value)
    if not length:
        raise expected(_DURATION_FORMS + ", above nought")
    return length


def _day(value: Any) -> date:
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise expected("a day such as 2026-03-02")


def read_clock(value: Any) -> time:
    """A time of day by the wall."""
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        return time.fromisoformat(value)
    raise expected("a time of day such as 09:00, from 00:00 to 23:59")


SecretKey = Annotated[SecretInput, PlainValidator(read_secret)]
NumberKey = Annotated[str | int, PlainValidator(_number)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Network = Annotated[str, AfterValidator(_network)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Text = Annotated[str, AfterValidator(_not_blank)]
Seconds = Annotated[float, PlainValidator(_seconds)]
# Provider account and service ids go into URL paths: nothing but these characters.
ProviderId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
# Lengths of time: not below nought, above nought, and either side of it.
Duration = Annotated[timedelta, PlainValidator(_duration)]
Span = Annotated[timedelta, PlainValidator(_span)]
SignedDuration = Annotated[timedelta, PlainValidator(_signed_duration)]
Day = Annotated[date, PlainValidator(_day)]
ClockTime = Annotated[time, PlainValidator(read_clock)]
