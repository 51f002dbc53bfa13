"""The environment variables of OpenClaw's SMS channel and of its voice-call plugin (facts/openclaw.md
1.2, 2.1) as keys of the default account. The configuration wins; other accounts never see them. Reads a mapping, not the
process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_PROVIDER = "twilio"
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
# Of OpenClaw's voice-call plugin (facts/openclaw.md 2.1), and by which provider they are read.
VOICE_KEYS = (
    ("twilio", "fromNumber", "TWILIO_FROM_NUMBER"),
    ("twilio", "twilio.accountSid", "TWILIO_ACCOUNT_SID"),
    ("twilio", "twilio.authToken", "TWILIO_AUTH_TOKEN"),
    ("telnyx", "telnyx.apiKey", "TELNYX_API_KEY"),
    ("telnyx", "telnyx.connectionId", "TELNYX_CONNECTION_ID"),
    ("telnyx", "telnyx.publicKey", "TELNYX_PUBLIC_KEY"),
    ("plivo", "plivo.authId", "PLIVO_AUTH_ID"),
    ("plivo", "plivo.authToken", "PLIVO_AUTH_TOKEN"),
)
SPEECH_KEYS = {
    "openai": "OPENAI_API_KEY",
    "deepgram": "DEEPGRAM_API_KEY",
    "elevenlabs": "ELEVENLABS_API_KEY",
}
VARIABLES = tuple(
    dict.fromkeys(
        [name for _, names in KEYS for name in names] + [name for _, _, name in VOICE_KEYS]
    )
)


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


def voice_provider(channels: Mapping[str, Any]) -> str:
    """Whose variables are read for calls: the provider of calls, else that of texts."""
    sections = [channels.get(name) for name in ("voice", "sms")]
    named = (one["provider"] for one in sections if isinstance(one, Mapping) and "provider" in one)
    return str(next(named, DEFAULT_PROVIDER))


def voice_account(
    environ: Mapping[str, str], provider: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The same for the calls of the default account, of its provider's variables alone."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for whose, key, name in VOICE_KEYS:
        text = environ.get(name, "").strip()
        if whose != provider or not text:
            continue
        group, _, inner = key.rpartition(".")
        (values.setdefault(group, {}) if group else values)[inner] = text
        origins[key] = name
        if group:
            origins[group] = name
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
