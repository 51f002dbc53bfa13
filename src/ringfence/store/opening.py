"""From a URL to a running store: integrity, schema version, migrations, then the threads. Opens
nothing it would not also be able to explain."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.model.errors import ConfigInvalid
from ringfence.ports import Clock
from ringfence.store.connection import Connection
from ringfence.store.database import Database
from ringfence.store.migrations import migrate
from ringfence.store.postgres import PostgresConnection
from ringfence.store.profiles import claim_profile
from ringfence.store.sqlite import SqliteConnection, corrupt

POSTGRES_SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store is: a file, or a PostgreSQL URL (which may hold a password: never print it)."""

    path: Path | None
    url: str = field(default="", repr=False)

    @property
    def is_postgres(self) -> bool:
        return self.path is None


def locate(url_or_path: str | Path) -> Location:
    """`sqlite:///file` (three slashes and a relative or absolute path), a plain path, or
    `postgresql://…`. Raises ConfigInvalid."""
    text = str(url_or_path)
    if text.startswith(POSTGRES_SCHEMES):
        return Location(None, text)
    if text.startswith("sqlite:///"):
        text = text.removeprefix("sqlite:///")
    elif "://" in text:
        scheme = text.split("://", 1)[0]
        raise ConfigInvalid(
            (f"store.url: expected sqlite:///PATH, a path or postgresql://…, not {scheme}://…",)
        )
    if not text:
        raise ConfigInvalid(("store.url: names no file",))
    return Location(Path(text).expanduser())


def connect(location: Location, *, read_only: bool, busy_timeout_s: float) -> Connection:
    if location.path is None:
        return PostgresConnection(location.url, read_only=read_only, busy_timeout_s=busy_timeout_s)
    return SqliteConnection(location.path, read_only=read_only, busy_timeout_s=busy_timeout_s)


async def open_store(
    url_or_path: str | Path,
    *,
    clock: Clock,
    busy_timeout_s: float = 5.0,
    readers: int = 2,
    profile: str = "",
) -> Database:
    """Check, migrate and start. Raises StoreCorrupt, SchemaTooNew, StoreBusy, StoreUnreachable,
    StoreError and ConfigInvalid. `clock` is only there so that no one gives the store a time of its
    own. A store belongs to the `profile` that opens it first; empty asks for none."""
    location = locate(url_or_path)
    await asyncio.get_running_loop().run_in_executor(
        None, _prepare, location, busy_timeout_s, profile
    )

    def opened(read_only: bool) -> Connection:
        return connect(location, read_only=read_only, busy_timeout_s=busy_timeout_s)

    return Database(opened, readers)


def _prepare(location: Location, busy_timeout_s: float, profile: str) -> None:
    db = connect(location, read_only=False, busy_timeout_s=busy_timeout_s)
    try:
        if location.path is not None:
            require_sound(db, location.path)
        migrate(db, postgres=location.is_postgres)
        if profile:
            claim_profile(db, profile)
    finally:
        db.close()


def require_sound(db: Connection, path: Path) -> None:
    """Raises StoreCorrupt with SQLite's first finding."""
    finding = db.value("PRAGMA quick_check(1)")
    if finding != "ok":
        raise corrupt(path, str(finding))
