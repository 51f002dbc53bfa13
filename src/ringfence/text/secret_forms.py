"""Secrets by their form: keys of common services, private keys, passwords, card numbers.

Tells kinds only. Forms are the makers' own, with enough of them that ordinary text has none.
It must never return, log or keep what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

CARD: Final = "card_number"
_TOKEN_LENGTH_MIN: Final = 16  # what has a known form is one long word

_FORMS: Final = {
    "aws_key": r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])",
    "twilio_key": r"(?<![A-Za-z0-9])(?:SK|AC)[0-9a-fA-F]{32}(?![0-9A-Za-z])",
    "github_token": r"gh[pousr]_[A-Za-z0-9]{30}|github_pat_\w{22}",
    "gitlab_token": r"glpat-[\w-]{20}",
    "model_api_key": r"(?<![A-Za-z0-9])sk-(?:[a-z]{2,10}-|api\d\d-)?[\w-]{20}",
    "stripe_key": r"(?<![A-Za-z0-9])[sr]k_(?:live|test)_[0-9A-Za-z]{16}|whsec_[\w+/]{16}",
    "google_api_key": r"AIza[\w-]{35}|ya29\.[\w-]{20}",
    "slack_token": r"xox[abeoprs]-[\w-]{10}|hooks\.slack\.com/services/\w",
    "sendgrid_key": r"(?<![A-Za-z0-9])SG\.[\w-]{16,40}\.[\w-]{16}",
    "telegram_token": r"(?<!\d)\d{8,10}:AA[\w-]{32}",
    "registry_token": r"npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{20}|hf_[A-Za-z0-9]{30}|dop_v1_[0-9a-f]{40}",
    "jwt": r"(?<![A-Za-z0-9])eyJ[\w-]{10,2000}\.[\w-]{10}",
    "url_with_password": r"://[^/@:\s]{1,100}:[^/@\s]{1,100}@",
}
_forms: Final = {kind: re.compile(form).search for kind, form in _FORMS.items()}

_private_key: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File|OPENSSH PRIVATE KEY"
).search
_NAMES: Final = (
    *("passw", "pass w", "passcode", "pass code", "passphrase", "pass phrase", "kennwort", "pwd"),
    *("contrase", "clave", "senha", "palavra-passe", "mot de passe", "parola d", "secret", "token"),
    *("api key", "api_key", "api-key", "apikey", "pin", "cvv", "cvc"),
)
_is: Final = r"(?:is|are|es|ist|lautet|est|\u00e9|\u00e8|e)"
_named: Final = re.compile(
    r"\b(?P<name>pass ?(?:word|wd|code|phrase)|passwort|kennwort|pwd|contrase(?:\u00f1|n)a|clave|senha"
    r"|palavra-passe|mot de passe|parola d.ordine|secret key|client secret|api[ _-]?key|access token"
    r"|auth token|pin(?: code)?|cvv|cvc)"
    rf"\s{{0,3}}(?:(?P<sign>[:=])|\b{_is}\b\s?:?)\s{{0,3}}[\"'\u201c\u2018]?(?P<value>[^\s\"'\u201d\u2019,;]{{3,80}})",
    re.IGNORECASE,
).finditer
_bearer: Final = re.compile(r"\bbearer\s{1,3}[\w.~+/=-]{20}", re.IGNORECASE).search
_NUMBERS_ONLY: Final = ("pin", "cvv", "cvc")

_CARD_DIGITS_MIN: Final = 13
_CARD_DIGITS_MAX: Final = 19
_thirteen_digits: Final = re.compile(r"(?:\d[ .\-\u2010-\u2015]?){13}").search
_digit_runs: Final = re.compile(r"(?<![\w+])\d+(?:[ .\-\u2010-\u2015]\d+)*(?![^\W_])").finditer
# Numbers by which card schemes begin, with the lengths they issue (ISO/IEC 7812).
_ISSUERS: Final = (
    (re.compile(r"4").match, (13, 16, 19)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720").match, (16,)),  # Mastercard
    (re.compile(r"3[47]").match, (15,)),  # American Express
    (re.compile(r"6011|64[4-9]|65").match, (16, 17, 18, 19)),  # Discover
    (re.compile(r"30[0-5]|3095|36|3[89]").match, (14, 16, 17, 18, 19)),  # Diners
    (re.compile(r"35(?:2[89]|[3-8])").match, (16, 17, 18, 19)),  # JCB
    (re.compile(r"62|81").match, (16, 17, 18, 19)),  # UnionPay
    (re.compile(r"50|5[6-9]|6[37]").match, (13, 14, 15, 16, 17, 18, 19)),  # Maestro
)
_FIRST_DIGITS: Final = "234568"
_not_digits: Final = re.compile(r"\D+")
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def secrets(text: str) -> Iterator[str]:
    """Yield the kind of each secret in `text`, possibly more than once."""
    for word in [one for one in text.split() if len(one) >= _TOKEN_LENGTH_MIN]:
        yield from (kind for kind, found in _forms.items() if found(word))
    if "-" in text and _private_key(text):
        yield "private_key"
    lower = text.lower()
    if any(name in lower for name in _NAMES):
        yield from _passwords(text)
    if "bearer" in lower and _bearer(text):
        yield "bearer_token"
    if _thirteen_digits(text) and any(map(_has_card, (run[0] for run in _digit_runs(text)))):
        yield CARD


def _passwords(text: str) -> Iterator[str]:
    """Yield "password" for what is given as one: after a colon, or with signs that words lack."""
    for found in _named(text):
        name, value = found["name"].lower(), found["value"].rstrip(".!?)")
        if name.startswith(_NUMBERS_ONLY):
            if value.isdigit() and 3 <= len(value) <= 8:
                yield "password"
        elif len(value) >= 4 and (found["sign"] or not value.isalpha()):
            yield "password"


def _has_card(run: str) -> bool:
    """True where digits of `run`, from one of its separators to another, are a card's."""
    groups = [group for group in _not_digits.split(run) if group]
    for start, group in enumerate(groups):
        if group[0] not in _FIRST_DIGITS:
            continue
        digits = ""
        for part in groups[start : start + _CARD_DIGITS_MAX]:
            digits += part
            if len(digits) >= _CARD_DIGITS_MIN and _is_card(digits):
                return True
    return False


def _is_card(digits: str) -> bool:
    if len(digits) > _CARD_DIGITS_MAX or not _luhn(digits) or len(set(digits)) == 1:
        return False
    return any(len(digits) in lengths and issuer(digits) for issuer, lengths in _ISSUERS)


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    backwards = [int(digit) for digit in reversed(digits)]
    return (sum(backwards[::2]) + sum(_DOUBLED[one] for one in backwards[1::2])) % 10 == 0
