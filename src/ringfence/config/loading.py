"""From a file and an environment to Settings. Every problem of the whole file is gathered before
one is raised; what blocks a single line or agent is written on it instead. Imports pydantic, so
nothing outside imports this module until it loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ringfence.clock import SystemClock
from ringfence.config import environment, profiles
from ringfence.config.accounts import (
    SMS_PATH,
    VOICE,
    Account,
    Layer,
    default_id,
    effective_accounts,
    first_id,
)
from ringfence.config.agents import AgentMaker
from ringfence.config.apart import Side, keep_apart, refuse_noted
from ringfence.config.audit import audit_settings
from ringfence.config.calls import Calls
from ringfence.config.checking import Loc, check, pick
from ringfence.config.classifiers import classifier_of
from ringfence.config.contradictions import Judged, contradictions
from ringfence.config.disclosures import default_words
from ringfence.config.flow_gate import held_back, writing_on
from ringfence.config.heartbeats import heartbeat_of, traces_to
from ringfence.config.intakes import IntakeMaker
from ringfence.config.lines import LineMaker
from ringfence.config.names import snake
from ringfence.config.operations import OperationsMaker
from ringfence.config.policies import policy_of
from ringfence.config.problems import Problems
from ringfence.config.profiles import Profile
from ringfence.config.reach import is_loopback
from ringfence.config.responders import Lines
from ringfence.config.schema.base import Shape
from ringfence.config.schema.sections import SECRET_SHAPES, RootShape
from ringfence.config.schema.sms import AccountShape
from ringfence.config.schema.voice import VoiceAccountShape
from ringfence.config.secrets import SecretInput, SecretProvider, SecretResolver, SecretSource
from ringfence.config.settings import (
    DeliverySettings,
    GatewaySettings,
    LoggingSettings,
    Settings,
    StoreSettings,
)
from ringfence.config.source import Source, locate, open_to_all, parse, read_text
from ringfence.config.stores import store_url
from ringfence.config.templates import make_templates
from ringfence.config.voice_lines import Joined, Joiner
from ringfence.config.voices import VoiceMaker
from ringfence.delivery.breaker import BREAKER
from ringfence.delivery.retry import RETRY, TURN, WATCH
from ringfence.model.classifier import Classifier
from ringfence.model.errors import SecretUnavailable
from ringfence.model.line import Line
from ringfence.policy.policy import Policy
from ringfence.policy.rules import staging


def load_settings(
    path: Path | None, environ: Mapping[str, str], now: datetime | None = None
) -> Settings:
    """See `ringfence.config.load`."""
    source = locate(path, environ)
    text = read_text(source)
    raw = parse(text, str(source.path)) if text is not None else {}
    return build(raw, source, environ, now=now)


def build(
    raw: dict[str, Any],
    source: Source,
    environ: Mapping[str, str],
    *,
    starting: bool = True,
    now: datetime | None = None,
) -> Settings:
    """Settings from raw values; `source` says where relative paths start. Raises ConfigInvalid.

    Not `starting`: the file is only being changed, maybe by a person whose shell lacks the
    service's variables, so a store address that cannot be looked up is a warning."""
    profile, problems = profiles.choose(raw, environ)
    values, left_out = check(RootShape, profile.document, "", problems)
    moment = now if now is not None else SystemClock().now()
    assembly = Assembly(values, left_out, source, environ, problems, starting, profile, moment)
    settings = assembly.settings()
    problems.raise_if_any()
    return settings


@dataclass(slots=True)
class Assembly:
    """One load under way: checked values in, findings and Settings out."""

    values: dict[str, Any]
    left_out: frozenset[Loc]
    source: Source
    environ: Mapping[str, str]
    problems: Problems
    starting: bool
    profile: Profile
    now: datetime

    def settings(self) -> Settings:
        resolver = self._resolver()
        warnings: list[str] = []
        maker_of_agents = AgentMaker(resolver, self.problems, warnings)
        agents = maker_of_agents.make_all(self.values)
        gateway = self._gateway(warnings)
        accounts, voices = self._accounts(resolver)
        calls = Calls(voices, self.problems, warnings)
        known = (resolver, self.problems, warnings, gateway.public_base_url, tuple(agents))
        maker, callers = LineMaker(*known), VoiceMaker(*known, self.environ)
        lines = tuple(calls.attached(callers, maker.make(one), one) for one in accounts)
        self._check_paths(accounts, lines)
        calls.check(lines)
        policies, looser = self._policies(accounts, lines, warnings)
        lines = tuple(calls.bounded(line, policies[line.id]) for line in lines)
        classifiers = self._classifiers(accounts, lines, tuple(agents), warnings)
        warnings += _line_warnings(lines, agents)
        store = StoreSettings(
            self._store_url(resolver, warnings), **self._section("store", "busyTimeoutS")
        )
        self._keep_apart(Side(accounts, resolver, store.url), warnings)
        audit = audit_settings(self.values.get("audit", {}), store, self.source.path, resolver)
        if audit.blocked_reason:
            warnings.append(f"audit.signingKey: no checkpoints are made: {audit.blocked_reason}")
        templates = make_templates(self.values.get("templates", {}), self.problems, warnings)
        default_line = self._default_line(lines)
        self._check_fallbacks(accounts, lines)
        regions = {one.id: one.values.get("defaultRegion") for one in accounts}
        operations = self._operations(resolver, warnings).make(
            Lines({line.id: line for line in lines}, regions, default_line),
            templates,
            gateway.public_base_url or "",
        )
        plain = resolver.met_plain or _any_plain([self.values, maker_of_agents.keys])
        if plain and open_to_all(self.source.path):
            warnings.append(f"{self.source.path} holds secrets and everyone may read it")
        watching = (resolver, self.problems, warnings)
        heartbeat = heartbeat_of(self.values.get("heartbeat", {}), *watching)
        traces = traces_to(self.values.get("telemetry", {}), *watching)
        warnings += resolver.warnings
        for judged in self._judged(accounts, lines, policies, tuple(templates)):
            warnings += contradictions(judged, self.problems)
            warnings += held_back(judged, writing_on(judged.line, operations, templates))
        warnings += calls.unanswered(lines, operations)
        intakes = IntakeMaker(self.problems, templates)
        lines = tuple(
            intakes.make(line, account.values.get("intake", {}), account.path("intake"))
            for account, line in zip(accounts, lines, strict=True)
        )
        return Settings(
            lines=lines,
            default_line_id=default_line,
            gateway=gateway,
            store=store,
            agents=MappingProxyType(agents),
            logging=LoggingSettings(**self._section("logging")),
            delivery=_delivery(self._section("delivery")),
            audit=audit,
            path=self.source.path,
            warnings=tuple(dict.fromkeys(warnings)),
            policies=MappingProxyType(policies),
            loosened=tuple(looser),
            keep_texts=_days(self.values.get("retention", {}).get("bodyDays")),
            templates=MappingProxyType(templates),
            classifiers=MappingProxyType(classifiers),
            profile=self.profile.name,
            heartbeat=heartbeat,
            traces_to=traces,
            operations=operations,
        )

    def _operations(self, resolver: SecretResolver, warnings: list[str]) -> OperationsMaker:
        base = self.source.path.parent
        return OperationsMaker(
            self.values, self.left_out, resolver, self.problems, warnings, base, self.now
        )

    def _policies(
        self, accounts: tuple[Account, ...], lines: tuple[Line, ...], warnings: list[str]
    ) -> tuple[dict[str, Policy], list[str]]:
        """Each line's policy, and what lines loosen against the preset of their purpose. In the
        staging profile nothing written anywhere loosens the rule that keeps to the list."""
        policies: dict[str, Policy] = {}
        looser: list[str] = []
        fixed = {staging.RULE.name: staging.OF_THE_PROFILE} if self._is_staging else {}
        for account, line in zip(accounts, lines, strict=True):
            sections = self._sections(account)
            warnings += [
                f"{path}.staging counts for nothing in the profile staging: testRecipients alone do"
                for path, values in sections
                if fixed and staging.RULE.name in values
            ]
            policies[line.id], names = policy_of(line, sections, self.problems, fixed)
            looser += [f"{line.id}: {name}" for name in names]
            if default_words(line.purpose, line.label) and not line.disclosure:
                looser.append(f"{line.id}: disclosure")
        return policies, looser

    @property
    def _is_staging(self) -> bool:
        return self.profile.name == profiles.STAGING

    def _keep_apart(self, ours: Side, warnings: list[str]) -> None:
        """Staging against production of the same file, and against the tokens noted of another."""
        if not self._is_staging:
            return
        refuse_noted(ours, self.values.get("productionTokens", []), self.problems)
        if not self.profile.others and not self.values.get("productionTokens"):
            warnings.append(
                "profile: staging runs, and nothing here tells which tokens are production's: keep "
                "both profiles in one file, or list productionTokens"
            )
        for document in self.profile.others.values():
            keep_apart(ours, self._side_of(document), self.problems, warnings)

    def _side_of(self, document: dict[str, Any]) -> Side:
        """Another profile's lines and store as its file says them: what this process has in its
        environment is its own. What is wrong with them is theirs to be told."""
        values, left_out = check(RootShape, document, "", Problems())
        other = replace(self, values=values, left_out=left_out, problems=Problems(), starting=False)
        resolver = other._resolver()
        other.environ = {
            name: value
            for name, value in self.environ.items()
            if name not in (*environment.VARIABLES, environment.STORE_VARIABLE)
        }
        return Side(other._accounts(resolver)[0], resolver, other._store_url(resolver, []))

    def _classifiers(
        self,
        accounts: tuple[Account, ...],
        lines: tuple[Line, ...],
        agents: tuple[str, ...],
        warnings: list[str],
    ) -> dict[str, Classifier]:
        """Each line's classifier of what agents write, where it has one."""
        found = {
            line.id: classifier_of(line, self._sections(account), agents, self.problems, warnings)
            for account, line in zip(accounts, lines, strict=True)
        }
        return {key: one for key, one in found.items() if one is not None}

    def _judged(
        self,
        accounts: tuple[Account, ...],
        lines: tuple[Line, ...],
        policies: Mapping[str, Policy],
        templates: tuple[str, ...],
    ) -> list[Judged]:
        """Each line with what is judged of it."""
        own = {line.number.e164 for line in lines if line.number is not None}
        root = self.values.get("policy", {})
        return [
            Judged(account, line, policies[line.id], root, templates, own)
            for account, line in zip(accounts, lines, strict=True)
        ]

    def _sections(self, account: Account) -> list[tuple[str, dict[str, Any]]]:
        """The policy's places, from the farthest to the nearest."""
        return [
            ("policy", self.values.get("policy", {})),
            (account.path("policy"), account.values.get("policy", {})),
        ]

    def _section(self, name: str, *only: str) -> dict[str, Any]:
        """A section's keys by their Python names."""
        section = self.values.get(name, {})
        return {snake(key): value for key, value in section.items() if not only or key in only}

    # -- lines ------------------------------------------------------------------------------------

    def _accounts(self, resolver: SecretResolver) -> Joined:
        """Every line's keys, and by line those of its calls, joined to it by number."""
        sms, left_out = self._channel("sms")
        layer = self._environment_layer(AccountShape, environment.default_account(self.environ))
        accounts = effective_accounts(sms, left_out, layer)
        if "voice" not in self.values.get("channels", {}):
            return accounts, {}
        voice, left_out = self._channel("voice")
        provider = environment.voice_provider(self.values["channels"])
        found = environment.voice_account(self.environ, provider)
        layer = self._environment_layer(VoiceAccountShape, found)
        joiner = Joiner(sms, accounts, default_id(sms, accounts), resolver, self.problems)
        voices = effective_accounts(voice, left_out, layer, VOICE)
        joiner.refuse_unowned(voice, voices)
        return joiner.join(voices)

    def _channel(self, name: str) -> tuple[dict[str, Any], frozenset[Loc]]:
        """A channel's checked keys, and where bad ones were."""
        place = ("channels", name)
        left_out = frozenset(loc[2:] for loc in self.left_out if loc[:2] == place)
        return self.values.get("channels", {}).get(name, {}), left_out

    def _environment_layer(
        self, shape: type[Shape], found: tuple[dict[str, Any], dict[str, str]]
    ) -> Layer:
        raw, places = found
        problems = Problems()
        checked, bad = check(shape, raw, "", problems)
        problems.hand_over(self.problems, places)
        return Layer(checked, places=places, bad=frozenset(str(loc[0]) for loc in bad))

    def _check_paths(self, accounts: tuple[Account, ...], lines: tuple[Line, ...]) -> None:
        """B104. Switched-off lines do not listen."""
        taken: dict[str, str] = {}
        for account, line in zip(accounts, lines, strict=True):
            if not line.enabled or "webhookPath" in account.bad:
                continue
            if line.webhook_path in taken:
                self.problems.add(
                    account.path("webhookPath"),
                    f"a path of its own ({line.id} and {taken[line.webhook_path]} share it)",
                    line.webhook_path,
                )
            taken.setdefault(line.webhook_path, line.id)

    def _check_fallbacks(self, accounts: tuple[Account, ...], lines: tuple[Line, ...]) -> None:
        """A fallback is another line that is there."""
        ids = [line.id for line in lines]
        for account, line in zip(accounts, lines, strict=True):
            if line.fallback and (line.fallback not in ids or line.fallback == line.id):
                others = ", ".join(one for one in ids if one != line.id) or "there is none"
                self.problems.add(
                    account.path("fallbackAccount"),
                    f"the name of another account ({others})",
                    line.fallback,
                )

    def _default_line(self, lines: tuple[Line, ...]) -> str:
        ids = [line.id for line in lines]
        wanted = self.values.get("channels", {}).get("sms", {}).get("defaultAccount")
        if wanted is not None and wanted not in ids:
            names = ", ".join(ids) or "none is configured"
            self.problems.add(
                f"{SMS_PATH}.defaultAccount", f"the name of an account ({names})", wanted
            )
        return str(wanted) if wanted in ids else first_id(ids)

    # -- secrets, gateway, store ------------------------------------------------------------------

    def _resolver(self) -> SecretResolver:
        section = self.values.get("secrets", {})
        providers = {}
        for name, raw in section.get("providers", {}).items():
            prefix = f"secrets.providers.{name}"
            shape = pick(SECRET_SHAPES, raw, "source", prefix, self.problems)
            if shape is not None:
                options, _ = check(shape, raw, prefix, self.problems)
                providers[name] = SecretProvider(SecretSource(raw["source"]), options)
        return SecretResolver(
            providers, section.get("defaults", {}), self.environ, self.source.path.parent
        )

    def _gateway(self, warnings: list[str]) -> GatewaySettings:
        section = self._section("gateway")
        section["trusted_proxies"] = tuple(section.get("trusted_proxies", ()))
        section["private_hosts"] = tuple(section.get("private_hosts", ()))
        gateway = GatewaySettings(**section)
        same_host = gateway.public_host == gateway.private_host
        if same_host and gateway.public_port == gateway.private_port != 0:
            self.problems.add(
                "gateway.privatePort",
                "another port than gateway.publicPort (two doors)",
                gateway.private_port,
            )
        base = gateway.public_base_url or ""
        if base.startswith("http://") and not is_loopback(base):
            warnings.append(
                "gateway.publicBaseUrl is plain http: webhooks and the links in pages travel in clear; "
                "put TLS before the public listener and write https"
            )
        if not is_loopback(f"http://{_bracketed(gateway.private_host)}"):
            warnings.append(
                "gateway.privateHost is not a loopback address: other machines reach it, and are "
                "let in with a token by a name in gateway.privateHosts; put TLS before it"
            )
        return gateway

    def _store_url(self, resolver: SecretResolver, warnings: list[str]) -> str:
        """The configuration wins over RINGFENCE_STORE_URL; then SQLite beside the file."""
        base = self.source.path.parent
        wanted: SecretInput | None = self.values.get("store", {}).get("url")
        place = "store.url"
        written = self.environ.get(environment.STORE_VARIABLE, "").strip()
        if wanted is None and written:
            wanted, place = SecretInput(plain=written), environment.STORE_VARIABLE
        if wanted is None:
            return store_url("sqlite:///ringfence.db", base) or ""
        try:
            url = store_url(resolver.resolve(wanted).reveal(), base)
        except SecretUnavailable as error:
            if self.starting:
                self.problems.add(place, "a secret that can be resolved", got=error.detail)
            else:
                warnings.append(f"{place} cannot be looked up here: {error.detail}")
            return ""
        if url is None:
            shown = "another address" if wanted.is_plain else "another address behind the reference"
            self.problems.add(place, "sqlite:///path or postgresql://host/database", got=shown)
        return url or ""


def _days(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)


def _delivery(keys: dict[str, Any]) -> DeliverySettings:
    """The section's flat keys, dealt out to the settings of `delivery.retry` and `delivery.breaker`."""

    def taken(default: Any, names: Mapping[str, str]) -> Any:
        given = {field: keys.pop(name) for name, field in names.items() if name in keys}
        lists = {field: tuple(v) if isinstance(v, list) else v for field, v in given.items()}
        return replace(default, **lists)

    retry = {"attempts_max": "attempts_max", "retry_waits_s": "waits_s", "later_waits_s": "later_s"}
    watch = {"outcome_looks_s": "outcome_s", "status_looks_s": "status_s"}
    turn = {
        "turn_wait_s_min": "first_s",
        "turn_wait_s_max": "cap_s",
        "turn_attempts_min": "attempts_min",
        "turn_age_min": "age_min",
    }
    breaker = {
        "breaker_failures": "failures",
        "breaker_window_s": "window_s",
        "breaker_waits_s": "open_s",
    }
    if "reconcile_hours" in keys:
        keys["reconcile_every"] = timedelta(hours=keys.pop("reconcile_hours"))
    if "turn_age_hours_min" in keys:
        keys["turn_age_min"] = timedelta(hours=keys.pop("turn_age_hours_min"))
    return DeliverySettings(
        retry=taken(RETRY, retry),
        watch=taken(WATCH, watch),
        turn=taken(TURN, turn),
        breaker=taken(BREAKER, breaker),
        **keys,
    )


def _line_warnings(lines: tuple[Line, ...], agents: Mapping[str, Any]) -> list[str]:
    warnings = []
    if not lines:
        warnings.append("channels.sms: no line is configured")
    elif not agents:
        warnings.append("agents: none is configured; messages are recorded, not answered")
    for line in lines:
        if line.blocked_reason:
            warnings.append(f"line {line.id} is blocked: {line.blocked_reason}")
        if line.enabled and not line.validate_signature:
            warnings.append(f"line {line.id} takes unsigned webhooks")
    return warnings


def _any_plain(value: Any) -> bool:
    """A secret stands somewhere below `value` in plain text."""
    if isinstance(value, SecretInput):
        return value.is_plain
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_any_plain(item) for item in inner)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
