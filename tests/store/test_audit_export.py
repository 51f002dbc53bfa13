"""An exported audit log verifies by itself: whole, from the middle, and never after it was touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from store_rows import NOW, entry

from ringfence.clock import SystemClock
from ringfence.model.audit import AuditEntry, Checkpoint
from ringfence.model.errors import InvalidField
from ringfence.ports import Tx
from ringfence.store import open_store
from ringfence.store.exporting import checkpoint_line, entry_line, verify_lines
from ringfence.store.keys import FixedKey

KEY = FixedKey(b"k" * 32)
TRUSTED = {KEY.public_key}
Lines = list[dict[str, Any]]


def _sign(tx: Tx) -> None:
    count, hash_ = tx.audit.head()
    bare = Checkpoint(count, hash_, NOW, KEY.public_key)
    tx.checkpoints.add(replace(bare, signature=KEY.sign(bare.statement)))
    body = {"count": count, "hash": hash_, "key": KEY.public_key}
    tx.audit.append([AuditEntry("aud_c", NOW, "checkpoint", str(count), "system", body)])


STRANGE = {
    "zebra": 1,
    "aard": [1.5, 1e16, -0.0, None, True],
    "text": 'Zoë \u2028 \U0001f98a \\ " /',
    "nested": {"b": {}, "a": [[]]},
}


@pytest.fixture
async def exported(store_url: str) -> list[str]:
    """Six entries, the last a record of the checkpoint over the fifth."""
    store = await open_store(store_url, clock=SystemClock())
    await store.write(lambda tx: tx.audit.append([entry(f"aud_{n}") for n in range(4)]))
    odd = AuditEntry("aud_odd", NOW + timedelta(microseconds=1), "odd", "s", "system", STRANGE)
    await store.write(lambda tx: tx.audit.append([odd]))
    await store.write(_sign)
    entries, signed = await store.read(
        lambda tx: (tx.audit.after(0, 99), tx.checkpoints.between(0, 99))
    )
    await store.close()
    lines = [entry_line(stored) for stored in entries]
    return [*lines[:5], checkpoint_line(signed[0]), *lines[5:]]


@pytest.mark.proves("P7", "C10")
async def test_a_whole_file_is_whole(exported: list[str]) -> None:
    found = verify_lines(exported, trusted=TRUSTED)
    assert (found.first, found.last, found.problems, found.checkpoints) == (1, 6, (), 1)
    assert found.newest is not None
    assert found.newest.count == 5
    # A tool may write other spaces and escapes; the order of the keys is kept.
    spaced = [json.dumps(json.loads(line), indent=None) for line in exported]
    assert verify_lines([*spaced, "", "\n"], trusted=TRUSTED).problems == ()


@pytest.mark.proves("P7", "C10")
async def test_a_file_may_begin_in_the_middle(exported: list[str]) -> None:
    found = verify_lines(exported[2:], trusted=TRUSTED)
    assert (found.first, found.last, found.problems, found.checkpoints) == (3, 6, (), 1)
    # Given a checkpoint over the entry before, its beginning is proved too.
    before = json.loads(exported[1])
    bare = Checkpoint(2, before["hash"], NOW, KEY.public_key)
    given = replace(bare, signature=KEY.sign(bare.statement))
    assert verify_lines(exported[2:], trusted=TRUSTED, given=[given]).problems == ()
    bare = replace(bare, hash="0" * 64)
    other = replace(bare, signature=KEY.sign(bare.statement))
    found = verify_lines(exported[2:], trusted=TRUSTED, given=[other])
    assert "was written anew" in found.problems[0]


def _changed(lines: Lines, index: int, /, **fields: Any) -> Lines:
    lines[index].update(fields)
    return lines


TAMPERINGS: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "edit": (lambda lines: _changed(lines, 1, actor="operator:nobody"), "entry 2 "),
    "body": (lambda lines: _changed(lines, 4, body={}), "entry 5 (aud_odd) was changed"),
    "time": (lambda lines: _changed(lines, 0, at="2026-07-01T12:00:00.123457Z"), "entry 1 "),
    "delete": (lambda lines: [*lines[:1], *lines[2:]], "entry 2 is gone"),
    "insert": (lambda lines: [*lines[:1], *lines], "was put in"),
    "reorder": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "entry 2 is gone"),
    "cut before its checkpoint": (lambda lines: lines[5:6], ""),
    "tail": (lambda lines: [*lines[:3], lines[5]], "entries 4 to 5 are gone from the end"),
    "forged": (
        lambda lines: _changed(lines, 5, checkpoint=lines[5]["checkpoint"][:-4] + "0000"),
        "is forged or damaged",
    ),
}


@pytest.mark.proves("P7", "C10")
@pytest.mark.parametrize("name", TAMPERINGS)
async def test_a_touched_file_is_found(exported: list[str], name: str) -> None:
    change, words = TAMPERINGS[name]
    lines = [json.dumps(line) for line in change([json.loads(line) for line in exported])]
    if not words:
        with pytest.raises(InvalidField, match="no audit entry"):
            verify_lines(lines, trusted=TRUSTED)
        return
    assert words in " ".join(verify_lines(lines, trusted=TRUSTED).problems)


async def test_a_key_that_is_not_known_is_said(exported: list[str]) -> None:
    assert verify_lines(exported).problems == ()
    assert "is not known here" in verify_lines(exported, trusted={"0" * 64}).problems[0]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        "7",
        '{"seq": 1}',
        '{"checkpoint": "ringfence-checkpoint:1:"}',
        '{"checkpoint": 7}',
        '{"seq": true, "id": 1}',
        '{"seq":0,"id":"a","at":"2026-07-01T12:00:00Z","kind":"k","subject":"s","actor":"a",'
        '"body":{},"previous":"","hash":""}',
        '{"seq":1,"id":"a","at":"2026-07-01T12:00:00","kind":"k","subject":"s","actor":"a",'
        '"body":{},"previous":"","hash":""}',
    ],
)
def test_what_is_no_export_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(InvalidField, match="Line 2 is not one of an audit export"):
        verify_lines(["", line])
