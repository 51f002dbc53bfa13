"""`channels.voice` with the keys of OpenClaw's voice-call plugin (facts/openclaw.md 2.1) and our own
beside them. Types and ranges only: what needs the line it belongs to is checked in `voices`."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator

from ringfence.config.schema.base import (
    BaseUrl,
    HttpUrl,
    NumberKey,
    ProviderId,
    SecretKey,
    Shape,
    Text,
    ZoneName,
    expected,
    key,
    split_url,
)
from ringfence.config.schema.sms import AccountName

Ms = Annotated[int, Field(ge=1, le=600_000)]
Count = Annotated[int, Field(ge=1, le=10_000)]
Sentence = Annotated[str, Field(max_length=480)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Path = Annotated[str, Field(max_length=200)]
Mode = Literal["notify", "conversation"]
EARS = ("deepgram", "elevenlabs", "openai", "local")
MOUTHS = ("deepgram", "elevenlabs", "openai", "local")


def _socket_url(value: str) -> str:
    parts = split_url(value)
    if parts is None or parts[0] not in ("ws", "wss"):
        raise expected("a wss address such as wss://gateway.example.com/voice/stream")
    return value


def _without_login(value: str) -> str:
    """What stands before an @ would be no part of the host, whatever it looks like (B113)."""
    if "@" in urlsplit(value).netloc:
        raise expected("an address without a login before its host")
    return value


def _off(what: str) -> Any:
    def only_off(value: Any) -> bool:
        if value is not False:
            raise expected(f"false: {what} not there yet")
        return False

    return Annotated[bool, PlainValidator(only_off)]


def _realtime_service(value: str) -> str:
    if value in ("google", "gemini"):
        raise expected("openai: Gemini Live is not there yet")
    if value != "openai":
        raise expected("openai")
    return value


SocketUrl = Annotated[str, AfterValidator(_socket_url), AfterValidator(_without_login)]
PublicUrl = Annotated[HttpUrl, AfterValidator(_without_login)]


class TwilioShape(Shape):
    account_sid: ProviderId = key("The Twilio account.")
    auth_token: SecretKey = key("Its token: text or a secret reference.")


class TelnyxShape(Shape):
    api_key: SecretKey = key("The Telnyx API key (v2).")
    connection_id: ProviderId = key("The call control application calls are placed with.")
    public_key: SecretKey = key(
        "The account's public key, base64, which webhooks are checked with."
    )


class PlivoShape(Shape):
    auth_id: ProviderId = key("The Plivo account.")
    auth_token: SecretKey = key("Its token: text or a secret reference.")


class OutboundShape(Shape):
    default_mode: Mode = key(
        "What a call is that does not say: notify says its message and hangs up, conversation stays.",
        default="notify",
    )
    notify_hangup_delay_sec: Annotated[int, Field(ge=0, le=60)] = key(
        "Seconds between a notice and the hang-up.", default="3"
    )


class StreamingShape(Shape):
    enabled: bool = key(
        "Live sound between the call and `stt` and `tts`; off, the provider hears and speaks.",
        default="false",
    )
    stream_path: Path = key(
        "Path on the public listener below which media sockets are opened.", default="/voice/stream"
    )
    public_url: SocketUrl = key(
        "The exact address (wss) of streamPath as the provider reaches it.",
        default="publicUrl with streamPath in place of webhookPath",
    )
    pre_start_timeout_ms: Annotated[int, Field(ge=500, le=30_000)] = key(
        "Milliseconds a socket has to start.", default="5000"
    )
    max_pending_connections: Count = key("Sockets that have not started, at once.", default="32")
    max_pending_connections_per_ip: Count = key("The same per client address.", default="4")
    max_connections: Count = key("Open media sockets at once.", default="128")
    lead_ms: Annotated[int, Field(ge=20, le=1_000)] = key(
        "Milliseconds that sound is handed to the provider ahead of time.", default="120"
    )


class RelayShape(Shape):
    enabled: bool = key(
        "Conversations in text over Twilio's ConversationRelay: Twilio hears and speaks, and tells what "
        "was heard. Excludes streaming.",
        default="false",
    )
    voice: Text = key(
        "A voice of ttsProvider, for calls in `language`; calls in other languages have Twilio's own.",
        default="Twilio's",
    )
    tts_provider: Literal["Amazon", "ElevenLabs", "Google"] = key(
        "The service that speaks.", default="Twilio's choice"
    )
    transcription_provider: Literal["Deepgram", "Google"] = key(
        "The service that hears.", default="Twilio's choice"
    )
    hints: Annotated[str, Field(max_length=1_000)] = key(
        "Words that callers are likely to say, separated by commas.", default="none"
    )


class EarsShape(Shape):
    provider: Literal[EARS] = key("The service that hears; needed with streaming.")  # type: ignore[valid-type]
    model: Text = key("Its model.", default="the service's")
    language: Language = key("BCP 47.", default="language")
    api_key: SecretKey = key(
        "Its key: text or a secret reference.",
        default="${OPENAI_API_KEY}, ${DEEPGRAM_API_KEY} or ${ELEVENLABS_API_KEY}, by the service",
    )
    base_url: BaseUrl = key(
        "Another address that speaks the service's language, a server of your own among them.",
        default="the service's",
    )


class MouthShape(Shape):
    provider: Literal[MOUTHS] = key("The service that speaks; needed with streaming.")  # type: ignore[valid-type]
    model: Text = key("Its model.", default="the service's")
    voice: Text = key("Its voice.", default="the service's")
    language: Language = key("BCP 47.", default="language")
    api_key: SecretKey = key("Its key: text or a secret reference.", default="as for stt")
    base_url: BaseUrl = key("As for stt.", default="the service's")


class TurnsShape(Shape):
    """Names and defaults are those of the model's TurnTaking."""

    detector: Literal["silence", "service"] = key(
        "Who says that a person has finished: silenceTimeoutMs without speech, or the service that "
        "hears, where it can tell."
    )
    interrupt_ms: Annotated[int, Field(ge=0, le=5_000)] = key(
        "Milliseconds of speech that stop ours; 0: nobody interrupts."
    )
    resume_ms: Annotated[int, Field(ge=0, le=10_000)] = key(
        "Milliseconds after which we go on, when no words came of it."
    )
    echo_guard_ms: Annotated[int, Field(ge=0, le=5_000)] = key(
        "Milliseconds after our own words in which a louder voice is needed."
    )
    filler_ms: Annotated[int, Field(ge=0, le=60_000)] = key(
        "Milliseconds an agent may think before the filler is said."
    )
    nobody_s: Annotated[int, Field(ge=1, le=60)] = key("Seconds without a word from the person …")
    nobody_times: Annotated[int, Field(ge=0, le=10)] = key(
        "… which are answered so often before the call ends."
    )


class SentencesShape(Shape):
    """Names and defaults are those of the model's Sentences."""

    filler: Sentence = key("Said while an agent thinks.")
    silence: Sentence = key("Said to somebody who says nothing.")
    goodbye: Sentence = key("Said before Ringfence hangs up.")
    time_up: Sentence = key("Said when the time of a call is over.")
    stopped: Sentence = key("Said when the kill switch ends a call.")
    fault: Sentence = key("Said when nothing can be answered.")
    ask_pin: Sentence = key("Asks for the PIN.")
    wrong_pin: Sentence = key("Said to a wrong one.")
    no_pin: Sentence = key("Said after the last wrong one.")


class MessagesShape(Shape):
    """Names and defaults are those of the model's MessageSettings."""

    enabled: bool = key("Callers may leave a message after a tone.", default="false")
    prompt: Annotated[str, Field(min_length=10, max_length=480)] = key(
        "Asks for a message. Say in it that it is recorded."
    )
    seconds_max: Annotated[int, Field(ge=5, le=300)] = key("Seconds a message may last.")
    silence_s: Annotated[int, Field(ge=1, le=30)] = key("Seconds of silence that end it.")
    hold_s: Annotated[int, Field(ge=0, le=3_600)] = key(
        "Seconds a caller is held, while others are served, before being asked for a message."
    )


class RouteShape(Shape):
    """What is particular to calls to one number; all else is as above it."""

    inbound_greeting: Sentence = key("First words to a caller.", default="inboundGreeting")
    disclosure: Sentence = key("Said before them.", default="disclosure")
    agent_id: Text = key("Which agent answers.", default="agentId")
    language: Language = key("BCP 47.", default="language")
    voice: Text = key("The provider's own voice.", default="voice")
    response_timeout_ms: Annotated[int, Field(ge=1_000, le=120_000)] = key(
        "Milliseconds the agent may take.", default="responseTimeoutMs"
    )
    stt: EarsShape = key("Keys laid over those of `stt`.")
    tts: MouthShape = key("Keys laid over those of `tts`.")


class RealtimeShape(Shape):
    enabled: bool = key(
        "A model that hears and speaks by itself answers, in place of `stt` and the agent; needs "
        "streaming, and `tts` for what Ringfence says in its own name.",
        default="false",
    )
    provider: Annotated[str, AfterValidator(_realtime_service)] = key(
        "Whose model it is: openai.", default="openai"
    )
    model: Text = key("The model.", default="the service's")
    voice: Text = key("Its voice.", default="the service's")
    instructions: Annotated[str, Field(max_length=16_000)] = key(
        "What it is told to be and to do.", default="none"
    )
    language: Language = key("BCP 47.", default="language")
    api_key: SecretKey = key("Its key: text or a secret reference.", default="as for stt")
    base_url: BaseUrl = key("As for stt.", default="the service's")
    tool_policy: Literal["none", "owner", "all"] = key(
        "In whose calls it may consult the agent, connect people and ask the owner: nobody's, an "
        "owner's, everybody's. It may always end the call.",
        default="all",
    )
    hold: Literal["sentence", "answer"] = key(
        "How long its sound waits for the gate: until the words of all of an answer were judged, or a "
        "sentence's, which is quicker and lets something slip out where words lag behind their sound.",
        default="answer",
    )


class RecordingShape(Shape):
    enabled: _off("recording calls is") = key(  # type: ignore[valid-type]
        "Recording is not there yet: nothing but false.", default="false"
    )


class VoiceAccountShape(Shape):
    """The calls of one line."""

    enabled: bool = key("Off, the line takes and places no calls.", default="true")
    provider: Literal["twilio", "telnyx", "plivo"] = key(
        "Who carries the calls.", default="the line's, else twilio"
    )
    twilio: TwilioShape = key("Twilio's credentials.")
    telnyx: TelnyxShape = key("Telnyx's credentials.")
    plivo: PlivoShape = key("Plivo's credentials.")
    from_number: NumberKey = key(
        "The number that calls and is called. One of `channels.sms` is that line's; another is a line "
        "of its own, which takes calls only.",
        default="that of the line of this name, at the top of the default line",
    )
    to_number: NumberKey = key(
        "Whom automation calls that names nobody.", default="the line's defaultTo"
    )
    webhook_path: Path = key(
        "Path on the public listener; unique per line.", default="/voice/webhook"
    )
    public_url: PublicUrl = key(
        "The exact address the provider asks at: signatures are checked against it.",
        default="gateway.publicBaseUrl + webhookPath",
    )
    skip_signature_verification: bool = key(
        "Take unsigned webhooks of calls. Only for tests; shown as a warning.", default="false"
    )
    inbound_policy: Literal["disabled", "allowlist", "pairing", "open"] = key(
        "Who may call in. pairing: a stranger is told a code, and gets in once an owner approved it.",
        default="disabled",
    )
    allow_from: list[NumberKey] = key(
        "Numbers that may call in, compared digit by digit as a whole; those of `channels.sms` do not "
        "count.",
        default="[]",
        max_length=10_000,
    )
    allow_to: list[NumberKey] = key(
        "Numbers an agent may call besides owners, paired people and those that may call in; those of "
        "`channels.sms` do not count.",
        default="[]",
        max_length=10_000,
    )
    pin: SecretKey = key(
        "4 to 12 digits that every caller is asked for, on the keypad or spoken: a caller's number "
        "proves nothing.",
        default="none: not asked",
    )
    pin_tries: Annotated[int, Field(ge=1, le=10)] = key("How often it may be tried.", default="3")
    inbound_greeting: Sentence = key(
        "First words to a caller.", default="Hello. How can I help you?"
    )
    disclosure: Sentence = key(
        "What everybody but owners is told on every call before anything else. Empty: what the line's "
        "texts tell, if anything.",
        default="by the purpose: who calls, and that it is automated",
    )
    language: Language = key("BCP 47, for the provider's ear and voice.", default="en-US")
    voice: Text = key("The provider's own voice, by its name for it.", default="the provider's")
    agent_id: Text = key("Which agent answers.", default="the line's agent")
    response_timeout_ms: Annotated[int, Field(ge=1_000, le=120_000)] = key(
        "Milliseconds an agent may take for an answer.", default="30000"
    )
    numbers: dict[str, RouteShape] = key(
        "What is particular to calls to one number, in any formatting.", max_length=100
    )
    outbound: OutboundShape = key("Calls of ours.")
    max_duration_seconds: Annotated[int, Field(ge=10, le=14_400)] = key(
        "Seconds from the answer; the provider is told, and ends the call. At most "
        "`policy.callLimits.minutes`.",
        default="300",
    )
    max_concurrent_calls: Annotated[int, Field(ge=1, le=1_000)] = key(
        "Calls of the line at the same time, in both directions.", default="1"
    )
    ring_timeout_ms: Annotated[int, Field(ge=5_000, le=600_000)] = key(
        "Milliseconds it rings; the provider is told, in whole seconds.", default="30000"
    )
    stale_call_reaper_seconds: Annotated[int, Field(ge=0, le=86_400)] = key(
        "Seconds after which a call that nobody answered is hung up, whatever the provider said or "
        "did not say; 0: never.",
        default="120",
    )
    silence_timeout_ms: Annotated[int, Field(ge=100, le=10_000)] = key(
        "Milliseconds of silence that end a person's turn.", default="800"
    )
    transcript_timeout_ms: Annotated[int, Field(ge=1_000, le=600_000)] = key(
        "Milliseconds that asking and waiting for an answer waits.", default="180000"
    )
    detect_machines: bool = key(
        "The provider listens for answering machines, where it can.", default="true"
    )
    voicemail: Annotated[str, Field(max_length=1_000)] = key(
        "What is left on an answering machine.", default="none: it is hung up on"
    )
    summary: Literal["off", "owner"] = key(
        "Whether each owner is texted, once a conversation that somebody called in for is over, who it "
        "was, how long and why it ended, and the last words of both sides.",
        default="owner",
    )
    messages: MessagesShape = key(
        "Messages that callers leave when the line is closed, the agent cannot answer, or they waited too "
        "long."
    )
    turns: TurnsShape = key("Whose turn it is.")
    sentences: SentencesShape = key(
        "What Ringfence says in its own name; an empty one is not said."
    )
    streaming: StreamingShape = key("Live sound.")
    relay: RelayShape = key("Twilio's ConversationRelay.")
    stt: EarsShape = key("The service that hears.")
    tts: MouthShape = key("The service that speaks.")
    realtime: RealtimeShape = key("A model that hears and speaks by itself.")
    recording: RecordingShape = key("Recording.")
    # -- for a line that takes calls only; any other says it in channels.sms --
    name: str = key("A label of a line that takes calls only.")
    purpose: Literal["hotline", "intake", "notify"] = key(
        "Its preset of policy.", default="hotline"
    )
    owners: list[NumberKey] = key(
        "Its operator's own numbers.", default="channels.sms.owners", max_length=100
    )
    zone: ZoneName = key("Its IANA time zone.", default="channels.sms.zone, else UTC")
    api_base_url: BaseUrl = key(
        "Its provider's API address: https anywhere, http on loopback only.",
        default="the provider's own",
    )


class VoiceShape(VoiceAccountShape):
    """The channel: the default account's keys, and named accounts that inherit them."""

    accounts: dict[AccountName, VoiceAccountShape] = key(
        "Named accounts; each inherits the keys above."
    )
