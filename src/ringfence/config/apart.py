"""What staging must not share with production: credentials, numbers, the store. Compares secret
values in memory only; a problem names where a value stands, never the value (P9)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from ringfence.config.accounts import SMS, SMS_PATH, VOICE_PATH, Account
from ringfence.config.numbers import read_number
from ringfence.config.problems import Problems
from ringfence.config.secrets import SecretInput, SecretResolver
from ringfence.model.errors import InvalidNumber, SecretUnavailable

POSTGRES_PORT = 5432
_DIGESTED = b"ringfence production token:"
_OWN = "a staging profile needs its own; set"


@dataclass(frozen=True, slots=True)
class Side:
    """One profile's lines and store: `store_url` is empty when it cannot be told here."""

    accounts: tuple[Account, ...]
    resolver: SecretResolver
    store_url: str


def token_digest(token: str) -> str:
    """What may be written down of a token to recognise it: SHA-256 over it and a name of ours, 64
    hexadecimal digits. Tokens of providers are long and random; a guessable one is not hidden."""
    return hashlib.sha256(_DIGESTED + token.encode()).hexdigest()


def keep_apart(staging: Side, production: Side, problems: Problems, warnings: list[str]) -> None:
    """Whatever the staging side has of production's is a problem; the same provider account with
    credentials of its own is told. Lines that are switched off have nothing."""
    theirs = dict(_secrets(production, enabled_only=False))
    numbers = {number for account in production.accounts for number in _number(account)}
    pools = ("messagingServiceSid", "messagingProfileId", "powerpackUuid")
    services = {account.values.get(key) for account in production.accounts for key in pools}
    owned = {
        key: {account.values.get(key) for account in production.accounts} - {None}
        for key in ("accountSid", "authId")
    }
    for token, (account, key) in _secrets(staging, enabled_only=True):
        if token in theirs:
            problems.refuse(
                account.path(key), f"is a credential of production: {_own(account, key)}"
            )
    for account in staging.accounts:
        if not account.enabled:
            continue
        if set(_number(account)) & numbers:
            problems.refuse(
                account.path("fromNumber"), f"is production's number: {_own(account, 'fromNumber')}"
            )
        for key in pools:
            service = account.values.get(key)
            if service is not None and service in services:
                problems.refuse(account.path(key), f"is production's service: {_own(account, key)}")
        warnings += [
            f"{account.path(key)} is production's provider account: staging spends its money and its "
            "reputation; use a subaccount"
            for key, theirs_too in owned.items()
            if account.values.get(key) in theirs_too
        ]
    if staging.store_url and _place(staging.store_url) == _place(production.store_url):
        problems.refuse("store.url", f"is production's store: {_OWN} profiles.staging.store.url")


def refuse_noted(staging: Side, digests: Iterable[str], problems: Problems) -> None:
    """A token whose digest production's operator noted is a problem wherever it stands."""
    noted = set(digests)
    for token, (account, key) in _secrets(staging, enabled_only=True) if noted else ():
        if token_digest(token) in noted:
            problems.refuse(
                account.path(key),
                "is a token of production (productionTokens names its digest): a staging profile "
                "needs its own",
            )


def _own(account: Account, key: str) -> str:
    """What to set, as a path of the overlay; what a variable of the default line brings is set
    there too."""
    place = account.path(key)
    if not place.startswith(VOICE_PATH):
        place = f"{SMS.home(account.id) if account.takes_texts else SMS_PATH}.{key}"
    return f"{_OWN} profiles.staging.{place}"


def _secrets(side: Side, *, enabled_only: bool) -> Iterator[tuple[str, tuple[Account, str]]]:
    """Every secret of every line that can be looked up here, and where it stands. One that cannot
    is in nobody's hands here: a line that needs it is blocked anyway."""
    for account in side.accounts:
        if enabled_only and not account.enabled:
            continue
        for key in ("authToken", "authTokens", "apiKeySecret", "apiKey"):
            given = account.values.get(key)
            for wanted in given if isinstance(given, list) else [given]:
                found = _looked_up(side.resolver.resolve, wanted)
                if found:
                    yield found, (account, key)


def _looked_up(resolve: Callable[[SecretInput], object], wanted: object) -> str:
    if not isinstance(wanted, SecretInput):
        return ""
    try:
        found = resolve(wanted)
    except SecretUnavailable:
        return ""
    return found.reveal() if hasattr(found, "reveal") else ""


def _number(account: Account) -> Iterator[str]:
    value = account.values.get("fromNumber")
    if value is None:
        return
    try:
        yield read_number(value, account.values.get("defaultRegion")).e164
    except InvalidNumber:
        return


def _place(url: str) -> tuple[object, ...]:
    """Where a store is, whoever logs in: the file itself, or a server's database and what its
    address says of it."""
    if url.startswith("sqlite:///"):
        return ("sqlite", os.path.realpath(url.removeprefix("sqlite:///")))
    parts = urlsplit(url)
    asked = tuple(sorted(parse_qsl(parts.query)))
    host = (parts.hostname or "").lower()
    return ("postgresql", host, parts.port or POSTGRES_PORT, parts.path.strip("/"), asked)
