"""Forms as the wire has them (WHATWG URL, application/x-www-form-urlencoded), both ways. Decoding
is strict: a broken escape or text that is not UTF-8 is refused, never repaired, since a repaired
value is not the value that was signed."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote_plus

FIELDS_MAX = 300
FORM = "application/x-www-form-urlencoded"

_HEX = "0123456789abcdefABCDEF"
_BYTE = {high + low: bytes.fromhex(high + low) for high in _HEX for low in _HEX}


def decode(raw: bytes | str) -> tuple[tuple[str, str], ...]:
    """The fields in order, repeats and blanks kept. Raises ValueError (UnicodeDecodeError is one)
    for a broken escape, bytes that are not UTF-8, or more than FIELDS_MAX fields."""
    text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    pairs = text.replace("+", " ").split("&")
    if len(pairs) > FIELDS_MAX:
        raise ValueError(f"more than {FIELDS_MAX} fields")
    fields = []
    for pair in pairs:
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in name:
            name = unescape(name)
        if "%" in value:
            value = unescape(value)
        fields.append((name, value))
    return tuple(fields)


def unescape(text: str) -> str:
    """Resolve percent escapes (RFC 3986 section 2.1). Raises ValueError for a broken one."""
    first, *rest = text.split("%")
    parts = [first.encode()]
    for piece in rest:
        byte = _BYTE.get(piece[:2])
        if byte is None:
            raise ValueError("broken percent escape")
        parts.append(byte)
        if len(piece) > 2:
            parts.append(piece[2:].encode())
    return b"".join(parts).decode()


def encode(fields: Iterable[tuple[str, str]]) -> str:
    """The fields as a form or query string, in their order. Half a surrogate pair has no UTF-8
    form and becomes `?`: a model's odd output must not stop the line."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in fields)


def _quoted(text: str) -> str:
    return quote_plus(text, errors="replace")
