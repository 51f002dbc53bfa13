"""Our own sections: gateway, store, secrets, policy, logging, delivery, and the file's root.
Agents and secret providers depend on a kind, so their bodies are checked one by one in `checking`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ringfence.config.schema.base import (
    BaseUrl,
    HttpUrl,
    Network,
    Seconds,
    SecretKey,
    Shape,
    Text,
    key,
    required,
)
from ringfence.config.schema.oncall import LISTED_MAX, RespondingShape
from ringfence.config.schema.policy import PolicyShape
from ringfence.config.schema.sms import SmsShape
from ringfence.config.schema.voice import VoiceShape
from ringfence.config.schema.watching import HeartbeatShape, TelemetryShape
from ringfence.delivery.breaker import BREAKER
from ringfence.delivery.retry import RETRY, TURN, WATCH

Port = Annotated[int, Field(ge=0, le=65_535)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Waits = Annotated[list[Seconds], Field(min_length=1, max_length=32)]
PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TokenDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
HostName = Annotated[
    str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])$")
]
Members = Annotated[list[Text], Field(min_length=1, max_length=LISTED_MAX)]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


def _shown(waits: tuple[float, ...]) -> str:
    return "[" + ", ".join(f"{wait:g}" for wait in waits) + "]"


class GatewayShape(Shape):
    public_host: Text = key("Address of the public listener: webhooks and hosted files only.")
    public_port: Port = key("Its port; 0 takes a free one.")
    private_host: Text = key("Address of the private listener: bridge, API, metrics.")
    private_port: Port = key("Its port; 0 takes a free one.")
    private_hosts: list[HostName] = key(
        "Names it may be called by besides localhost, with a token: by these from other machines.",
        default="[]",
        max_length=100,
    )
    trusted_proxies: list[Network] = key(
        "Proxies whose forwarded client address is believed.", default="[]", max_length=100
    )
    public_base_url: BaseUrl = key("What the internet calls the public listener.", default="none")
    poll_ms: int = key("Milliseconds between looks for due work.", ge=10, le=60_000)


class StoreShape(Shape):
    url: SecretKey = key(
        "sqlite:///path (relative to this file; sqlite:////path is absolute) or postgresql://…; "
        "text or a secret reference.",
        default="sqlite:///ringfence.db",
    )
    busy_timeout_s: Seconds = key("Seconds to wait for a locked database.")


class LoggingShape(Shape):
    level: Literal["debug", "info", "warning", "error"] = key("Least level written.")
    format: Literal["json", "text"] = key("One JSON object per line, or text for people.")


class DeliveryShape(Shape):
    attempts_max: Annotated[int, Field(ge=1, le=100)] = key(
        "Tries of a send before the dead letters.", default=str(RETRY.attempts_max)
    )
    retry_waits_s: Waits = key(
        "Seconds before the second, third … try; the last holds for all that follow.",
        default=_shown(RETRY.waits_s),
    )
    later_waits_s: Waits = key(
        "The same where a provider's queue is full or its day is used up.",
        default=_shown(RETRY.later_s),
    )
    outcome_looks_s: Waits = key(
        "Seconds between looks for a send whose outcome is unknown; then a person decides.",
        default=_shown(WATCH.outcome_s),
    )
    status_looks_s: Waits = key(
        "Seconds between looks for a final status that no callback brought.",
        default=_shown(WATCH.status_s),
    )
    turn_wait_s_min: Seconds = key(
        "Seconds before an agent's turn is tried again; doubles.", default=f"{TURN.first_s:g}"
    )
    turn_wait_s_max: Seconds = key("The longest such wait.", default=f"{TURN.cap_s:g}")
    turn_attempts_min: Annotated[int, Field(ge=1, le=100)] = key(
        "A turn is given up after so many tries and turnAgeHoursMin.",
        default=str(TURN.attempts_min),
    )
    turn_age_hours_min: Annotated[int, Field(ge=1, le=168)] = key(
        "A turn is given up after so many hours and turnAttemptsMin.", default="24"
    )
    breaker_failures: Annotated[int, Field(ge=0, le=1000)] = key(
        "So many failures of a line in a row, and nothing is sent by it for a while; 0: never.",
        default=str(BREAKER.failures),
    )
    breaker_window_s: Annotated[float, Field(ge=1, le=86_400)] = key(
        "Seconds within which these failures lie.", default=f"{BREAKER.window_s:g}"
    )
    breaker_waits_s: Waits = key(
        "Seconds until one message finds out whether the line works again; longer each time it does "
        "not, the last for all that follow.",
        default=_shown(BREAKER.open_s),
    )
    reconcile_hours: Annotated[int, Field(ge=0, le=168)] = key(
        "Hours between comparisons with the provider's own list; 0: never by itself.", default="24"
    )
    concurrency: Annotated[int, Field(ge=1, le=1024)] = key("Requests to providers at once.")
    lease_s: Annotated[float, Field(ge=10, le=3600)] = key(
        "Seconds a worker may hold a send beyond the 30 a request may take."
    )


class RetentionShape(Shape):
    body_days: Annotated[int, Field(ge=1, le=36_500)] = key(
        "Texts and attachments are forgotten after so many days; who wrote when to whom stays, and "
        "the audit log stays whole.",
        default="none: kept",
    )


class AuditShape(Shape):
    signing_key: SecretKey = key(
        "Signs checkpoints (Ed25519): 64 hexadecimal digits or a secret reference.",
        default="a file beside the store",
    )
    trusted_keys: list[PublicKey] = key(
        "Public keys of earlier signing keys, whose checkpoints still count.",
        default="[]",
        max_length=100,
    )
    checkpoint_entries: Annotated[int, Field(ge=1, le=1_000_000_000)] = key(
        "A checkpoint after so many entries …"
    )
    checkpoint_hours: Annotated[int, Field(ge=1, le=8_760)] = key(
        "… or after so many hours, whichever is first; none while nothing happens."
    )


class EnvProviderShape(Shape):
    source: Literal["env"] = required("Environment variables.")
    allowlist: list[EnvName] = key("The only variables that may be read.", default="all")


class FileProviderShape(Shape):
    source: Literal["file"] = required("A file.")
    path: Text = required("Its path; ~ is the home directory, relative is beside this file.")
    mode: Literal["json", "singleValue"] = key(
        'json: the id is a JSON pointer into it; singleValue: the id is "value".', default="json"
    )
    max_bytes: Annotated[int, Field(ge=1, le=20 * 1024 * 1024)] = key(
        "Largest file.", default="1048576"
    )


class ExecProviderShape(Shape):
    source: Literal["exec"] = required("A command; run directly, never through a shell.")
    command: Text = required("Absolute path of the program.")
    args: list[str] = key("Its arguments.", default="[]", max_length=100)
    env: dict[EnvName, str] = key("Variables set for it.", default="{}")
    pass_env: list[EnvName] = key("Variables passed on to it.", default="[]")
    timeout_ms: Annotated[int, Field(ge=1, le=120_000)] = key(
        "Milliseconds it may take.", default="5000"
    )
    max_output_bytes: Annotated[int, Field(ge=1, le=20 * 1024 * 1024)] = key(
        "Most it may print.", default="1048576"
    )
    json_only: bool = key(
        "It answers in OpenClaw's JSON protocol; off takes its output as the value.", default="true"
    )
    allow_symlink_command: bool = key("The command may be a symbolic link.", default="false")
    trusted_dirs: list[Text] = key("The real program must lie under one of these.", default="any")
    allow_insecure_path: bool = key(
        "The program may be writable by group or others.", default="false"
    )


class SecretDefaultsShape(Shape):
    env: Name = key("Provider of env references that name none.", default="default")
    file: Name = key("Provider of file references that name none.", default="default")
    exec: Name = key("Provider of exec references that name none.", default="default")


class SecretsShape(Shape):
    providers: dict[Name, dict[str, Any]] = key("Where file and exec references are resolved.")
    defaults: SecretDefaultsShape = key("Providers of references that name none.")


class AgentShape(Shape):
    """What every kind has. Names are those of the adapters' own settings in `ringfence.agents`."""

    max_reply_chars: Annotated[int, Field(ge=1, le=20_000)] = key(
        "Longer answers are cut and held."
    )


class SlotsShape(AgentShape):
    timeout_s: Seconds = key("Seconds for one turn.")
    max_concurrent: Annotated[int, Field(ge=1, le=256)] = key("Turns at once.")
    queue_s: Seconds = key("Seconds a turn may wait for a free slot.")


class OpenAIShape(SlotsShape):
    kind: Literal["openai"] = required("Any chat-completions endpoint, OpenClaw's among them.")
    base_url: BaseUrl = required("The endpoint's root, or its path up to and including /v1.")
    api_key: SecretKey = key("Bearer token: text or a secret reference.", default="none")
    model: Text = required("Model name; in the openclaw profile the agent's.")
    profile: Literal["plain", "openclaw"] = key(
        "openclaw: sessions are kept there and its silent markers are known."
    )
    system_prompt: str = key("Said before every turn.", max_length=20_000)
    history_limit: Annotated[int, Field(ge=0, le=200)] = key(
        "Earlier messages sent along (plain profile)."
    )


class WebhookAgentShape(SlotsShape):
    kind: Literal["webhook"] = required("A signed HTTP request (Standard Webhooks).")
    url: HttpUrl = required("Where turns are posted.")
    secrets: list[SecretKey] = required("Signing secrets; all sign.", min_length=1, max_length=5)
    attachments: bool = key("Send attachments' bytes along, in base64.")
    retry_safe: bool = key(
        "The receiver knows a repeat by its webhook-id: lost answers are retried."
    )


class CommandShape(SlotsShape):
    kind: Literal["command"] = required("A program; run directly, never through a shell.")
    argv: list[str] = required("Program and arguments.", min_length=1, max_length=100)
    stdin: Literal["text", "json"] = key("The message, or the whole turn, on standard input.")
    env_allow: list[EnvName] = key(
        "Variables passed on to it besides PATH and the like.", default="[]"
    )
    cwd: Text = key("The folder it runs in.", default="the gateway's")
    run_as: Text = key(
        "User of this machine it runs as; the gateway must be root.", default="the gateway's"
    )
    stdout_bytes_max: Annotated[int, Field(ge=1, le=20 * 1024 * 1024)] = key("Most it may print.")


class EchoShape(AgentShape):
    kind: Literal["echo"] = required("Says what it was told; for trying things out.")
    prefix: str = key("Put before it.")


AGENT_SHAPES: dict[str, type[Shape]] = {
    "openai": OpenAIShape,
    "webhook": WebhookAgentShape,
    "command": CommandShape,
    "echo": EchoShape,
}
SECRET_SHAPES: dict[str, type[Shape]] = {
    "env": EnvProviderShape,
    "file": FileProviderShape,
    "exec": ExecProviderShape,
}


class ChannelsShape(Shape):
    sms: SmsShape = key("Text messages: the keys of OpenClaw's SMS channel and our own.")
    voice: VoiceShape = key("Calls: the keys of OpenClaw's voice-call plugin and our own.")


class ProfilesShape(Shape):
    """What each profile changes of the rest of the file; see `config.profiles`."""

    production: dict[str, Any] = key("Laid over the file in production.")
    staging: dict[str, Any] = key("Laid over the file in staging.")


class RootShape(Shape):
    profile: Literal["production", "staging"] = key(
        "Which profile runs; --profile and RINGFENCE_PROFILE win over it.", default="production"
    )
    profiles: ProfilesShape = key("What each profile changes: any of the other sections.")
    production_tokens: list[TokenDigest] = key(
        "Digests of production's tokens (`ringfence doctor --token-digests` prints them there): "
        "staging does not start with one of them.",
        default="[]",
        max_length=100,
    )
    channels: ChannelsShape = key("Lines.")
    gateway: GatewayShape = key("The two listeners.")
    store: StoreShape = key("The database.")
    agent: dict[str, Any] = key("Short for agents.default.")
    agents: dict[str, dict[str, Any]] = key("Agents by name; `kind` picks the keys.")
    secrets: SecretsShape = key("Where secret references lead.")
    policy: PolicyShape = key("Settings of the rules, for every line.")  # type: ignore[valid-type]
    logging: LoggingShape = key("Logs.")
    delivery: DeliveryShape = key("Sending and trying again.")
    retention: RetentionShape = key("How long texts are kept.")
    audit: AuditShape = key("Checkpoints of the audit log.")
    heartbeat: HeartbeatShape = key("Who outside is told that all is well.")
    telemetry: TelemetryShape = key("Where traces go.")
    templates: dict[Name, dict[str, Any]] = key("Templates by name.", max_length=1_000)
    sources: dict[Name, dict[str, Any]] = key("Event sources by name.", max_length=100)
    responders: dict[Name, dict[str, Any]] = key("Who can be on call, by name.", max_length=1_000)
    responding: RespondingShape = key("How responders' numbers count.")
    groups: dict[Name, Members] = key("Responders under one name.", max_length=100)
    schedules: dict[Name, dict[str, Any]] = key("Who is on call when, by name.", max_length=100)
    escalation_policies: dict[Name, dict[str, Any]] = key(
        "Who is asked after whom, by name.", max_length=100
    )
    tickets: dict[Name, dict[str, Any]] = key(
        "Ticket systems by name; `kind` picks the keys.", max_length=50
    )
    flows: dict[Name, dict[str, Any]] = key("What events start, by name.", max_length=500)
