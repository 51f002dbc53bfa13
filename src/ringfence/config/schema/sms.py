"""`channels.sms` with OpenClaw's keys (facts/openclaw.md 1.2) and our own beside them. Types and
ranges only: what needs a second key (region, policy, path) is checked in `lines`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ringfence.config.schema.base import (
    BaseUrl,
    HttpUrl,
    NumberKey,
    ProviderId,
    Seconds,
    SecretKey,
    Shape,
    Text,
    ZoneName,
    key,
)
from ringfence.config.schema.intake import IntakeShape
from ringfence.config.schema.policy import PolicyShape

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Bytes = Annotated[int, Field(ge=1, le=50 * 1024 * 1024)]

AccountName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class PairingShape(Shape):
    ttl_minutes: int = key("How long a pairing code can be approved.", default="60", ge=1, le=1440)


class LimitsShape(Shape):
    body_bytes_max: Bytes = key("Largest webhook body, in bytes; above it 413.")
    body_timeout_s: Seconds = key("Seconds a webhook body may take to arrive.")
    concurrent_max: Count = key("Webhook requests being read at once per line; above it 429.")
    bad_requests_per_minute: Count = key("Invalid requests per line and client address; then 429.")
    messages_per_minute_per_sender: Count = key("Messages taken in per sender; above it 429.")
    messages_per_minute_per_line: Count = key("Messages taken in per line; above it 429.")
    callbacks_per_minute: Count = key("Status callbacks taken in per line; above it 503.")
    tracked_keys_max: Count = key("Senders and addresses remembered by the limits above.")


class MediaShape(Shape):
    image_bytes_max: Bytes = key("Largest outgoing image, caption included, in bytes.")
    other_bytes_max: Bytes = key("Largest other outgoing file, in bytes.")
    inbound_count_max: Annotated[int, Field(ge=0, le=10)] = key("Attachments fetched per message.")
    inbound_bytes_max: Bytes = key("Attachments fetched per message, together, in bytes.")
    hosted_count_max: Count = key("Outgoing files hosted at once; new ones are refused above it.")
    hosted_ttl_minutes: int = key(
        "How long an outgoing file can be fetched.", default="10", ge=1, le=1440
    )
    fetch_timeout_s: Seconds = key("Seconds for one attachment.")
    batch_timeout_s: Seconds = key("Seconds for all attachments of a message.")


class A2pShape(Shape):
    daily_segments: Count = key(
        "Segments a day that carriers take from the registered sender (T-Mobile's cap of the brand): "
        "doctor warns at 80 %, counting all lines of the provider account that have this key.",
        default="none: not watched",
    )


class AccountShape(Shape):
    """One account: a line."""

    enabled: bool = key(
        "Off switches the line off; off at the top switches every line off.", default="true"
    )
    name: str = key("A label.")
    config_writes: bool = key(
        "Taken for OpenClaw's sake and without effect: no chat message changes this configuration.",
        default="false",
    )
    account_sid: ProviderId = key("The provider account.")
    auth_id: ProviderId = key("With provider plivo: the provider account.")
    auth_token: SecretKey = key("Its token: text or a secret reference. Signs and is accepted.")
    from_number: NumberKey = key("The line's number. Wins over a messaging service.")
    messaging_service_sid: ProviderId = key(
        "The Messaging Service to send through without a number."
    )
    default_to: NumberKey = key("Recipient for automation that names none; people must name one.")
    webhook_path: str = key(
        "Path on the public listener; unique per line.", default="/webhooks/sms", max_length=200
    )
    public_webhook_url: HttpUrl = key(
        "The exact address the provider calls: signatures are checked against it.",
        default="gateway.publicBaseUrl + webhookPath",
    )
    dangerously_disable_signature_validation: bool = key(
        "Take unsigned webhooks. Only for tests; shown as a warning.", default="false"
    )
    dm_policy: Literal["pairing", "allowlist", "open", "disabled"] = key(
        "Who may write in.", default="pairing; open for intake and notify"
    )
    allow_from: list[NumberKey] = key(
        'Numbers that may write in; "*" only with dmPolicy open, which requires it.',
        default="[]",
        max_length=10_000,
    )
    text_chunk_limit: Any = key(
        "Characters per message part; at most 1600, on Plivo 737. Anything but a whole number above 0 falls back "
        "to the default, with a warning.",
        default="1500; on Plivo 737",
    )
    media_max_mb: Annotated[float, Field(gt=0, le=50)] = key(
        "Cap on attachments both ways, in MiB.", default="by media.*"
    )
    # -- ours --
    provider: Literal["twilio", "telnyx", "plivo"] = key("Who carries this line.", default="twilio")
    api_base_url: BaseUrl = key(
        "The provider's API address: https anywhere, http on loopback only.",
        default="the provider's own",
    )
    api_key: SecretKey = key("With provider telnyx: its API key (v2), which our requests carry.")
    public_key: SecretKey = key(
        "With provider telnyx: the account's public key, base64, which webhooks are checked with."
    )
    public_keys: list[SecretKey] = key(
        "Several public keys during a rotation, instead of publicKey: all are accepted.",
        default="[publicKey]",
        min_length=1,
        max_length=5,
    )
    messaging_profile_id: ProviderId = key(
        "With provider telnyx: the messaging profile. Without a number messages leave through its "
        "pool; with one, events must be of this profile."
    )
    powerpack_uuid: ProviderId = key(
        "With provider plivo: the Powerpack to send through without a number."
    )
    auth_tokens: list[SecretKey] = key(
        "Several tokens during a rotation, instead of authToken: the first signs, all are accepted.",
        default="[authToken]",
        min_length=1,
        max_length=5,
    )
    api_key_sid: ProviderId = key("API key used instead of the account's token for requests.")
    api_key_secret: SecretKey = key("The API key's secret; goes with apiKeySid.")
    purpose: Literal["hotline", "intake", "notify"] = key("Preset of policy.", default="hotline")
    owners: list[NumberKey] = key("The operator's own numbers.", default="[]", max_length=100)
    silent: bool = key("Record messages without answering any.")
    notify_owner: bool = key("Tell the owners of new strangers.")
    opt_out_replies: Literal["provider", "ringfence"] = key(
        "Who confirms STOP and answers HELP.", default="provider"
    )
    agent: Text = key("Which agent answers.", default="default, or the only one")
    allow_to: list[NumberKey] = key(
        "Numbers an agent may write to besides those that may write in.",
        default="[]",
        max_length=10_000,
    )
    test_recipients: list[NumberKey] = key(
        "The only numbers that get anything while `policy.staging.enabled` is set.",
        default="[]",
        max_length=1_000,
    )
    fallback_account: Text = key(
        "The line by which what waits here may leave while this one does not work "
        "(`policy.fallback`).",
        default="none",
    )
    zone: ZoneName = key("IANA time zone of the line: where its days turn and its hours hold.")
    programme: Text = key(
        "What people get this line's texts about; consent is kept for it.",
        default="the account's name",
    )
    disclosure: str = key(
        "What a person is told first: who writes, that it is automated, how to reach a person, STOP "
        "and HELP. Ringfence puts it before the line's first text to them. Empty: nothing is told.",
        default="by the purpose: none for hotline",
        max_length=480,
    )
    safe_reply: Annotated[Text, Field(max_length=480)] = key(
        "What somebody is answered, once, whose text speaks of an emergency or of self-harm. Say that "
        "it is automated and whom to call; promise nothing.",
        default="our own careful words",
    )
    intake: IntakeShape = key("What an intake line asks people before a person answers.")
    help_text: str = key("What HELP is answered with.", max_length=480)
    default_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = key(
        "ISO 3166 country by which numbers in this file without a country code are read.",
        default="none: such numbers are refused",
    )
    a2p: A2pShape = key("How the sender is registered at the carriers.", alias="a2p")
    pairing: PairingShape = key("Pairing codes.")
    limits: LimitsShape = key("Limits of the webhook.")
    policy: PolicyShape = key("Settings of the rules for this line.")  # type: ignore[valid-type]
    media: MediaShape = key("Limits of attachments.")
    draft_ttl_minutes: int = key(
        "A draft nobody decided on by then expires.", default="1440", ge=1, le=43_200
    )
    message_ttl_minutes: int = key(
        "A message not sent by then expires.", default="240", ge=1, le=10_080
    )


class SmsShape(AccountShape):
    """The channel: the default account's keys, and named accounts that inherit them."""

    accounts: dict[AccountName, AccountShape] = key("Named accounts; each inherits the keys above.")
    default_account: Text = key(
        "The line used where none is named.", default="default, or the first"
    )
