"""What may be shown of a configuration document: secrets never, numbers in part, everything else
as it is. Works on raw values, so that it also serves documents that are not valid (P9)."""

from __future__ import annotations

import re
from typing import Any

from ringfence.model.phone import mask as mask_number

MASK = "•••"
# Keys whose value, whatever its type, is a credential unless it is a reference to one.
SECRET_KEYS = frozenset(
    {
        "authToken",
        "authTokens",
        "apiKey",
        "apiKeySecret",
        "secrets",
        "password",
        "token",
        "pin",
        "TWILIO_AUTH_TOKEN",
        "TELNYX_API_KEY",
        "PLIVO_AUTH_TOKEN",
    }
)
NUMBER_KEYS = frozenset(
    {
        "fromNumber",
        "defaultTo",
        "allowFrom",
        "owners",
        "allowTo",
        "testRecipients",
        "toNumber",
        "number",
        "TWILIO_PHONE_NUMBER",
        "TWILIO_SMS_FROM",
        "TWILIO_FROM_NUMBER",
        "SMS_ALLOWED_USERS",
    }
)
_NUMBER_PREFIX = "number:"
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")
_ENV_NAME = re.compile(r"\$(?:\{[A-Z][A-Z0-9_]{0,127}\}|[A-Z][A-Z0-9_]{0,127})\Z")


def mask_url(url: str) -> str:
    """A URL without its password."""
    return _URL_PASSWORD.sub(rf"\g<1>{MASK}@", url)


def is_reference(value: Any) -> bool:
    """A secret by reference: it names where the secret is and is not one itself."""
    if isinstance(value, str):
        return bool(_ENV_NAME.match(value))
    return isinstance(value, dict) and set(value) <= {"source", "provider", "id"}


def masked(value: Any, path: tuple[str, ...] = (), *, numbers: bool = True) -> Any:
    """A copy of a raw document with secrets, and unless told otherwise numbers, masked. `path` is
    where it hangs."""
    hidden = is_hidden(path)
    if isinstance(value, dict) and not hidden:
        return {
            key: masked(item, (*path, str(key)), numbers=numbers) for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item, path, numbers=numbers) for item in value]
    if hidden:
        return value if value is None or is_reference(value) else MASK
    return _scalar(value, path, numbers)


def _scalar(value: Any, path: tuple[str, ...], numbers: bool) -> Any:
    path = _below_profile(path)
    if numbers and path[:1] == ("flows",) and _is_recipient(value):
        return _NUMBER_PREFIX + mask_number(value.removeprefix(_NUMBER_PREFIX))
    if numbers and any(key in NUMBER_KEYS for key in path) and _numberlike(value):
        return mask_number(str(value))
    if path[:2] == ("store", "url") and isinstance(value, str):
        return mask_url(value)
    return _USERINFO.sub(f"{MASK}@", value) if isinstance(value, str) else value


def _is_recipient(value: Any) -> bool:
    """`number:+1…`, as flows name whom they write to."""
    return isinstance(value, str) and value.startswith(_NUMBER_PREFIX)


def _numberlike(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    return sum(c.isdigit() for c in str(value)) >= 4


def _below_profile(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path as it reads without a profile: what `profiles.<name>` holds are sections like any."""
    return path[2:] if path[:1] == ("profiles",) else path


def is_hidden(path: tuple[str, ...]) -> bool:
    """The path leads to a credential. Our own section `secrets` says where secrets are kept, so
    only values it hands to commands (`secrets.providers.<name>.env`) are hidden there."""
    path = _below_profile(path)
    if path[:1] == ("secrets",):
        return len(path) >= 4 and path[3] == "env"
    return any(key in SECRET_KEYS for key in path)
