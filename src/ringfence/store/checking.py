"""The soundness check behind `audit verify`, `doctor` and `backup`: the file, the schema version, the
whole audit log. Reads only, beside a running gateway or without one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence.model.audit import Checkpoint
from ringfence.model.errors import StoreError
from ringfence.store.migrations import refuse_newer, schema_version
from ringfence.store.opening import connect, locate, require_sound
from ringfence.store.verifying import Verified, verify


@dataclass(frozen=True, slots=True)
class Findings:
    """What `check` saw. `problems` are those of the audit log, the broken chain first; `audit` is
    the first of them, empty when all is well. `checkpoints` counts the stored ones that hold."""

    schema_version: int
    audit_entries: int
    problems: tuple[str, ...] = ()
    checkpoints: int = 0
    newest: Checkpoint | None = None

    @property
    def audit(self) -> str:
        return self.problems[0] if self.problems else ""


def check(
    url_or_path: str | Path,
    *,
    busy_timeout_s: float = 5.0,
    trusted: Collection[str] | None = None,
    given: Sequence[Checkpoint] = (),
) -> Findings:
    """`trusted` are the public keys whose checkpoints count (None: any whose signature holds);
    `given` are checkpoints kept elsewhere, which the log must still agree with. Raises
    StoreCorrupt, SchemaTooNew, StoreError."""
    location = locate(url_or_path)
    if location.path is not None and not location.path.is_file():
        raise StoreError(f"{location.path} does not exist yet; the gateway makes it.")
    db = connect(location, read_only=True, busy_timeout_s=busy_timeout_s)
    try:
        if location.path is not None:
            require_sound(db, location.path)
        db.begin()
        postgres = location.is_postgres
        version = schema_version(db, postgres=postgres)
        refuse_newer(version)
        found = Verified(0, ("the store is empty: the whole audit log is gone",) if given else ())
        if version:
            found = verify(db, version, postgres=postgres, trusted=trusted, given=given)
        return Findings(version, found.entries, found.problems, found.checkpoints, found.newest)
    finally:
        db.rollback()
        db.close()
