"""Names put together from several: of an event, of what it is about. The same parts give the same
name and different parts different ones, whatever stands in them; a name never outgrows a column."""

from __future__ import annotations

from ringfence.model.audit import digest

NAME_CHARS_MAX = 512


def joined(*parts: str) -> str:
    """The parts with `|` between them. A bar inside a part is escaped, so that no two lists of
    parts read the same; past NAME_CHARS_MAX it is a digest."""
    name = "|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts)
    return name if len(name) <= NAME_CHARS_MAX else f"sha256:{digest(name)}"
