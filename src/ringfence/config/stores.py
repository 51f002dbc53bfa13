"""The database's address. Judges and completes the text; opens nothing."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit


def store_url(text: str, base: Path) -> str | None:
    """`sqlite:///path` with an absolute path (a relative one starts at `base`), or
    `postgresql://…` as given; None for anything else."""
    text = text.strip()
    if text.startswith("sqlite:///"):
        name = text.removeprefix("sqlite:///")
        if not name or "\0" in name or name.startswith("file:") or ":memory:" in name:
            return None
        return f"sqlite:///{(base / Path(name).expanduser()).absolute()}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme in ("postgresql", "postgres") and parts.path.strip("/"):
        return "postgresql" + text[len(parts.scheme) :]
    return None
