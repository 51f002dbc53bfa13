"""Takes what is ours out of an OpenClaw configuration: the SMS channel, the calls, the secret providers
they refer to, and the media default it falls back on. Everything else is named with the reason it
stays behind. Reads only; what comes out is a merge patch for our own file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ringfence.config.checking import known_keys
from ringfence.config.mask import is_reference
from ringfence.config.openclaw_voice import PLUGIN, take_calls
from ringfence.config.schema.sections import SECRET_SHAPES
from ringfence.config.schema.sms import AccountShape, SmsShape
from ringfence.model.errors import ConfigInvalid

_WHY_LEFT = {
    "agents": "Ringfence reaches an agent by its address: see `agents` in the configuration guide",
    "gateway": "Ringfence has its own listeners: see `gateway` in the configuration guide",
    "session": "every contact has a conversation of its own",
    "logging": "Ringfence has its own `logging`",
    "tools": "an agent's tools stay where the agent is",
    "tts": "only what calls speak with is taken",
}
_NOT_OURS = "belongs to OpenClaw"
_GROUP_PREFIX = "accessgroup:"


@dataclass(slots=True)
class Taken:
    """`patch` is what comes over; `left` says per path why something does not."""

    patch: dict[str, Any] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def take_over(document: dict[str, Any]) -> Taken:
    """Raises ConfigInvalid when there is neither `channels.sms` nor the voice-call plugin to take."""
    channels = document.get("channels")
    sms = channels.get("sms") if isinstance(channels, dict) else None
    calls = take_calls(document)
    if not isinstance(sms, dict) and calls is None:
        raise ConfigInvalid(("channels.sms: expected an object, got nothing to take over",))
    taken = Taken()
    ours: dict[str, Any] = {}
    if isinstance(sms, dict):
        ours["sms"] = _account(sms, "channels.sms", taken, top=True)
        _media_default(document, ours["sms"], taken)
    if calls is not None:
        ours["voice"] = calls[0]
        taken.left |= calls[1]
    taken.patch["channels"] = ours
    _secret_providers(document, ours, taken)
    for name in document:
        if name == "channels":
            taken.left |= {f"channels.{key}": _NOT_OURS for key in channels or () if key != "sms"}
        elif name == "plugins" and calls is not None:
            _other_plugins(document["plugins"], taken)
        elif name == "$include":
            taken.left["$include"] = "included files are not followed: import each of them"
        elif name != "secrets":
            taken.left.setdefault(str(name), _WHY_LEFT.get(str(name), _NOT_OURS))
    return taken


def _other_plugins(plugins: dict[str, Any], taken: Taken) -> None:
    for key in plugins:
        if key != "entries":
            taken.left[f"plugins.{key}"] = _NOT_OURS
    for name in plugins["entries"]:
        if name != PLUGIN:
            taken.left[f"plugins.entries.{name}"] = _NOT_OURS


def _account(raw: dict[str, Any], path: str, taken: Taken, *, top: bool = False) -> dict[str, Any]:
    known = set(known_keys(SmsShape if top else AccountShape, ()))
    account: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in known:
            taken.left[f"{path}.{key}"] = "Ringfence has no such setting"
        elif key == "allowFrom" and isinstance(value, list):
            account[key] = _without_groups(value, f"{path}.allowFrom", taken)
        elif key == "accounts" and isinstance(value, dict):
            account[key] = {
                name: _account(item, f"{path}.accounts.{name}", taken)
                if isinstance(item, dict)
                else item
                for name, item in value.items()
            }
        else:
            account[key] = value
    return account


def _without_groups(entries: list[Any], path: str, taken: Taken) -> list[Any]:
    """OpenClaw's shared access groups (docs/channels/access-groups.md) live outside the channel."""
    groups = [e for e in entries if isinstance(e, str) and e.lower().startswith(_GROUP_PREFIX)]
    if groups:
        taken.left[path] = f"{len(groups)} access group(s): write their numbers into the list"
    return [entry for entry in entries if entry not in groups]


def _media_default(document: dict[str, Any], account: dict[str, Any], taken: Taken) -> None:
    """mediaMaxMb falls back on the agents' default over there (facts/openclaw.md 1.2)."""
    agents = document.get("agents")
    defaults = agents.get("defaults") if isinstance(agents, dict) else None
    if isinstance(defaults, dict) and "mediaMaxMb" in defaults and "mediaMaxMb" not in account:
        account["mediaMaxMb"] = defaults["mediaMaxMb"]
        taken.left["agents"] = "only agents.defaults.mediaMaxMb was taken, into channels.sms"


def _secret_providers(document: dict[str, Any], ours: dict[str, Any], taken: Taken) -> None:
    """The providers our references name, with the keys we know."""
    section = document.get("secrets")
    section = section if isinstance(section, dict) else {}
    raw_providers = section.get("providers")
    providers: dict[str, Any] = raw_providers if isinstance(raw_providers, dict) else {}
    raw_defaults = section.get("defaults")
    defaults: dict[str, Any] = raw_defaults if isinstance(raw_defaults, dict) else {}
    used = {
        str(reference.get("provider") or defaults.get(str(reference.get("source")), "default"))
        for reference in _references(ours)
    }
    kept = {
        name: _provider(providers[name], f"secrets.providers.{name}", taken)
        for name in providers
        if name in used and _usable(providers[name], f"secrets.providers.{name}", taken)
    }
    for name in providers:
        if name not in used:
            taken.left[f"secrets.providers.{name}"] = "no setting that came over refers to it"
    known_defaults = {key: name for key, name in defaults.items() if key in SECRET_SHAPES}
    if kept or (used and known_defaults):
        secrets: dict[str, Any] = {"providers": kept} if kept else {}
        taken.patch["secrets"] = secrets | ({"defaults": known_defaults} if known_defaults else {})
    for key in section:
        if key not in ("providers", "defaults"):
            taken.left[f"secrets.{key}"] = "Ringfence has no such setting"


def _usable(raw: Any, path: str, taken: Taken) -> bool:
    source = raw.get("source") if isinstance(raw, dict) else None
    if source not in SECRET_SHAPES:
        taken.left[path] = "Ringfence resolves env, file and exec references only"
        return False
    if "pluginIntegration" in raw:
        taken.left[path] = "a plugin of OpenClaw's resolves it: name the command itself"
        return False
    return True


def _provider(raw: dict[str, Any], path: str, taken: Taken) -> dict[str, Any]:
    known = set(known_keys(SECRET_SHAPES[raw["source"]], ()))
    for key in raw:
        if key not in known:
            taken.left[f"{path}.{key}"] = "Ringfence has no such setting"
    return {key: value for key, value in raw.items() if key in known}


def _references(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        if "source" in value and is_reference(value):
            return [value]
        return [found for item in value.values() for found in _references(item)]
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    return []
