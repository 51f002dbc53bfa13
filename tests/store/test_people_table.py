"""People, access and switches on both databases: what stops a person's texts survives and counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_rows import ANN, BOB, NOW, later, number, person, request

from ringfence.clock import SystemClock
from ringfence.model.contact import PairingState, Switch, SwitchScope
from ringfence.store import open_store
from ringfence.store.database import Database


async def test_find_returns_only_the_known(store: Database) -> None:
    await store.write(lambda tx: tx.people.add([person(ANN), person(BOB, blocked=True)]))
    found = await store.read(lambda tx: tx.people.find([ANN, BOB, number(1), ANN]))
    assert found == {ANN: person(ANN), BOB: person(BOB, blocked=True)}
    assert await store.read(lambda tx: tx.people.find([])) == {}


async def test_adding_a_known_number_changes_nothing(store: Database) -> None:
    await store.write(lambda tx: tx.people.add([person(ANN, opt_out_source="keyword")]))
    await store.write(lambda tx: tx.people.add([person(ANN, contact_id="ctc_other")]))
    kept = (await store.read(lambda tx: tx.people.find([ANN])))[ANN]
    assert (kept.opt_out_source, kept.contact_id) == ("keyword", person(ANN).contact_id)


@pytest.mark.proves("P3")
async def test_opt_out_and_block_survive_a_restart(store_url: str) -> None:
    first = await open_store(store_url, clock=SystemClock())
    await first.write(lambda tx: tx.people.add([person(ANN), person(BOB)]))
    await first.write(lambda tx: tx.people.set_opt_out(ANN, "keyword"))
    await first.write(lambda tx: tx.people.set_blocked(BOB, True))
    await first.write(lambda tx: tx.people.set_passive_replies([(ANN, 3), (BOB, 1), (ANN, 4)]))
    await first.close()
    again = await open_store(store_url, clock=SystemClock())
    found = await again.read(lambda tx: tx.people.find([ANN, BOB]))
    assert (found[ANN].opt_out_source, found[ANN].passive_replies) == ("keyword", 4)
    assert [p.number for p in await again.read(lambda tx: tx.people.blocked())] == [BOB]
    await again.write(lambda tx: tx.people.set_opt_out(ANN, ""))
    assert (await again.read(lambda tx: tx.people.find([ANN])))[ANN].opt_out_source == ""
    await again.close()


async def test_approvals_hold_per_line(store: Database) -> None:
    await store.write(lambda tx: tx.access.approve("default", ANN, "owner", NOW))
    await store.write(lambda tx: tx.access.approve("default", ANN, "other", later(hours=1)))
    asked = [("default", ANN), ("night", ANN), ("default", BOB)]
    assert await store.read(lambda tx: tx.access.approved(asked)) == {("default", ANN)}
    assert await store.write(lambda tx: tx.access.revoke("default", ANN))
    assert not await store.write(lambda tx: tx.access.revoke("default", ANN))
    assert await store.read(lambda tx: tx.access.approved(asked)) == set()


async def test_pairing_requests_expire_and_close(store: Database) -> None:
    asked = request()
    await store.write(lambda tx: tx.access.add_request(asked))
    await store.write(
        lambda tx: tx.access.add_request(
            request("par_2", number=BOB, code="WXYZ6789", answered=False)
        )
    )
    pairs = [("default", ANN), ("default", BOB), ("night", ANN)]
    pending = await store.read(lambda tx: tx.access.pending(pairs, NOW))
    assert set(pending) == {("default", ANN), ("default", BOB)}
    assert pending["default", ANN] == asked
    assert await store.read(lambda tx: tx.access.pending(pairs, later(hours=1))) == {}
    assert await store.read(lambda tx: tx.access.pending_answered("default", NOW)) == 1
    await store.write(lambda tx: tx.access.seen_again("par_1", later(minutes=5)))
    found = await store.read(lambda tx: tx.access.pending_by_code("default", "ABCD2345", NOW))
    assert found is not None
    assert (found.seen_count, found.last_seen_at) == (2, later(minutes=5))
    assert await store.read(lambda tx: tx.access.pending_by_code("night", "ABCD2345", NOW)) is None
    listed = await store.read(lambda tx: tx.access.requests(None, NOW))
    assert [r.id for r in listed] == ["par_1", "par_2"]
    await store.write(lambda tx: tx.access.close_request("par_1", PairingState.APPROVED))
    left = await store.read(lambda tx: tx.access.requests("default", NOW))
    assert [r.id for r in left] == ["par_2"]
    assert await store.read(lambda tx: tx.access.requests("night", NOW)) == []


@pytest.mark.proves("P3")
async def test_switches_stay_engaged_until_released(store: Database) -> None:
    everything = Switch(SwitchScope.EVERYTHING, "", NOW, "drill", "operator")
    await store.write(lambda tx: tx.switches.engage(everything))
    await store.write(
        lambda tx: tx.switches.engage(
            Switch(SwitchScope.EVERYTHING, "", later(hours=1), "again", "someone")
        )
    )
    one_line = Switch(SwitchScope.LINE, "default", later(minutes=1), "noise", "operator")
    await store.write(lambda tx: tx.switches.engage(one_line))
    assert await store.read(lambda tx: tx.switches.engaged()) == (everything, one_line)
    assert await store.write(lambda tx: tx.switches.release(SwitchScope.EVERYTHING, ""))
    assert not await store.write(lambda tx: tx.switches.release(SwitchScope.EVERYTHING, ""))
    assert await store.read(lambda tx: tx.switches.engaged()) == (one_line,)


async def test_lines_stop_once_and_start(store: Database) -> None:
    await store.write(lambda tx: tx.lines.stop("default", "credentials refused", NOW))
    await store.write(lambda tx: tx.lines.stop("default", "later reason", NOW))
    assert await store.read(lambda tx: tx.lines.stopped()) == {"default": "credentials refused"}
    assert await store.write(lambda tx: tx.lines.start("default"))
    assert not await store.write(lambda tx: tx.lines.start("default"))


async def test_a_sqlite_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ringfence.db"
    opened = await open_store(path, clock=SystemClock())
    await opened.write(lambda tx: tx.people.add([person(ANN)]))
    modes = {p.name: p.stat().st_mode & 0o777 for p in path.parent.iterdir()}
    await opened.close()
    assert set(modes.values()) == {0o600}, modes
    assert path.parent.stat().st_mode & 0o777 == 0o700
