"""`ringfence audit` as an operator types it: look, show, verify, sign, take along."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from house import FRIEND, OWNER, House, build

from ringfence.bootstrap import Gateway
from ringfence.cli import audit as audit_command
from ringfence.cli import main
from ringfence.model.audit import checkpoints_in
from ringfence.store.keys import FixedKey

GUARDS = ("audit_no_update", "audit_no_delete", "audit_head_grows", "checkpoints_no_delete")


def strike(house: House, *statements: str) -> None:
    """Behind our back, with the triggers away for the moment."""
    file = sqlite3.connect(house.path.with_name("ringfence.db"), isolation_level=None)
    kept = [
        sql
        for name, sql in file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        if name in GUARDS
    ]
    for name in GUARDS:
        file.execute(f"DROP TRIGGER {name}")
    for statement in (*statements, *kept):
        file.execute(statement)
    file.close()


def key_file(house: House) -> Path:
    return house.path.with_name("ringfence.db.audit-key")


def given(house: House, *words: str, stdin: str, code: int) -> str:
    result = CliRunner().invoke(main, ["--config", str(house.path), *words], input=stdin)
    assert result.exit_code == code, (result.output, result.exception)
    return f"{result.output}{result.exception}"


def test_tail_shows_the_newest_oldest_first(house: House) -> None:
    assert "No entries." in house.run("audit", "tail").stdout
    first, second = house.queues(OWNER), house.queues(OWNER, "two")
    entries = house.json("audit", "tail")["entries"]
    assert [entry["subject"] for entry in entries] == [first, second]
    assert entries[0]["kind"] == "decision"
    assert [e["subject"] for e in house.json("audit", "tail", "-n", "1")["entries"]] == [second]
    assert house.json("audit", "tail", "--kind", "stop")["entries"] == []
    shown = house.run("audit", "tail").stdout
    assert "decision  operator:test" in shown
    assert OWNER not in shown


def test_tail_follows_what_comes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that writes one more entry when it is asked to wait, and then is interrupted."""
    waits: list[float] = []

    async def sleep(gateway: Gateway, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt
        kit, now = gateway.kit, gateway.kit.clock.now()
        entry = kit.audit("noted", f"number {len(waits)}", "operator:test", now, {})
        await kit.store.write(lambda tx: tx.audit.append([entry]))

    monkeypatch.setattr(audit_command, "_pause", sleep)
    house.queues(OWNER)
    lines = house.run("audit", "tail", "-f", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["decision", "noted", "noted"]
    waits.clear()
    assert house.run("audit", "tail", "-f", "-n", "0", "--kind", "none").stdout == ""


@pytest.mark.proves("P7", "C10")
def test_show_answers_the_five_questions(house: House) -> None:
    key = house.queues(FRIEND)
    shown = house.run("audit", "show", key).stdout
    for question in (
        "Who initiated it?",
        "What context was used?",
        "Who approved?",
        "Which model or workflow wrote it?",
        "How to stop or revoke it?",
    ):
        assert f"\n{question}\n  " in shown
    assert "The operator test wanted it sent" in shown
    assert "allow  opt_out" in shown
    assert "Records, in the order of the chain:" in shown
    assert FRIEND not in shown
    assert house.json("audit", "show", key)["message"] == key
    assert "Nothing is on record" in house.run("audit", "show", "nobody", code=1).stderr


@pytest.mark.proves("P7", "C10")
def test_a_printed_checkpoint_finds_a_cut_tail_whose_head_was_mended(house: House) -> None:
    for _ in range(3):
        house.queues(OWNER)
    printed = house.run("audit", "checkpoint", "--print").stdout
    [kept] = checkpoints_in(printed)
    assert kept.count == 3
    assert house.json("audit", "verify")["checkpoints"] == 1
    strike(
        house,
        "DELETE FROM audit WHERE seq > 2",
        "UPDATE audit_head SET count = 2, hash = (SELECT hash FROM audit WHERE seq = 2)",
        "DELETE FROM checkpoints",
    )
    assert house.json("audit", "verify")["whole"] is True
    words = ("audit", "verify", "--checkpoint", "-")
    assert "entry 3 is gone from the end" in given(house, *words, stdin=printed, code=1)
    log = f'{{"event": "checkpoint", "checkpoint": "{kept.text}"}}\nanother line\n'
    file = house.path.with_name("gateway.log")
    file.write_text(log)
    found = house.json("audit", "verify", "--checkpoint", str(file), code=1)
    assert "is gone from the end" in found["broken"]
    assert "There is no checkpoint" in given(house, *words, stdin="nothing", code=1)
    assert "is damaged" in given(house, *words, stdin=kept.text[:-2], code=1)


@pytest.mark.proves("P7", "C10")
def test_the_key_is_private_and_a_swapped_one_is_found(house: House) -> None:
    house.queues(OWNER)
    assert not key_file(house).exists()
    house.run("audit", "verify")
    house.run("audit", "tail")
    assert not key_file(house).exists()
    made = house.json("audit", "checkpoint")
    assert stat.S_IMODE(key_file(house).stat().st_mode) == 0o600
    assert house.run("audit", "key").stdout.strip() == made["public_key"]
    assert key_file(house).read_text().strip() not in house.run("audit", "key", "--json").stdout
    house.run("audit", "verify", "--public-key", made["public_key"])

    theirs = FixedKey(bytes(32)).public_key
    key_file(house).write_text("00" * 32 + "\n")
    swapped = house.run("audit", "verify", code=1).stderr
    assert "which is not known here" in swapped
    assert "not known here" in house.run("audit", "verify", "--public-key", theirs, code=1).stderr
    house.run("audit", "verify", "--public-key", made["public_key"])
    house.run("audit", "verify", "--public-key", "nonsense", code=2)

    key_file(house).chmod(0o644)
    assert "chmod 600" in house.run("audit", "checkpoint", code=1).stderr
    key_file(house).chmod(0o600)
    key_file(house).write_text("short\n")
    assert "does not hold a signing key" in house.run("audit", "key", code=1).stderr


def test_a_key_by_reference_and_one_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = FixedKey(bytes(32)).public_key
    house = build(tmp_path, audit={"signingKey": "${AUDIT_KEY}", "trustedKeys": [earlier]})
    house.path.with_name("ringfence.db.audit-key")
    monkeypatch.setenv("AUDIT_KEY", "00" * 32)
    assert house.run("audit", "key").stdout.strip() == earlier
    house.run("audit", "checkpoint")
    monkeypatch.setenv("AUDIT_KEY", "11" * 32)
    house.run("audit", "verify")
    monkeypatch.delenv("AUDIT_KEY")
    assert "AUDIT_KEY is not set" in house.run("audit", "key", code=1).stderr
    assert "audit.signingKey" in house.run("audit", "checkpoint", code=1).stderr
    house.run("audit", "verify")
    house.run("stop", "--reason", "still works")
    monkeypatch.setenv("AUDIT_KEY", "not hex at all")
    failed = house.run("audit", "key", code=1).stderr
    assert "64 hexadecimal digits" in failed
    assert "not hex at all" not in failed
    assert not key_file(house).exists()


@pytest.mark.proves("P7", "C10")
def test_an_export_verifies_without_its_store(house: House, tmp_path: Path) -> None:
    for _ in range(3):
        house.queues(OWNER)
    made = house.json("audit", "checkpoint")
    house.queues(OWNER)
    lines = house.run("audit", "export").stdout.splitlines()
    assert [("checkpoint" in json.loads(line)) for line in lines] == [False] * 3 + [True] + [
        False
    ] * 2
    file = tmp_path / "export.jsonl"
    file.write_text("\n".join(lines) + "\n")
    house.path.with_name("ringfence.db").unlink()
    known = ("--public-key", made["public_key"])
    found = house.json("audit", "verify", "--file", str(file), *known)
    assert (found["whole"], found["entries"], found["checkpoints"]) == (True, 5, 1)

    file.write_text("\n".join(lines).replace("operator:test", "operator:else", 1) + "\n")
    broken = house.json("audit", "verify", "--file", str(file), code=1)
    assert "entry 1 " in broken["broken"]
    assert "was changed" in broken["broken"]
    file.write_text("not json\n")
    assert "Line 1 is not one" in house.run("audit", "verify", "--file", str(file), code=1).stderr


def test_an_export_of_some_days(house: House) -> None:
    house.queues(OWNER)
    assert house.run("audit", "export", "--since", "1h").stdout.count("\n") == 1
    assert house.run("audit", "export", "--since", "2999-01-01").stdout == ""
    assert house.run("audit", "export", "--until", "2000-01-01T00:00Z").stdout == ""
    assert "30d" in house.run("audit", "export", "--since", "yesterday", code=2).stderr


def test_doctor_and_backup_know_of_checkpoints(house: House, tmp_path: Path) -> None:
    house.queues(OWNER)
    house.run("audit", "checkpoint")
    house.run("backup", str(tmp_path / "copy.db"))
    strike(house, "DELETE FROM checkpoints")
    findings = house.json("doctor", code=1)["findings"]
    [broken] = [one for one in findings if one["area"] == "audit"]
    assert "which the chain records, is gone" in broken["text"]
