"""Writes the configuration file: under a lock, checked before it takes effect, and whole or not at
all. A new text goes to a file beside the old one, is synced, and takes its name; the old text stays
as `.bak`. Never writes a text that would not load."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringfence.config.documents import difference
from ringfence.config.edit import edit
from ringfence.config.loading import build
from ringfence.config.source import Source, parse, read_text
from ringfence.model.errors import ConfigError, ConfigInvalid

EMPTY = "{\n}\n"


@dataclass(frozen=True, slots=True)
class Change:
    """What a patch does: `lines` is the difference, masked; `written` when the file has it now."""

    path: Path
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    written: bool


def change(
    source: Source, patch: Mapping[str, Any], environ: Mapping[str, str], *, dry_run: bool = False
) -> Change:
    """Apply a merge patch to the file, or with `dry_run` only say what it would do. Raises
    ConfigInvalid for a result that would not load, ConfigError when it cannot be written."""
    # The file itself, not a link to it, is what is replaced.
    source = Source(Path(os.path.realpath(source.path)), named=False)
    if dry_run:
        return _prepare(source, patch, environ)[1]
    try:
        source.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{source.path.parent} cannot be made ({error.strerror}).") from error
    with _locked(source.path):
        text, prepared = _prepare(source, patch, environ)
        if not prepared.lines:
            return prepared
        try:
            _keep_backup(source.path)
            replace_file(source.path, text)
        except OSError as error:
            raise ConfigError(f"{source.path} cannot be written ({error.strerror}).") from error
    return Change(prepared.path, prepared.lines, prepared.warnings, written=True)


def _prepare(
    source: Source, patch: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[str, Change]:
    """The new text, known to load, and what is different in it."""
    before = read_text(source)
    text = edit(before if before is not None else EMPTY, patch)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigInvalid(("(file): expected text, got half a character",)) from None
    document = parse(text, str(source.path))
    settings = build(document, source, environ, starting=False)
    old = parse(before, str(source.path)) if before is not None else {}
    lines = tuple(difference(old, document))
    return text, Change(source.path, lines, settings.warnings, written=False)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time; another one is told so rather than made to wait."""
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{lock} cannot be opened ({error.strerror}).") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError("Another ringfence is changing this file; try again.") from None
        yield
    finally:
        os.close(handle)


def _keep_backup(path: Path) -> None:
    if path.exists():
        replace_file(path.with_name(path.name + ".bak"), path.read_bytes(), like=path)


def replace_file(path: Path, content: str | bytes, *, like: Path | None = None) -> None:
    """Give `path` this content whole: after a crash at any point it holds the old or the new one.
    Mode and owner are those of `like` (itself when not given), 0600 for a new file."""
    raw = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            _take_after(file.fileno(), like or path)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _take_after(handle: int, model: Path) -> None:
    """Mode and owner of the file that is replaced, so that the service that reads it still can."""
    try:
        state = model.stat()
    except FileNotFoundError:
        return
    if (state.st_uid, state.st_gid) != (os.getuid(), os.getgid()):
        with contextlib.suppress(PermissionError):
            os.fchown(handle, state.st_uid, state.st_gid)
    os.fchmod(handle, stat.S_IMODE(state.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make the new name durable (fsync(2): the directory entry needs its own)."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
