"""What the configuration comes to: frozen values, ready for bootstrap. Standard library and model
only; no file is read here and no key is validated here. Secrets are `Secret`, numbers are
`PhoneNumber`, so that printing a Settings shows neither (P9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ringfence.delivery.breaker import BREAKER, BreakerSettings
from ringfence.delivery.flow import Operations
from ringfence.delivery.retry import RETRY, TURN, WATCH, RetrySettings, TurnSettings, WatchSettings
from ringfence.gateway.heartbeat_out import Heartbeat
from ringfence.model.classifier import Classifier
from ringfence.model.line import Line, Secret
from ringfence.model.template import Template
from ringfence.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The two doors (P8). `trusted_proxies` are addresses or CIDR networks whose forwarded client
    address is believed; `private_hosts` are names the private door is called by with a token;
    `poll_ms` is how often the worker looks for due rows when nobody wakes it."""

    public_host: str = "127.0.0.1"
    public_port: int = 8080
    private_host: str = "127.0.0.1"
    private_port: int = 8081
    private_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    public_base_url: str | None = None
    poll_ms: int = 500


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`url` is `sqlite:////absolute/path` or `postgresql://…` (the password, if any, is in it:
    print `masked_url`)."""

    url: str
    busy_timeout_s: float = 5.0

    @property
    def path(self) -> Path | None:
        """The SQLite file; None on PostgreSQL."""
        if not self.url.startswith("sqlite:///"):
            return None
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def masked_url(self) -> str:
        """The URL without its password."""
        from ringfence.config.mask import mask_url

        return mask_url(self.url)

    def __repr__(self) -> str:
        return f"StoreSettings({self.masked_url}, busy_timeout_s={self.busy_timeout_s})"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """One agent. `kind` is openai, webhook, command or echo; `options` are that adapter's settings
    by their Python names (`base_url`, `timeout_s` …), lists as tuples, secrets as Secret. An agent
    whose secret cannot be resolved carries `blocked_reason`; the others run (B106)."""

    id: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    blocked_reason: str | None = None


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """`level` is debug, info, warning or error; `format` is json or text."""

    level: str = "info"
    format: str = "json"


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Checkpoints of the audit log: how often, and with which key. `key_path` is used where no
    `signing_key` is configured; a configured one that cannot be used carries `blocked_reason`.
    `trusted_keys` are further public keys whose checkpoints count."""

    key_path: Path
    signing_key: Secret | None = None
    blocked_reason: str | None = None
    trusted_keys: tuple[str, ...] = ()
    checkpoint_entries: int = 10_000
    checkpoint_hours: int = 1


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How long and how often an owed send, status or turn is tried (see `delivery.retry`), when a line
    is given a rest, how often the provider's list is compared (zero: never), and how much at once. `lease_s` is how long a worker may hold a row beyond `timeout_s`, the longest a
    request to a provider takes."""

    retry: RetrySettings = RETRY
    watch: WatchSettings = WATCH
    turn: TurnSettings = TURN
    breaker: BreakerSettings = BREAKER
    reconcile_every: timedelta = timedelta(days=1)
    timeout_s: float = 30.0
    lease_s: float = 60.0
    concurrency: int = 128


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything one gateway process needs to know.

    `lines` holds enabled, disabled and blocked lines alike (`Line.enabled`, `Line.blocked_reason`).
    `default_line_id` is empty when there is no line. `path` is the file, whether it exists or not.
    `policies` and `classifiers` are by line; `loosened` names what lines loosen against their purpose's preset, as
    `line: rule.setting`. `profile` is production or staging.
    """

    lines: tuple[Line, ...]
    default_line_id: str
    gateway: GatewaySettings
    store: StoreSettings
    agents: Mapping[str, AgentSettings]
    logging: LoggingSettings
    delivery: DeliverySettings
    audit: AuditSettings
    path: Path
    warnings: tuple[str, ...]
    policies: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))
    loosened: tuple[str, ...] = ()
    keep_texts: timedelta | None = None
    templates: Mapping[str, Template] = field(default_factory=lambda: MappingProxyType({}))
    classifiers: Mapping[str, Classifier] = field(default_factory=lambda: MappingProxyType({}))
    profile: str = "production"
    operations: Operations = field(default_factory=Operations)
    heartbeat: Heartbeat | None = None
    traces_to: Secret | None = None

    def line(self, line_id: str) -> Line | None:
        """The line with that id, if there is one."""
        return next((line for line in self.lines if line.id == line_id), None)
