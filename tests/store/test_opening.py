"""Opening, migrating, backing up, checking, claiming."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from store_rows import ANN, entry, person

from ringfence.clock import SystemClock
from ringfence.model.errors import ConfigInvalid, SchemaTooNew, StoreBusy, StoreError
from ringfence.store import backup, check, claim_instance, open_store
from ringfence.store.migrations import CURRENT, MIGRATIONS, Migration, migrate, schema_version
from ringfence.store.opening import connect, locate
from ringfence.store.sqlite import require_sqlite


async def test_a_store_opens_again_as_it_was_left(store_url: str) -> None:
    for turn in range(3):
        store = await open_store(store_url, clock=SystemClock())
        await store.write(lambda tx: tx.people.add([person(ANN)]))
        await store.write(lambda tx, n=turn: tx.audit.append([entry(f"aud_{n}")]))
        assert await store.read(lambda tx: tx.audit.verify()) == (turn + 1, "")
        await store.close()
    found = check(store_url)
    assert (found.schema_version, found.audit_entries, found.audit) == (CURRENT, 3, "")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("sqlite:///ringfence.db", "ringfence.db"),
        ("sqlite:////var/lib/ringfence.db", "/var/lib/ringfence.db"),
        ("data/ringfence.db", "data/ringfence.db"),
    ],
)
def test_a_url_or_a_path_names_a_file(given: str, path: str) -> None:
    assert locate(given).path == Path(path)


def test_other_urls_are_refused_without_their_secrets() -> None:
    for bad in ("mysql://root:hunter2@db/x", "sqlite://", "", "sqlite:///"):
        with pytest.raises(ConfigInvalid, match=r"store\.url") as caught:
            locate(bad)
        assert "hunter2" not in str(caught.value)
    assert locate("postgres://u@h/db").is_postgres


async def test_a_newer_schema_stops_an_older_program(store_url: str) -> None:
    await (await open_store(store_url, clock=SystemClock())).close()
    db = connect(locate(store_url), read_only=False, busy_timeout_s=5)
    db.run("INSERT INTO schema_version (version) VALUES (?)", (CURRENT + 1,))
    db.close()
    words = rf"version {CURRENT + 1}; this program knows up to version {CURRENT}"
    with pytest.raises(SchemaTooNew, match=words):
        await open_store(store_url, clock=SystemClock())
    with pytest.raises(SchemaTooNew, match=words):
        check(store_url)


async def test_the_next_migration_runs_once_and_whole(store_url: str) -> None:
    store = await open_store(store_url, clock=SystemClock())
    await store.write(lambda tx: tx.people.add([person(ANN)]))
    await store.close()
    location = locate(store_url)
    db = connect(location, read_only=False, busy_timeout_s=5)
    following = Migration(
        CURRENT + 1, ("ALTER TABLE people ADD COLUMN nickname TEXT NOT NULL DEFAULT ''",)
    )
    broken = Migration(CURRENT + 2, ("CREATE TABLE half (a TEXT)", "this is not SQL"))
    with pytest.raises(StoreError):
        migrate(db, postgres=location.is_postgres, migrations=(*MIGRATIONS, following, broken))
    assert schema_version(db, postgres=location.is_postgres) == CURRENT
    for _ in range(2):
        migrate(db, postgres=location.is_postgres, migrations=(*MIGRATIONS, following))
    assert schema_version(db, postgres=location.is_postgres) == CURRENT + 1
    assert db.rows("SELECT number, nickname FROM people") == [(ANN.e164, "")]
    db.close()


async def test_the_fence_finds_what_was_there_before_it(store_url: str) -> None:
    """People who got texts are no first contacts, and an opt-out stands in the ledger."""
    location = locate(store_url)
    db = connect(location, read_only=False, busy_timeout_s=5)
    migrate(db, postgres=location.is_postgres, migrations=MIGRATIONS[:1])
    db.run("INSERT INTO people VALUES (?, 'ctc_1', 0, 'keyword', 0)", (ANN.e164,))
    for count, status in enumerate(("delivered", "delivered", "held")):
        line = "other" if status == "held" else "default"
        db.run(
            "INSERT INTO messages (id, line, direction, number, contact_id, body, status, "
            "created_at, updated_at, media, message_class, initiator, provider_id, segments, "
            "encoding, reason, in_reply_to, provenance) VALUES (?, ?, 'out', ?, 'ctc_1', 'hi', ?, "
            "?, 5, '[]', 'free_text', 'agent:a', '', 1, 'GSM-7', '', '', '{}')",
            (f"msg_{count}", line, ANN.e164, status, 7 - count),
        )
    migrate(db, postgres=location.is_postgres)
    rows = db.rows("SELECT number, line, since FROM acquaintances")
    assert [tuple(row) for row in rows] == [(ANN.e164, "default", 6)]
    db.close()
    store = await open_store(store_url, clock=SystemClock())
    [event] = await store.read(lambda tx: tx.consents.of_person(ANN))
    assert (event.kind.value, event.method.value) == ("opt_out", "keyword")
    await store.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert [m.version for m in MIGRATIONS] == list(range(1, CURRENT + 1))


async def test_a_backup_made_in_use_restores(tmp_path: Path, sqlite_url: str) -> None:
    store = await open_store(sqlite_url, clock=SystemClock())
    await store.write(lambda tx: (tx.people.add([person(ANN)]), tx.audit.append([entry("a")])))
    target = tmp_path / "copy.db"
    backup(sqlite_url, target)
    await store.write(lambda tx: tx.audit.append([entry("b")]))
    await store.close()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.glob("copy.db*")] == ["copy.db"]
    with pytest.raises(StoreError, match="cannot be made"):
        backup(sqlite_url, target)
    restored = await open_store(target, clock=SystemClock())
    assert ANN in await restored.read(lambda tx: tx.people.find([ANN]))
    assert await restored.read(lambda tx: tx.audit.verify()) == (1, "")
    await restored.close()


def test_what_cannot_be_backed_up_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="pg_dump"):
        backup("postgresql://postgres@127.0.0.1/none", tmp_path / "copy")
    with pytest.raises(StoreError, match="does not exist"):
        backup(tmp_path / "none.db", tmp_path / "copy")
    with pytest.raises(StoreError, match="does not exist yet"):
        check(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        await open_store(tmp_path, clock=SystemClock())


def test_one_gateway_claims_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ringfence.db"
    with claim_instance(path), pytest.raises(StoreBusy, match=r"Another gateway \(process \d+\)"):
        claim_instance(path)
    with claim_instance(path):
        assert (tmp_path / "ringfence.db.lock").stat().st_mode & 0o777 == 0o600


def test_an_old_sqlite_is_named() -> None:
    with pytest.raises(StoreError, match=r"has SQLite 3\.34\.1; Ringfence needs 3\.35\.0"):
        require_sqlite((3, 34, 1))
    require_sqlite(sqlite3.sqlite_version_info)
