"""The values of a template's fields: each is taken for its kind and refused by the field's name.

What comes back is one line of plain characters that no reader and no phone takes for anything else:
no line break, no mark that hides or turns text, no address to tap on unless the kind is one.
It must never mend a value: what does not fit is refused, so that nobody is told half of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Final, assert_never
from urllib.parse import urlsplit

from ringfence.model.errors import InvalidField, InvalidNumber
from ringfence.model.phone import strict
from ringfence.model.template import Field, FieldKind
from ringfence.text.keywords import KeywordKind, classify

# Signs of markup in HTML, Markdown and our own placeholders.
_MARKUP: Final = frozenset("<>{}[]\\`|*_~^")
# Cf hides or turns text (TR9, TR36), Cc breaks lines and drives terminals; the rest has no reader.
_FORBIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
# Letters and marks that show nothing (Default_Ignorable_Code_Point) or look like a space.
_BLANKS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0e\uffa0"
    "\U000e0000-\U000e0fff]"
)
_JOINERS: Final = frozenset("\u200c\u200d")
_PILED_MARKS: Final = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4}")

# Whatever a phone may make tappable: schemes, names with dots, addresses of hosts, numbers.
_is_link: Final = re.compile(
    r"://|\b(?:https?|ftp|mailto|tel|sms|smsto|geo|data|javascript|intent):\S|\bwww\."
    r"|[^\W_][.\u3002][a-z]{2}|[^\W_]\.[^\W\d_]{2}|\b\d{1,3}(?:\.\d{1,3}){3}\b|\w@\w",
    re.IGNORECASE,
).search
_number: Final = re.compile(r"\+?\d(?:[\s().\-/]{0,2}\d){6,}")
_hidden: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_stops: Final = str.maketrans({"\u2024": ".", "\uff0e": ".", "\uff61": "\u3002"})

_code: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?", re.ASCII)
_whole: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})", re.ASCII)
_amount: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?", re.ASCII)
_day: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_clock: Final = re.compile(r"[0-9]{2}:[0-9]{2}", re.ASCII)
_url: Final = re.compile(
    r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::[0-9]{1,5})?"
    r"(?:[/?#][A-Za-z0-9._~/?#&=%+:@!$,;-]*)?",
    re.ASCII,
)

# How a language writes a decimal and a day; others get the point and ISO 8601, which no reader takes
# for another day. Regions that differ from their language stand for themselves.
_DECIMAL_COMMA: Final = frozenset({"de", "fr", "es", "it", "pt"})
_DECIMAL_POINT: Final = frozenset({"de-CH", "es-MX", "es-US", "es-PR", "it-CH"})
_DAYS: Final = {
    "de": "{0.day:02}.{0.month:02}.{0.year}",
    **dict.fromkeys(("fr", "es", "it", "pt"), "{0.day:02}/{0.month:02}/{0.year}"),
}
_ISO_DAYS: Final = frozenset({"fr-CA", "es-US", "es-PR"})


def value_text(
    name: str, field: Field, value: object, language: str, hosts: Sequence[str] = ()
) -> str:
    """What stands in the text for `value`. Raises InvalidField, naming the field."""
    match field.kind:
        case FieldKind.TEXT:
            return _text(name, field, value)
        case FieldKind.INTEGER:
            return _integer(name, field, value)
        case FieldKind.AMOUNT:
            return _money(name, field, value, language)
        case FieldKind.DATE:
            return _date(name, value, language)
        case FieldKind.TIME:
            return _time(name, value)
        case FieldKind.CODE:
            return _reference(name, field, value)
        case FieldKind.CHOICE:
            return _choice(name, field, value, language)
        case FieldKind.PHONE:
            return _phone(name, value)
        case FieldKind.URL:
            return _address(name, field, value, hosts)
        case _:
            assert_never(field.kind)


def links(text: str) -> list[str]:
    """The words of `text` a phone may make a link of, invisible marks and wide letters undone."""
    seen = _hidden.sub("", unicodedata.normalize("NFKC", text.translate(_stops)))
    return [word for word in seen.split() if _is_link(word)]


def line_fault(text: str) -> str:
    """Why `text` cannot stand in a line of somebody else's; empty when it can."""
    if fault := next((f for at, c in enumerate(text) if (f := _sign_fault(text, at, c))), ""):
        return fault
    if _BLANKS.search(text):
        return "an invisible character"
    if _PILED_MARKS.search(unicodedata.normalize("NFD", text)):
        return "accents piled on one letter"
    if text != text.strip() or "  " in text:
        return "spaces at an end or in a row"
    seen = unicodedata.normalize("NFKC", text)
    if not _MARKUP.isdisjoint(seen):
        return f"a sign of markup ({next(sign for sign in seen if sign in _MARKUP)})"
    if links(text):
        return "what a phone takes for a link (write a space after a full stop)"
    return "what a phone takes for a number to call" if _number.search(seen) else ""


def _sign_fault(text: str, at: int, sign: str) -> str:
    if sign in "\n\r\x0b\x0c\x85\u2028\u2029":
        return "a line break"
    category = unicodedata.category(sign)
    if sign in _JOINERS and _joins_letters(text, at):
        return ""
    if category in _FORBIDDEN:
        return f"an invisible or control character (U+{ord(sign):04X})"
    return "a space of an unusual kind" if category == "Zs" and sign != " " else ""


def _joins_letters(text: str, at: int) -> bool:
    """Persian and Indic words need joiners inside; nothing else does."""
    around = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
    return len(around) == 2 and all(
        not sign.isascii() and unicodedata.category(sign) in ("Lo", "Mn", "Mc") for sign in around
    )


def _text(name: str, field: Field, value: object) -> str:
    text = _string(name, value, field.max_length)
    if not text.strip():
        raise InvalidField(f"`{name}` is empty.")
    if fault := line_fault(text):
        raise InvalidField(f"`{name}` takes one line of plain text; this has {fault}.")
    _match_pattern(name, field, text)
    return text


def _reference(name: str, field: Field, value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    text = _string(name, text, field.max_length)
    if not _code.fullmatch(text):
        raise InvalidField(f"`{name}` takes letters, digits and hyphens (a code such as K7-204).")
    if classify(text, yes_is_opt_in=True).kind is not KeywordKind.NONE:
        raise InvalidField(f"`{name}` is a word that means something else as an answer.")
    _match_pattern(name, field, text)
    return text


def _string(name: str, value: object, length_max: int) -> str:
    if not isinstance(value, str):
        raise InvalidField(f"`{name}` takes text.")
    if len(value) > length_max:
        raise InvalidField(f"`{name}` has {len(value)} characters; at most {length_max}.")
    return value


def _match_pattern(name: str, field: Field, text: str) -> None:
    if field.pattern and not re.fullmatch(field.pattern, text):
        raise InvalidField(f"`{name}` does not look like {field.pattern}.")


def _integer(name: str, field: Field, value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, bool | float) or not _whole.fullmatch(text):
        raise InvalidField(f"`{name}` takes a whole number such as 12.")
    return str(int(_in_range(name, field, Decimal(text))))


def _money(name: str, field: Field, value: object, language: str) -> str:
    """JSON's decimals arrive as floats; their shortest spelling is what was written."""
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, bool) or not _amount.fullmatch(text):
        raise InvalidField(f"`{name}` takes an amount such as 12.50, with a point.")
    number = _in_range(name, field, _decimal(text))
    if -int(str(number.as_tuple().exponent)) > field.decimals:
        raise InvalidField(f"`{name}` has more than {field.decimals} places after the point.")
    written = f"{number + 0:.{field.decimals}f}"  # never "-0.00"
    return written.replace(".", ",") if _writes_comma(language) else written


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern lets nothing else through
        raise InvalidField("An amount that is no number.") from None


def _in_range(name: str, field: Field, number: Decimal) -> Decimal:
    if not field.minimum <= number <= field.maximum:
        raise InvalidField(f"`{name}` takes {field.minimum:f} to {field.maximum:f}.")
    return number


def _writes_comma(language: str) -> bool:
    return language not in _DECIMAL_POINT and language.partition("-")[0] in _DECIMAL_COMMA


def _date(name: str, value: object, language: str) -> str:
    try:
        if not isinstance(value, str) or not _day.fullmatch(value):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise InvalidField(f"`{name}` takes a day such as 2026-12-24.") from None
    form = _DAYS.get(language.partition("-")[0])
    return form.format(day) if form and language not in _ISO_DAYS else value


def _time(name: str, value: object) -> str:
    try:
        if not isinstance(value, str) or not _clock.fullmatch(value):
            raise ValueError
        time.fromisoformat(value)
    except ValueError:
        raise InvalidField(f"`{name}` takes a time of day from 00:00 to 23:59.") from None
    return value


def _choice(name: str, field: Field, value: object, language: str) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise InvalidField(f"`{name}` takes one of {', '.join(field.choices)}.")
    for tag in (language, language.partition("-")[0]):
        if value in field.labels.get(tag, {}):
            return field.labels[tag][value]
    return value


def _phone(name: str, value: object) -> str:
    try:
        return strict(_string(name, value, 16)).e164
    except InvalidNumber as error:
        raise InvalidField(f"`{name}` takes a phone number. {error.detail}") from None


def _address(name: str, field: Field, value: object, hosts: Sequence[str]) -> str:
    text = _string(name, value, field.max_length)
    found = _url.fullmatch(text)
    if found is None:
        raise InvalidField(f"`{name}` takes an https address of plain characters.")
    host = urlsplit(text).hostname or ""
    if host != found[1] or not on_host(host, hosts):
        raise InvalidField(f"`{name}` may lead only to {', '.join(hosts) or 'no host at all'}.")
    return text


def on_host(host: str, hosts: Sequence[str]) -> bool:
    """The host is one of them, or lies under one."""
    return any(host == one or host.endswith("." + one) for one in hosts)
