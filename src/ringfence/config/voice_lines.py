"""Which line each account of `channels.voice` belongs to. A line is one number: calls of a number of
`channels.sms` are that line's, with its credentials and people; any other number becomes a line that
takes calls only. Compares and merges keys; what they mean is for `lines` and `voices`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ringfence.config.accounts import DEFAULT_ACCOUNT, SMS, SMS_PATH, VOICE, VOICE_PATH, Account
from ringfence.config.credentials import provider_of
from ringfence.config.environment import DEFAULT_PROVIDER
from ringfence.config.numbers import read_number
from ringfence.config.problems import Problems, join_path
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.model.errors import InvalidNumber, SecretUnavailable

_LINE_KEYS = ("name", "purpose", "owners", "zone", "apiBaseUrl")
"""What a line says once, for texts and calls: in `channels.sms` where it has both."""
_TAKEN_OVER = (
    *("owners", "agent", "zone", "defaultRegion", "testRecipients", "purpose"),
    *("policy", "limits", "pairing"),
)
"""What a line for calls only has from the top of `channels.sms`."""
_CREDENTIALS = {
    "twilio": ("accountSid", "authToken", "authTokens", "apiKeySid", "apiKeySecret", "apiBaseUrl"),
    "telnyx": ("apiKey", "publicKey", "publicKeys", "messagingProfileId", "apiBaseUrl"),
    "plivo": ("authId", "authToken", "authTokens", "apiBaseUrl"),
}
_SEVERAL = {"authToken": "authTokens", "publicKey": "publicKeys"}
_NOT_A_CREDENTIAL = "connectionId"
CALLS_ONLY_ID = "voice"


Joined = tuple[tuple[Account, ...], Mapping[str, Account]]
"""Every line's account, and by line id the account of its calls."""


@dataclass(slots=True)
class Joiner:
    """`sms` is the channel's section as it is checked, `default_id` the line meant where none is
    named."""

    sms: Mapping[str, Any]
    accounts: tuple[Account, ...]
    default_id: str
    resolver: SecretResolver
    problems: Problems

    def join(self, voices: tuple[Account, ...]) -> Joined:
        lines = {account.id: account for account in self._with_a_sender(voices)}
        placed: dict[str, Account] = {}
        for voice in voices:
            line = self._line_of(voice, lines)
            if line is None:
                line = self._calls_only(voice, lines)
            elif line.id in placed:
                self._refuse_second(voice, line, placed[line.id])
                continue
            else:
                line = self._shared(voice, line)
            lines[line.id] = line
            placed[line.id] = voice
        return tuple(lines.values()), placed

    def refuse_unowned(self, section: Mapping[str, Any], voices: tuple[Account, ...]) -> None:
        """What stands above the accounts, is inherited by none, and so would do nothing."""
        if any(voice.id == DEFAULT_ACCOUNT for voice in voices):
            return
        for key in sorted(VOICE.own & set(section)):
            self.problems.refuse(
                f"{VOICE_PATH}.{key}", "is inherited by none of the accounts: move it into one"
            )

    def _with_a_sender(self, voices: tuple[Account, ...]) -> tuple[Account, ...]:
        """Credentials in the environment alone make no line for texts beside one for calls."""
        numbered = any("fromNumber" in voice.values for voice in voices)
        if self.sms or not numbered:
            return self.accounts
        return tuple(one for one in self.accounts if SMS.senders & set(one.values))

    # -- which line -------------------------------------------------------------------------------

    def _line_of(self, voice: Account, lines: Mapping[str, Account]) -> Account | None:
        wanted = self.default_id if voice.id == DEFAULT_ACCOUNT else voice.id
        named = lines.get(wanted)
        if "fromNumber" not in voice.values:
            return named
        number = self._number(voice)
        same = (one for one in lines.values() if number and self._number(one) == number)
        found = next(same, None)
        if found is None and named is not None and not SMS.senders & set(named.values):
            return named
        return found

    def _number(self, account: Account) -> str:
        """Empty for one that cannot be read, which is told where the line is made."""
        written = account.values.get("fromNumber")
        region = account.values.get("defaultRegion", self.sms.get("defaultRegion"))
        try:
            return read_number(written, region).e164 if written is not None else ""
        except InvalidNumber:
            return ""

    def _refuse_second(self, voice: Account, line: Account, first: Account) -> None:
        self.problems.refuse(
            voice.path("fromNumber"),
            f"names line {line.id}, whose calls are in {first.home} already: give it a number of "
            "its own",
        )

    # -- a line with texts and calls ----------------------------------------------------------------

    def _shared(self, voice: Account, line: Account) -> Account:
        """The line, with what only the calls' section says of its provider account."""
        provider = provider_of(line)
        if "provider" in voice.values and voice.values["provider"] != provider:
            self.problems.add(
                voice.path("provider"),
                f'"{provider}", since {line.home} has the same number: a number is at one provider',
                voice.values["provider"],
            )
            return line
        if not voice.enabled:
            return line
        self._refuse_line_keys(voice, line)
        lent = _credentials(voice, provider)
        self._compare(lent, voice, line, provider)
        missing = {
            key: value
            for key, value in lent.items()
            if key not in line.values and _SEVERAL.get(key) not in line.values
        }
        if "fromNumber" in voice.values and not SMS.senders & set(line.values):
            missing["fromNumber"] = voice.values["fromNumber"]
        places = {key: _place(voice, provider, key) for key in missing}
        return replace(
            line,
            values=missing | dict(line.values),
            origins=places | dict(line.origins),
            bad=line.bad | (voice.bad & {"fromNumber"}),
        )

    def _refuse_line_keys(self, voice: Account, line: Account) -> None:
        for key in _LINE_KEYS:
            if key in voice.values and voice.path(key) == join_path(voice.home, key):
                self.problems.refuse(
                    voice.path(key),
                    f"is the line's, which has texts too: set {line.home}.{key}",
                )

    def _compare(
        self, lent: Mapping[str, Any], voice: Account, line: Account, provider: str
    ) -> None:
        """What both sections say must be one thing: a line has one provider account. The environment
        stands in for what is not written, here as elsewhere."""
        for key, value in lent.items():
            if not _place(voice, provider, key).startswith(VOICE_PATH):
                continue
            several = _SEVERAL.get(key, key)
            known = line.values.get(several, line.values.get(key))
            theirs = known if isinstance(known, list) else [known]
            if known is not None and not any(self._same(value, one) for one in theirs):
                self.problems.refuse(
                    _place(voice, provider, key),
                    f"is not what {line.path(key)} says: a line has one provider account",
                )

    def _same(self, one: Any, other: Any) -> bool:
        """Secrets by what they lead to; one that cannot be looked up here may be the same."""
        if not isinstance(one, SecretInput) or not isinstance(other, SecretInput):
            return bool(one == other)
        try:
            return self.resolver.resolve(one) == self.resolver.resolve(other)
        except SecretUnavailable:
            return True

    # -- a line for calls only ----------------------------------------------------------------------

    def _calls_only(self, voice: Account, lines: Mapping[str, Account]) -> Account:
        name = self._free_id(voice, lines)
        theirs = str(self.sms.get("provider", DEFAULT_PROVIDER))
        provider = str(voice.values.get("provider", theirs))
        inherited = [*_TAKEN_OVER, *(_CREDENTIALS[provider] if provider == theirs else ())]
        values = {key: self.sms[key] for key in inherited if key in self.sms}
        origins = {key: f"{SMS_PATH}.{key}" for key in values}
        lent = _credentials(voice, provider)
        for key in lent:
            values.pop(_SEVERAL.get(key, ""), None)
        own = {key: voice.values[key] for key in (*_LINE_KEYS, "fromNumber") if key in voice.values}
        if "agentId" in voice.values:
            own["agent"] = voice.values["agentId"]
        origins |= {key: _place(voice, provider, key) for key in lent}
        origins |= {key: voice.path("agentId" if key == "agent" else key) for key in own}
        fixed = {
            "provider": provider,
            "dmPolicy": "disabled",
            "webhookPath": f"/webhooks/sms/{name}",
        }
        return Account(
            name,
            values | lent | own | fixed,
            origins | {"provider": voice.path("provider")},
            voice.bad,
            voice.enabled,
            voice.home,
            takes_texts=False,
        )

    def _free_id(self, voice: Account, lines: Mapping[str, Account]) -> str:
        if voice.id not in lines:
            return voice.id
        if voice.id == DEFAULT_ACCOUNT and CALLS_ONLY_ID not in lines:
            return CALLS_ONLY_ID
        self.problems.refuse(
            voice.path("fromNumber"),
            f"is not the number of line {voice.id}: give these calls an account of another name",
        )
        return f"{voice.id}-{CALLS_ONLY_ID}"


def _credentials(voice: Account, provider: str) -> dict[str, Any]:
    group: Mapping[str, Any] = voice.values.get(provider, {})
    return {key: value for key, value in group.items() if key != _NOT_A_CREDENTIAL}


def _place(voice: Account, provider: str, key: str) -> str:
    return voice.path(key if key == "fromNumber" else f"{provider}.{key}")
