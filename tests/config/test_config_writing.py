"""Changing the file: checked first, whole or not at all, one writer at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ringfence.config import writing
from ringfence.config.source import Source, parse
from ringfence.config.writing import Change, change
from ringfence.model.errors import ConfigError, ConfigInvalid

TEXT = """\
{
  // the night shift
  channels: { sms: {
    accountSid: "AC00000000000000000000000000000000",
    authToken: "hush-old", // rotate in May
    fromNumber: "+15555550100",
    publicWebhookUrl: "https://gateway.example.com/webhooks/sms",
  } },
  agent: { kind: "echo" },
}
"""
PATCH: dict[str, Any] = {"channels": {"sms": {"dmPolicy": "allowlist", "authToken": "hush-new"}}}


@pytest.fixture
def path(config_path: Path) -> Path:
    config_path.write_text(TEXT)
    config_path.chmod(0o640)
    return config_path


def changed(path: Path, patch: Any = PATCH, **options: Any) -> Change:
    return change(Source(path, named=True), patch, {}, **options)


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of the folder with its content and mode."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() + oct(file.stat().st_mode)
        for file in folder.iterdir()
    }


def test_a_change_is_written_and_keeps_comments_mode_and_a_copy(path: Path) -> None:
    done = changed(path)
    assert done.written
    expected = TEXT.replace("hush-old", "hush-new").replace(
        'webhooks/sms",\n', 'webhooks/sms",\n    dmPolicy: "allowlist",\n'
    )
    assert path.read_text() == expected
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    backup = path.with_name("ringfence.json5.bak")
    assert backup.read_text() == TEXT
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
    assert {file.name for file in path.parent.iterdir()} == {
        "ringfence.json5",
        "ringfence.json5.bak",
        "ringfence.json5.lock",
    }


@pytest.mark.proves("P9")
def test_a_dry_run_shows_the_difference_masked_and_writes_nothing(path: Path) -> None:
    before = fingerprint(path.parent)
    done = changed(path, dry_run=True)
    assert fingerprint(path.parent) == before
    assert not done.written
    assert done.lines == (
        '- channels.sms.authToken: "•••"  (secret)',
        '+ channels.sms.authToken: "•••"  (secret)',
        '+ channels.sms.dmPolicy: "allowlist"',
    )


def test_a_dry_run_for_a_file_that_is_not_there_makes_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ringfence.json5"
    assert changed(path, {"logging": {"level": "debug"}}, dry_run=True).lines
    assert list(tmp_path.iterdir()) == []
    changed(path, {"logging": {"level": "debug"}})
    assert parse(path.read_text()) == {"logging": {"level": "debug"}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_bad_value_is_refused_and_nothing_is_half_applied(path: Path, dry_run: bool) -> None:
    patch = {"logging": {"level": "debug"}, "channels": {"sms": {"dmPolicy": "opn"}}}
    with pytest.raises(ConfigInvalid) as caught:
        changed(path, patch, dry_run=dry_run)
    assert caught.value.problems == (
        'channels.sms.dmPolicy: expected one of "pairing", "allowlist", "open", "disabled", '
        'got "opn"',
    )
    assert path.read_text() == TEXT
    assert not path.with_name("ringfence.json5.bak").exists()


def test_nothing_is_written_when_nothing_changes(path: Path) -> None:
    stamp = path.stat().st_mtime_ns
    done = changed(path, {"agent": {"kind": "echo"}})
    assert (done.lines, done.written) == ((), False)
    assert path.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("broken", ["write", "fsync", "replace"])
def test_a_failure_before_the_new_name_leaves_the_old_file_whole(
    broken: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disk full, a sync that fails, a rename that fails: each just before the new file counts."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def only_the_file_itself(source: Any, target: Any) -> None:
        if Path(target) == path:
            full()
        real_replace(source, target)

    real_replace = os.replace
    if broken == "replace":
        monkeypatch.setattr(os, "replace", only_the_file_itself)
    elif broken == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(writing, "_take_after", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        changed(path)
    assert path.read_text() == TEXT
    assert not [file for file in path.parent.iterdir() if file.suffix == ".tmp"]


def test_a_process_killed_before_the_rename_leaves_the_old_file_whole(path: Path) -> None:
    child = os.fork()
    if child == 0:
        real_replace = os.replace

        def die_at_the_file(source: Any, target: Any) -> None:
            if Path(target) == path:
                os._exit(9)
            real_replace(source, target)

        os.replace = die_at_the_file  # type: ignore[assignment]
        changed(path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert path.read_text() == TEXT
    # The lock died with its process, and what it left does not stand in the way.
    assert changed(path).written


def test_a_second_writer_is_told_so(path: Path) -> None:
    with path.with_name("ringfence.json5.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="Another ringfence is changing this file"):
            changed(path)
        assert changed(path, dry_run=True).lines
    assert changed(path).written


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json5"
    link.symlink_to(path)
    changed(link)
    assert link.is_symlink()
    assert "hush-new" in path.read_text()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(ConfigError):
        changed(blocker / "ringfence.json5", {"logging": {"level": "debug"}})


def test_half_a_character_is_refused(path: Path) -> None:
    with pytest.raises(ConfigInvalid):
        changed(path, {"channels": {"sms": {"name": "\ud83d"}}})
    assert path.read_text() == TEXT


def test_the_store_address_need_not_be_known_to_the_shell_that_changes_the_file(path: Path) -> None:
    done = changed(path, {"store": {"url": "${ONLY_THE_SERVICE_KNOWS}"}})
    assert done.written
    assert (
        "store.url cannot be looked up here: The environment variable ONLY_THE_SERVICE_KNOWS is "
        "not set."
    ) in done.warnings
