"""One gateway per SQLite file: a lock on a file beside the database. Commands do not take it; they
may work beside the gateway. Never removes the lock file: the lock, not the file, is the claim."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from ringfence.model.errors import StoreBusy


class InstanceClaim:
    """Held until `release` (or the end of the process, however it ends)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> InstanceClaim:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def claim_instance(path: Path) -> InstanceClaim:
    """Raises StoreBusy, naming the other process, when another gateway serves this database."""
    lock = path.with_name(path.name + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreBusy(
            f"Another gateway (process {holder}) serves {path}. Stop it first, or give this one "
            "its own store.url; several gateways together need PostgreSQL."
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return InstanceClaim(descriptor)
