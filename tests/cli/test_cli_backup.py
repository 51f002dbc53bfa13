"""`ringfence backup` and `ringfence audit verify`: beside a store that was used, and one that was
tampered with."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from house import House

from ringfence.store import check


def _store(house: House) -> Path:
    return house.path.with_name("ringfence.db")


def _tamper(path: Path, statement: str) -> None:
    """What somebody with the file in hand can do."""
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER audit_no_update")
        db.execute("DROP TRIGGER audit_no_delete")
        db.execute(statement)


def test_a_backup_is_whole_private_and_never_overwrites(house: House, tmp_path: Path) -> None:
    house.stranger_asks()
    target = tmp_path / "copy.db"
    document = house.json("backup", str(target))
    assert document["audit_entries"] == check(target).audit_entries > 0
    assert document["audit_broken"] is None
    assert target.stat().st_mode & 0o777 == 0o600
    before = target.read_bytes()
    house.run("backup", str(target), code=1)
    assert target.read_bytes() == before
    shown = house.run("backup", str(tmp_path / "second.db")).stdout
    assert f"{document['audit_entries']} audit entries" in shown


def test_a_restored_backup_is_the_store_again(house: House, tmp_path: Path) -> None:
    code = house.stranger_asks().code
    target = tmp_path / "copy.db"
    house.run("backup", str(target))
    for name in ("ringfence.db", "ringfence.db-wal", "ringfence.db-shm"):
        house.path.with_name(name).unlink(missing_ok=True)
    assert house.json("pairing", "list")["requests"] == []
    for name in ("ringfence.db-wal", "ringfence.db-shm"):
        house.path.with_name(name).unlink(missing_ok=True)
    target.replace(_store(house))
    [request] = house.json("pairing", "list")["requests"]
    assert request["code"] == code


def test_without_a_store_there_is_nothing_to_back_up(house: House, tmp_path: Path) -> None:
    answer = house.run("backup", str(tmp_path / "copy.db"), code=1)
    assert "does not exist" in str(answer.exception)
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.proves("P7")
def test_verify_says_whole_and_how_many(house: House) -> None:
    house.stranger_asks()
    document = house.json("audit", "verify")
    assert (document["whole"], document["broken"], document["problems"]) == (True, None, [])
    assert f"whole: {document['entries']} entries" in house.run("audit", "verify").stdout


@pytest.mark.proves("P7")
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit SET actor = 'operator:nobody' WHERE seq = 1", "was changed"),
        ("DELETE FROM audit WHERE seq = 1", "entry 1 is gone"),
        ("DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)", "gone from the end"),
    ],
)
def test_verify_finds_an_edit_and_a_deletion(
    house: House, tmp_path: Path, statement: str, words: str
) -> None:
    house.stranger_asks()
    house.stranger_asks("+15555550113")
    _tamper(_store(house), statement)
    broken = house.run("audit", "verify", code=1)
    assert words in broken.stderr
    assert house.json("audit", "verify", code=1)["whole"] is False
    copied = house.run("backup", str(tmp_path / "evidence.db"), code=1)
    assert words in copied.stderr
    assert (tmp_path / "evidence.db").is_file()
