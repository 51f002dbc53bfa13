"""One account's credentials, by its provider: which keys it needs, and in which words a missing one is
told. A secret that cannot be had blocks the line only; keys of other providers are left alone, so that
a line changes its provider by one word."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringfence.config.accounts import Account
from ringfence.config.environment import DEFAULT_PROVIDER
from ringfence.config.problems import Problems
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.model.errors import SecretUnavailable
from ringfence.model.line import Credentials, Secret
from ringfence.providers.telnyx_signature import public_key

API_BASE_URLS = {
    "twilio": "https://api.twilio.com",
    "telnyx": "https://api.telnyx.com",
    "plivo": "https://api.plivo.com",
}
# The key under which a line may name a pool of senders instead of a number.
SENDER_POOLS = {
    "twilio": "messagingServiceSid",
    "telnyx": "messagingProfileId",
    "plivo": "powerpackUuid",
}


def provider_of(account: Account) -> str:
    return str(account.values.get("provider", DEFAULT_PROVIDER))


@dataclass(frozen=True, slots=True)
class CredentialMaker:
    """What is needed from outside; `warn` takes the account, a key, and what is odd about it."""

    resolver: SecretResolver
    problems: Problems
    warn: Callable[[Account, str, str], None]

    def make(self, account: Account, blocked: list[str]) -> Credentials:
        """Why the line cannot be used yet goes to `blocked`."""
        if provider_of(account) == "telnyx":
            return self._telnyx(account, blocked)
        if provider_of(account) == "plivo":
            return self._plivo(account, blocked)
        return self._twilio(account, blocked)

    def _twilio(self, account: Account, blocked: list[str]) -> Credentials:
        values = account.values
        self._one_of(account, "authToken", "authTokens")
        if ("apiKeySid" in values) != ("apiKeySecret" in values):
            self.problems.add(
                account.path("apiKeySid"), "apiKeySid and apiKeySecret together", got="one of them"
            )
        if "accountSid" not in values:
            blocked.append(f"no account: set {_written(account, 'accountSid')}")
        elif account.enabled and _looks_mistyped(account):
            self.warn(account, "accountSid", "does not look like AC and 32 hexadecimal digits")
        if not _given(account, "authToken", "authTokens")[1]:
            blocked.append(f"no token: set {_written(account, 'authToken')}")
        key_secret = values.get("apiKeySecret")
        return Credentials(
            account_id=values.get("accountSid", ""),
            auth_tokens=tuple(self._secrets(account, "authToken", "authTokens", blocked)),
            api_key_id=values.get("apiKeySid"),
            api_key_secret=self._secret(account, "apiKeySecret", key_secret, blocked)
            if key_secret is not None
            else None,
        )

    def _telnyx(self, account: Account, blocked: list[str]) -> Credentials:
        values = account.values
        self._one_of(account, "publicKey", "publicKeys")
        if "apiKey" not in values:
            blocked.append(f"no API key: set {_written(account, 'apiKey')}")
        key, given = _given(account, "publicKey", "publicKeys")
        if not given and not values.get("dangerouslyDisableSignatureValidation", False):
            place = _written(account, "publicKey")
            blocked.append(f"no public key: set {place}, which webhooks are checked with")
        found = [one.reveal() for one in self._secrets(account, "publicKey", "publicKeys", blocked)]
        if any(public_key(text) is None for text in found):
            what = "is no public key as Telnyx's portal shows it (base64 of 32 bytes)"
            blocked.append(f"{account.path(key)}: {what}")
        return Credentials(
            account_id=values.get("messagingProfileId", ""),
            auth_tokens=tuple(self._secrets(account, "apiKey", "", blocked)),
            public_keys=tuple(found),
        )

    def _plivo(self, account: Account, blocked: list[str]) -> Credentials:
        self._one_of(account, "authToken", "authTokens")
        if "authId" not in account.values:
            blocked.append(f"no account: set {_written(account, 'authId')}")
        if not _given(account, "authToken", "authTokens")[1]:
            blocked.append(f"no token: set {_written(account, 'authToken')}")
        return Credentials(
            account_id=account.values.get("authId", ""),
            auth_tokens=tuple(self._secrets(account, "authToken", "authTokens", blocked)),
        )

    def _one_of(self, account: Account, one: str, several: str) -> None:
        if one in account.values and several in account.values:
            self.problems.add(account.path(several), f"{one} or {several}, not both", got="both")

    def _secrets(
        self, account: Account, one: str, several: str, blocked: list[str]
    ) -> list[Secret]:
        key, given = _given(account, one, several)
        found = [self._secret(account, key, wanted, blocked) for wanted in given]
        return [secret for secret in found if secret is not None]

    def _secret(
        self, account: Account, key: str, wanted: SecretInput, blocked: list[str]
    ) -> Secret | None:
        """A switched-off account's secrets are not looked up: it cannot use them."""
        if not account.enabled:
            return None
        try:
            return self.resolver.resolve(wanted)
        except SecretUnavailable as error:
            blocked.append(f"{account.path(key)}: {error.detail}")
            return None


def _written(account: Account, key: str) -> str:
    """The key as it is written where the account stands."""
    return key if account.takes_texts else f"{provider_of(account)}.{key}"


def _given(account: Account, one: str, several: str) -> tuple[str, list[Any]]:
    """The key that is written, and what it holds; the list wins where both are."""
    values = account.values
    key = several if several in values else one
    wanted = values[several] if several in values else [values.get(one)]
    return key, [item for item in wanted if item is not None]


def _looks_mistyped(account: Account) -> bool:
    """Twilio's own SIDs have one form; stand-ins make up theirs."""
    own = "apiBaseUrl" not in account.values
    return own and re.fullmatch(r"AC[0-9a-fA-F]{32}", account.values["accountSid"]) is None
