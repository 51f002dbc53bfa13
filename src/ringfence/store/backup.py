"""Online backup, and the soundness check that doctor runs. Never touches the database it reads."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ringfence.model.errors import StoreError
from ringfence.store.migrations import refuse_newer, schema_version
from ringfence.store.opening import connect, locate, require_sound
from ringfence.store.sqlite import SqliteConnection
from ringfence.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Findings:
    """What `check` saw. `audit` is empty when the chain holds, else what is broken and where."""

    schema_version: int
    audit_entries: int
    audit: str


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


def check(url_or_path: str | Path, *, busy_timeout_s: float = 5.0) -> Findings:
    """Read-only: file soundness, schema version, the whole audit chain. Raises StoreCorrupt,
    SchemaTooNew, StoreError."""
    location = locate(url_or_path)
    if location.path is not None and not location.path.is_file():
        raise StoreError(f"{location.path} does not exist yet; the gateway makes it.")
    db = connect(location, read_only=True, busy_timeout_s=busy_timeout_s)
    try:
        if location.path is not None:
            require_sound(db, location.path)
        db.begin()
        version = schema_version(db, postgres=location.is_postgres)
        refuse_newer(version)
        entries, finding = Transaction(db).audit.verify() if version else (0, "")
        return Findings(version, entries, finding)
    finally:
        db.rollback()
        db.close()
