"""The environment variables of OpenClaw's SMS channel (facts/openclaw.md 1.2) as keys of the
default account. The configuration wins; other accounts never see them. Reads a mapping, not the
process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STORE_VARIABLE = "RINGFENCE_STORE_URL"
PROFILE_VARIABLE = "RINGFENCE_PROFILE"
KEYS = (
    ("accountSid", ("TWILIO_ACCOUNT_SID",)),
    ("authToken", ("TWILIO_AUTH_TOKEN",)),
    ("fromNumber", ("TWILIO_PHONE_NUMBER", "TWILIO_SMS_FROM")),
    ("messagingServiceSid", ("TWILIO_MESSAGING_SERVICE_SID",)),
    ("publicWebhookUrl", ("SMS_PUBLIC_WEBHOOK_URL",)),
    ("webhookPath", ("SMS_WEBHOOK_PATH",)),
    ("allowFrom", ("SMS_ALLOWED_USERS",)),
    ("textChunkLimit", ("SMS_TEXT_CHUNK_LIMIT",)),
    ("dangerouslyDisableSignatureValidation", ("SMS_DANGEROUSLY_DISABLE_SIGNATURE_VALIDATION",)),
)
VARIABLES = tuple(name for _, names in KEYS for name in names)


def default_account(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The raw account the environment describes, and per key the variable it came from."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, names in KEYS:
        # A blank variable counts as absent: that is what makes TWILIO_SMS_FROM an alias.
        name = next((name for name in names if environ.get(name, "").strip()), None)
        if name is None:
            continue
        values[key] = _value(key, environ[name].strip())
        origins[key] = name
    if values.get("dangerouslyDisableSignatureValidation") is False:
        del values["dangerouslyDisableSignatureValidation"]
    return values, origins


def _value(key: str, text: str) -> Any:
    match key:
        case "allowFrom":
            return [entry.strip() for entry in text.split(",") if entry.strip()]
        case "textChunkLimit":
            return int(text) if text.isascii() and text.isdigit() else text
        case "dangerouslyDisableSignatureValidation":
            return text == "true"  # only the word true opens the door
        case "fromNumber":
            return text
        case _:
            return text
