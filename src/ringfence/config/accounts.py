"""Which lines there are, and each line's keys after inheritance: environment, then the top level,
then the account itself. Knows nothing of what the keys mean; `lines` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.config.problems import join_path

SMS_PATH = "channels.sms"
DEFAULT_ACCOUNT = "default"
Loc = tuple[str | int, ...]
_GROUPS = ("pairing", "limits", "media", "policy", "a2p")
_SENDERS = {"fromNumber", "messagingServiceSid", "messagingProfileId", "powerpackUuid"}
_CHANNEL_ONLY = ("accounts", "defaultAccount", "enabled")


@dataclass(frozen=True, slots=True)
class Account:
    """One line's keys. `origins` says per key where it stands, as a path or a variable's name;
    `bad` are keys that had a problem already and were left out."""

    id: str
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    bad: frozenset[str]
    enabled: bool

    def path(self, key: str) -> str:
        """Where to point for `key`: where it stands, or where it would be written."""
        return self.origins.get(key) or join_path(self._home, key)

    @property
    def _home(self) -> str:
        return SMS_PATH if self.id == DEFAULT_ACCOUNT else f"{SMS_PATH}.accounts.{self.id}"


@dataclass(frozen=True, slots=True)
class Layer:
    """Keys from one place. `places` overrides `prefix` per key (environment variables)."""

    values: Mapping[str, Any]
    prefix: str = ""
    places: Mapping[str, str] | None = None
    bad: frozenset[str] = frozenset()

    def place(self, key: str) -> str:
        return (self.places or {}).get(key) or join_path(self.prefix, key)


def effective_accounts(
    sms: Mapping[str, Any], left_out: frozenset[Loc], environment: Layer
) -> tuple[Account, ...]:
    """Every account, the default one first, then by name. `left_out` says where bad values of
    `channels.sms` were."""
    named: Mapping[str, Any] = sms.get("accounts", {})
    switched_on = bool(sms.get("enabled", True))
    top = Layer(
        {key: value for key, value in sms.items() if key not in _CHANNEL_ONLY},
        SMS_PATH,
        bad=frozenset(str(loc[0]) for loc in left_out if loc),
    )
    layers = {name: _account_layer(name, named[name], left_out) for name in named}
    accounts = []
    if _has_default(sms, named, environment):
        own = [layers[DEFAULT_ACCOUNT]] if DEFAULT_ACCOUNT in layers else []
        accounts.append(_merged(DEFAULT_ACCOUNT, [environment, top, *own], switched_on))
    for name in sorted(set(layers) - {DEFAULT_ACCOUNT}):
        accounts.append(_merged(name, [top, layers[name]], switched_on))
    return tuple(accounts)


def _account_layer(name: str, values: Mapping[str, Any], left_out: frozenset[Loc]) -> Layer:
    bad = (str(loc[2]) for loc in left_out if loc[:2] == ("accounts", name) and len(loc) > 2)
    return Layer(values, f"{SMS_PATH}.accounts.{name}", bad=frozenset(bad))


def _has_default(sms: Mapping[str, Any], named: Mapping[str, Any], environment: Layer) -> bool:
    """The top level is an account of its own when it has a sender; beside named accounts without
    one it is only what they inherit."""
    if DEFAULT_ACCOUNT in named:
        return True
    known = {**environment.values, **sms}
    if named:
        return bool(_SENDERS & set(known))
    return bool({"accountSid", *_SENDERS} & set(known) or sms)


def _merged(name: str, layers: list[Layer], switched_on: bool) -> Account:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _give_way(values, layer.values)
        for key, value in layer.values.items():
            values[key] = _inherited(values.get(key, {}), value) if key in _GROUPS else value
            origins[key] = layer.place(key)
            if key in _GROUPS:
                origins |= {f"{key}.{inner}": join_path(layer.place(key), inner) for inner in value}
    bad = frozenset().union(*(layer.bad for layer in layers))
    return Account(name, values, origins, bad, switched_on and bool(values.get("enabled", True)))


def _inherited(farther: Mapping[str, Any], nearer: Mapping[str, Any]) -> dict[str, Any]:
    """A group's keys, the nearer ones winning; groups within it (a rule's settings) likewise."""
    merged = dict(farther)
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
