"""Which accounts a channel has, and each one's keys after inheritance: environment, then the top level,
then the account itself. Knows nothing of what the keys mean; `lines` and `voices` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ringfence.config.problems import join_path

SMS_PATH = "channels.sms"
VOICE_PATH = "channels.voice"
DEFAULT_ACCOUNT = "default"
Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """A section with accounts. `groups` are keys that merge inside; `senders` are those with which the
    top level is an account of its own beside named ones; `own` are never inherited."""

    path: str
    groups: tuple[str, ...]
    senders: frozenset[str]
    own: frozenset[str]

    def home(self, name: str) -> str:
        return self.path if name == DEFAULT_ACCOUNT else f"{self.path}.accounts.{name}"


SMS = Channel(
    SMS_PATH,
    groups=("pairing", "limits", "media", "policy", "a2p"),
    senders=frozenset({"fromNumber", "messagingServiceSid", "messagingProfileId", "powerpackUuid"}),
    own=frozenset(),
)
VOICE = Channel(
    VOICE_PATH,
    groups=(
        "twilio",
        "telnyx",
        "plivo",
        "outbound",
        "turns",
        "sentences",
        "streaming",
        "stt",
        "tts",
    ),
    senders=frozenset({"fromNumber"}),
    own=frozenset({"fromNumber", "publicUrl", "numbers"}),
)
_CHANNEL_ONLY = ("accounts", "defaultAccount", "enabled")


@dataclass(frozen=True, slots=True)
class Account:
    """One line's keys. `origins` says per key where it stands, as a path or a variable's name;
    `bad` are keys that had a problem already and were left out; `home` is where its keys are written.
    One that takes no texts is there for calls alone."""

    id: str
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    bad: frozenset[str]
    enabled: bool
    home: str
    takes_texts: bool = True

    def path(self, key: str) -> str:
        """Where to point for `key`: where it stands, or where it would be written."""
        return self.origins.get(key) or join_path(self.home, key)


@dataclass(frozen=True, slots=True)
class Layer:
    """Keys from one place. `places` overrides `prefix` per key (environment variables)."""

    values: Mapping[str, Any]
    prefix: str = ""
    places: Mapping[str, str] | None = None
    bad: frozenset[str] = frozenset()

    def place(self, key: str) -> str:
        return (self.places or {}).get(key) or join_path(self.prefix, key)

    def inner(self, key: str, inner: str) -> str:
        return (self.places or {}).get(f"{key}.{inner}") or join_path(self.place(key), inner)

    def inherited(self, own: frozenset[str]) -> Layer:
        """What others take of it."""
        kept = {key: value for key, value in self.values.items() if key not in own}
        return replace(self, values=kept, bad=self.bad - own)


def effective_accounts(
    section: Mapping[str, Any],
    left_out: frozenset[Loc],
    environment: Layer,
    channel: Channel = SMS,
) -> tuple[Account, ...]:
    """Every account of a channel, the default one first, then by name. `left_out` says where bad
    values of the section were."""
    named: Mapping[str, Any] = section.get("accounts", {})
    switched_on = bool(section.get("enabled", True))
    top = Layer(
        {key: value for key, value in section.items() if key not in _CHANNEL_ONLY},
        channel.path,
        bad=frozenset(str(loc[0]) for loc in left_out if loc),
    )
    layers = {name: _account_layer(channel, name, named[name], left_out) for name in named}
    accounts = []
    if _has_default(section, named, environment, channel):
        own = [layers[DEFAULT_ACCOUNT]] if DEFAULT_ACCOUNT in layers else []
        accounts.append(_merged(channel, DEFAULT_ACCOUNT, [environment, top, *own], switched_on))
    inherited = top.inherited(channel.own)
    for name in sorted(set(layers) - {DEFAULT_ACCOUNT}):
        accounts.append(_merged(channel, name, [inherited, layers[name]], switched_on))
    return tuple(accounts)


def default_id(sms: Mapping[str, Any], accounts: tuple[Account, ...]) -> str:
    """The line meant where none is named; empty when there is none."""
    ids = [account.id for account in accounts]
    wanted = sms.get("defaultAccount")
    return str(wanted) if wanted in ids else first_id(ids)


def first_id(ids: Sequence[str]) -> str:
    """The default account, or the first."""
    return DEFAULT_ACCOUNT if DEFAULT_ACCOUNT in ids else next(iter(ids), "")


def _account_layer(
    channel: Channel, name: str, values: Mapping[str, Any], left_out: frozenset[Loc]
) -> Layer:
    bad = (str(loc[2]) for loc in left_out if loc[:2] == ("accounts", name) and len(loc) > 2)
    return Layer(values, f"{channel.path}.accounts.{name}", bad=frozenset(bad))


def _has_default(
    section: Mapping[str, Any], named: Mapping[str, Any], environment: Layer, channel: Channel
) -> bool:
    """The top level is an account of its own when it has a sender; beside named accounts without
    one it is only what they inherit."""
    if DEFAULT_ACCOUNT in named:
        return True
    known = {**environment.values, **section}
    if named:
        return bool(channel.senders & set(known))
    return channel is VOICE or bool({"accountSid", *channel.senders} & set(known) or section)


def _merged(channel: Channel, name: str, layers: list[Layer], switched_on: bool) -> Account:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _give_way(values, layer.values)
        for key, value in layer.values.items():
            grouped = key in channel.groups
            values[key] = inherited(values.get(key, {}), value) if grouped else value
            origins[key] = layer.place(key)
            if grouped:
                origins |= {f"{key}.{inner}": layer.inner(key, inner) for inner in value}
    bad = frozenset().union(*(layer.bad for layer in layers))
    enabled = switched_on and bool(values.get("enabled", True))
    return Account(name, values, origins, bad, enabled, channel.home(name))


def inherited(farther: Mapping[str, Any], nearer: Mapping[str, Any]) -> dict[str, Any]:
    """A group's keys, the nearer ones winning; groups within it (a rule's settings) likewise. Nothing
    said of one service holds for another."""
    other_service = "provider" in nearer and nearer["provider"] != farther.get("provider")
    merged = {} if other_service else dict(farther)
    for key, value in nearer.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[key] = {**known, **value} if both and known is not None else value
    return merged


def _give_way(values: dict[str, Any], nearer: Mapping[str, Any]) -> None:
    """What is set nearer replaces its other form set farther out: a pool of senders an inherited
    number, one form of token or key the other."""
    for given, outdone in (
        ("messagingServiceSid", "fromNumber"),
        ("messagingProfileId", "fromNumber"),
        ("powerpackUuid", "fromNumber"),
        ("publicKey", "publicKeys"),
        ("publicKeys", "publicKey"),
        ("authToken", "authTokens"),
        ("authTokens", "authToken"),
    ):
        if given in nearer and outdone not in nearer:
            values.pop(outdone, None)
