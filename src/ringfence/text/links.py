"""The links in a text: what a phone would show as one, and plain attempts at one.

Exact where a scheme, a path or a well-known domain says so; a word with a dot in it is not a link.
It must never look a host up, and never judge one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from ringfence.text import content_tables as tables
from ringfence.text.phrases import plain_words

_HOST_LENGTH_MAX: Final = 253  # RFC 1035, 2.3.4
_LABEL_LENGTH_MAX: Final = 63
_AUTHORITY_LENGTH_MAX: Final = 1_000  # with a user and a password before the host

_tokens: Final = re.compile(r"[^\s<>\"'“”‘’«»,;(){}|`*]+").findall
_disguised_dot: Final = re.compile(
    r"[ \t]?(?:\[(?:\.|dot)\]|\((?:\.|dot)\)|\{(?:\.|dot)\})[ \t]?"
    r"|[ \t]dot[ \t](?=(?:com|net|org|info|io|co|me|ly|app|xyz|top|ru|cn)\b)",
    re.IGNORECASE,
)
_scheme: Final = re.compile(
    r"(?:(?:hxxp|http|ftp)s?:[/\\]*|[a-z][a-z0-9+.-]{0,20}:[/\\]{2,})", re.I
)
_DOTS: Final = str.maketrans("\u3002\uff0e\uff61\u2024\ufe52\\", "...../")
_numbered: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}").fullmatch
_label: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?").fullmatch


def hosts(seen: str) -> Iterator[str]:
    """Yield the hosts of the links in `seen`, as a resolver would have them."""
    if not seen.isascii() or "\\" in seen:
        seen = seen.translate(_DOTS)
    if "dot" in seen or "[" in seen or "(.)" in seen or "DOT" in seen or "Dot" in seen:
        seen = _disguised_dot.sub(".", seen)
    for word in seen.split():
        if "." in word[:-1] or ":" in word[:-1]:
            for token in _tokens(word):
                yield from _hosts_of(token)


def _hosts_of(token: str) -> Iterator[str]:
    schemes = list(_scheme.finditer(token)) if ":" in token else []
    if not schemes:
        if host := _bare_host(token):
            yield host
        return
    for scheme in schemes:  # of "https://one.example://two.example" either may be meant
        if host := _host_of(token[scheme.end() : scheme.end() + _AUTHORITY_LENGTH_MAX]):
            yield host


def _host_of(rest: str) -> str:
    """Return the host of what follows "https://", of whatever domain."""
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return resolved(authority.partition(":")[0])


def _bare_host(token: str) -> str:
    """Return the host of a domain without a scheme, or an empty string for other words with dots."""
    if "." not in (stripped := token.strip(".!?:-~_[]")):
        return ""
    address, slash, _ = stripped.partition("/")
    address = address.partition("?")[0].partition("#")[0]
    name, _, port = address.partition(":")
    if "@" in name:
        if not slash:
            return ""  # an e-mail address
        name = name.rpartition("@")[2]
    if "." not in name or len(name) > _HOST_LENGTH_MAX:
        return ""
    if _numbered(name):
        return name if all(int(part) < 256 for part in name.split(".")) else ""
    labels = name.split(".")
    if not all(map(_label, labels)) or not _is_domain(labels, marked=bool(slash or port.isdigit())):
        return ""
    return resolved(name)


def _is_domain(labels: list[str], marked: bool) -> bool:
    """True for a name that a phone would link; `marked` ones have a path or a port as well."""
    last = labels[-1]
    known = last.lower() in tables.TOP_LEVEL or plain_words(last) in tables.TOP_LEVEL
    if labels[0].lower() == "www" and len(labels) > 2:
        return True
    if last.lower().startswith("xn--"):
        return True
    if not known:
        return marked and last.isalpha() and len(last) > 1 and last.lower() not in tables.FILE_KINDS
    if marked:
        return True
    if last.istitle() and last.lower() in tables.WORDS_TOO and len(labels) == 2:
        return False  # "there.Is": a space is missing
    return len(last) > 2 or not labels[-2].isdigit()  # "10.30.am"


def resolved(host: str) -> str:
    """Return `host` as a resolver has it, as far as that can be told without tables of IDNA."""
    name = unicodedata.normalize("NFKC", unquote(host)).translate(_DOTS).strip(". ").lower()
    if name.isascii():
        return name
    return ".".join(map(_ascii_label, name.split(".")))


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    return "xn--" + label[:_LABEL_LENGTH_MAX].encode("punycode", "replace").decode("ascii")


def is_shortener(host: str) -> bool:
    """True also for a host that only looks like one."""
    return any(name.removeprefix("www.") in tables.SHORTENERS for name in (host, _looks_like(host)))


def _looks_like(host: str) -> str:
    if "xn--" not in host:
        return host
    return ".".join(map(_latin_label, host.split(".")))


def _latin_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return plain_words(label[4:].encode().decode("punycode"))
    except (UnicodeError, ValueError):
        return label
