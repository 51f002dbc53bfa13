"""What a create request must hold, as checks that answer a refusal or None. Pure.

The order of the checks, and which code each gives, is Twilio's (messaging-providers.md 2.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from ringfence.simulator.records import Account, Line, Service
from ringfence.simulator.refusals import Refusal, refuse
from ringfence.simulator.sids import E164, TEST_SENDER

BODY_MAX_CHARS: Final = 1600
MEDIA_MAX: Final = 10
VALIDITY_S: Final = range(1, 36_001)
SCHEDULE_MIN: Final = timedelta(minutes=5)
SCHEDULE_MAX: Final = timedelta(days=35)

# Twilio's documented test inputs (twilio-magic-numbers.json): the code each one gives.
MAGIC_SENDERS: Final = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
MAGIC_RECIPIENTS: Final = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}

Form: TypeAlias = Mapping[str, Sequence[str]]


def one(form: Form, name: str) -> str:
    """The last value of a field, "" when it is absent."""
    values = form.get(name)
    return values[-1] if values else ""


def recipient(account: Account, to: str) -> Refusal | None:
    if not to:
        return refuse(21604)
    if (code := MAGIC_RECIPIENTS.get(to)) is not None:
        return refuse(code, to)
    if not E164.fullmatch(to):
        return refuse(21211, to)
    if account.trial and to not in account.verified:
        return refuse(21608, to)
    return None


def sender(
    account: Account, form: Form, lines: Mapping[str, Line], services: Mapping[str, Service]
) -> Refusal | None:
    """`From` is a number of the account, or `MessagingServiceSid` a service with numbers."""
    number, service_sid = one(form, "From"), one(form, "MessagingServiceSid")
    if not number and not service_sid:
        return refuse(21603)
    if number and number == one(form, "To"):
        return refuse(21266, number)
    if service_sid:
        service = services.get(service_sid)
        if service is None or service.account_sid != account.sid:
            return refuse(21701, service_sid)
        return None if service.pool else refuse(21704)
    if (code := MAGIC_SENDERS.get(number)) is not None:
        return refuse(code, number)
    if not E164.fullmatch(number):
        return refuse(21212, number)
    line = lines.get(number)
    owned = line is not None and line.account_sid == account.sid
    return None if owned or number == TEST_SENDER else refuse(21606, number)


def content(form: Form, media_urls: tuple[str, ...]) -> Refusal | None:
    body = one(form, "Body")
    if not body and not media_urls and not one(form, "ContentSid"):
        return refuse(21602)
    if len(body) > BODY_MAX_CHARS:
        return refuse(21617)
    if len(media_urls) > MEDIA_MAX:
        return refuse(21623)
    if (bad := next((u for u in media_urls if not is_web_address(u)), None)) is not None:
        return refuse(21620, bad)
    callback = one(form, "StatusCallback")
    # A callback host may not hold an underscore (messaging-providers.md 2.1).
    if callback and (not is_web_address(callback) or "_" in (urlsplit(callback).hostname or "")):
        return refuse(21609, callback)
    validity = one(form, "ValidityPeriod")
    if validity and not (validity.isdecimal() and int(validity) in VALIDITY_S):
        return refuse(20001, "ValidityPeriod: 1 to 36000 seconds")
    return None


def schedule(form: Form, now: datetime) -> Refusal | None:
    """A SendAt without a service is dropped by Twilio, and the message goes out at once."""
    if "SendAt" not in form or not one(form, "MessagingServiceSid"):
        return None
    at = timestamp(one(form, "SendAt"))
    if one(form, "ScheduleType") != "fixed" or at is None:
        return refuse(35114)
    return None if SCHEDULE_MIN <= at - now <= SCHEDULE_MAX else refuse(35114)


_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def timestamp(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
