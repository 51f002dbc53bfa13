"""The key that signs checkpoints: made once, private, never replaced; and the form of a checkpoint."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from store_rows import NOW

from ringfence.model.audit import Checkpoint, checkpoints_in
from ringfence.model.errors import InvalidField, SecretUnavailable
from ringfence.store.keys import FixedKey, KeyFile, is_signed, private_key

# RFC 8032 section 7.1, test 2: the pair of keys.
SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"


def signed(key: FixedKey | KeyFile) -> Checkpoint:
    bare = Checkpoint(12_345_678, "ab" * 32, NOW, key.public_key)
    return replace(bare, signature=key.sign(bare.statement))


def test_the_key_is_ed25519(tmp_path: Path) -> None:
    assert FixedKey(private_key(SEED)).public_key == PUBLIC
    assert private_key(SEED.upper() + "\n") == bytes.fromhex(SEED)


@pytest.mark.proves("P7")
def test_a_key_file_is_made_once_private_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ringfence.db.audit-key"
    key = KeyFile(path)
    assert key.public_key_if_made() is None
    assert not path.exists()
    made = signed(key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert is_signed(made)
    assert KeyFile(path).public_key_if_made() == key.public_key == KeyFile(path).public_key


def test_two_processes_that_want_one_at_once_get_the_same(tmp_path: Path) -> None:
    path, found = tmp_path / "key", set()
    ready = threading.Barrier(8)

    def take() -> None:
        ready.wait()
        found.add(KeyFile(path).public_key)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("content", ["", "short\n", "g" * 64, "ab" * 33, SEED[:-1] + "é"])
def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(SecretUnavailable, match="does not hold a signing key") as refused:
        signed(KeyFile(path))
    assert path.read_text(encoding="utf-8") == content
    assert not content.strip() or content.strip() not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(SEED)
    path.chmod(mode)
    with pytest.raises(SecretUnavailable, match="chmod 600"):
        signed(KeyFile(path))


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable):
        signed(KeyFile(tmp_path))


@pytest.mark.proves("P7")
def test_a_signature_holds_for_nothing_else(tmp_path: Path) -> None:
    made = signed(FixedKey(private_key(SEED)))
    assert is_signed(made)
    for other in (
        replace(made, count=made.count + 1),
        replace(made, hash="cd" * 32),
        replace(made, at=NOW.replace(microsecond=1)),
        replace(made, public_key=FixedKey(bytes(32)).public_key),
        replace(made, public_key="zz"),
        replace(made, public_key=""),
        replace(made, signature=""),
        replace(made, signature="00" * 64),
    ):
        assert not is_signed(other)


def test_a_checkpoint_is_one_word_that_is_found_in_any_text() -> None:
    made = signed(FixedKey(private_key(SEED)))
    assert " " not in made.text
    assert checkpoints_in(f'x {{"checkpoint":"{made.text}"}} y\n{made.text}\n') == [made, made]


def test_a_log_that_masks_numbers_leaves_a_checkpoint_whole() -> None:
    from ringfence.logs import masked

    digits = Checkpoint(12_345_678, "12345678" * 8, NOW, "87654321" * 8, "1234567890123456" * 8)
    assert masked(f"checkpoint {digits.text} of 5") == f"checkpoint {digits.text} of 5"


@pytest.mark.parametrize("damage", ["cut", "long", "month", "upper", "version"])
def test_a_damaged_checkpoint_is_not_taken_for_none(damage: str) -> None:
    text = signed(FixedKey(private_key(SEED))).text
    damaged = {
        "cut": text[:-1],
        "long": text + "0",
        "month": text.replace(":20260701T", ":20261301T"),
        "upper": text.replace("ab", "AB"),
        "version": text.replace(":1:", ":2:"),
    }[damage]
    assert damaged != text
    with pytest.raises(InvalidField, match="copy the whole line"):
        checkpoints_in(f"{text}\n{damaged}")
    with pytest.raises(InvalidField, match="There is no checkpoint"):
        checkpoints_in("nothing")
