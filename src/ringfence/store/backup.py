"""Online backup: a whole, private copy of a store in use. Never touches the database it reads, and
never overwrites anything."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ringfence.model.errors import StoreError
from ringfence.store.opening import locate
from ringfence.store.sqlite import SqliteConnection


def backup(url_or_path: str | Path, target: Path) -> None:
    """Copy a SQLite store while it is in use; the copy is whole and private (0600). Raises
    StoreError when the target exists, and for PostgreSQL (use pg_dump)."""
    location = locate(url_or_path)
    if location.path is None:
        raise StoreError(
            "PostgreSQL has its own backup: run pg_dump --format=custom on this database."
        )
    if not location.path.is_file():
        raise StoreError(f"{location.path} does not exist; there is nothing to back up.")
    source = SqliteConnection(location.path, read_only=True, busy_timeout_s=30.0)
    try:
        _copy(source, target)
    finally:
        source.close()


def _copy(source: SqliteConnection, target: Path) -> None:
    partial = target.with_name(target.name + ".partial")
    try:
        # Exclusive creation: a backup never overwrites another.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.close(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(f"The backup {target} cannot be made: {error.strerror}.") from error
    try:
        copy = sqlite3.connect(partial)
        try:
            source.backup_to(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        raise
