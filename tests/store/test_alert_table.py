"""Alerts on both databases: saved whole, found by what they are about, looked at in time, counted."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from operation_rows import alert, ended, notice
from store_rows import NOW, ids, later

from ringfence.model.alert import Acknowledgement, Alert, AlertState, Note, NoticeKind, NoticeState
from ringfence.model.event import Severity
from ringfence.ports import AlertLink
from ringfence.store.database import Database

TRIGGERED, ACKNOWLEDGED = AlertState.TRIGGERED, AlertState.ACKNOWLEDGED
RESOLVED = AlertState.RESOLVED
TOLD = NoticeState.TOLD
FULL = alert(
    7,
    title="Grüße\n👋",
    severity=Severity.CRITICAL,
    state=RESOLVED,
    acknowledged_by="ann",
    acknowledged_at=later(minutes=1),
    resolved_by="event:prometheus",
    resolved_at=later(minutes=2),
    step="second",
    place=2,
    round=3,
    step_at=later(minutes=3),
    next_at=None,
    exhausted_at=later(minutes=4),
    event_id="evt_1",
    count=9,
    said_at=later(minutes=5),
    told_at=later(minutes=6),
    url="https://grafana.example.org/7",
)


async def add(store: Database, *alerts: Alert) -> None:
    await store.write(lambda tx: tx.alerts.add(alerts))


async def save(store: Database, *alerts: Alert) -> None:
    await store.write(lambda tx: tx.alerts.save(alerts))


async def kept(store: Database, id_: str) -> Alert:
    found = await store.read(lambda tx: tx.alerts.get(id_))
    assert found is not None
    return found


async def test_an_alert_is_kept_as_it_is_and_saved_whole(store: Database) -> None:
    await add(store, alert(1), FULL)
    await add(store)
    assert await kept(store, "alr_7") == FULL
    assert await kept(store, "alr_1") == alert(1)
    assert await store.read(lambda tx: tx.alerts.get("alr_2")) is None
    other = replace(FULL, id="alr_1", number=1)
    await save(store, alert(1, title="overwritten"), other, alert(5))
    await save(store)
    assert await kept(store, "alr_1") == other
    assert await store.read(lambda tx: tx.alerts.get("alr_5")) is None, "saving adds nothing"
    found = await store.read(lambda tx: tx.alerts.many(["alr_1", "alr_7", "alr_8"]))
    assert found.keys() == {"alr_1", "alr_7"}


async def test_numbers_go_on(store: Database) -> None:
    assert await store.read(lambda tx: tx.alerts.next_number()) == 1
    await add(store, FULL, alert(3))
    assert await store.read(lambda tx: tx.alerts.next_number()) == 8
    assert await store.read(lambda tx: tx.alerts.by_number(7)) == FULL
    for nobody in (4, 0, -1, 1 << 70):
        assert await store.read(lambda tx, n=nobody: tx.alerts.by_number(n)) is None


async def test_the_newest_of_a_key_is_found_open_or_not(store: Database) -> None:
    long = "k" * 5_000
    await add(
        store,
        alert(1, dedupe_key="k"),
        alert(2, dedupe_key="k", state=RESOLVED),
        alert(3, dedupe_key="k", flow="other"),
        alert(4, dedupe_key=long + "1"),
        alert(5, dedupe_key=long + "2"),
    )
    keys = [
        ("incident", "prometheus", "k"),
        ("other", "prometheus", "k"),
        ("incident", "sentry", "k"),
        ("incident", "prometheus", long + "1"),
    ]
    found = await store.read(lambda tx: tx.alerts.newest_of(keys))
    assert {key: one.number for key, one in found.items()} == {keys[0]: 2, keys[1]: 3, keys[3]: 4}
    assert await store.read(lambda tx: tx.alerts.newest_of([])) == {}
    await save(store, found[keys[3]])
    assert (await store.read(lambda tx: tx.alerts.newest_of(keys)))[keys[3]] == found[keys[3]]


@pytest.mark.parametrize("seed", range(3))
async def test_due_is_in_order_of_time(store: Database, seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        alert(n, next_at=chance.choice([None, later(minutes=chance.randrange(-4, 4))]))
        for n in range(1, 60)
    ]
    await add(store, *rows)
    waiting = [(one.next_at, one.number) for one in rows if one.next_at and one.next_at <= NOW]
    expected = [number for _, number in sorted(waiting)]
    found = await store.read(lambda tx: tx.alerts.due(NOW, 100))
    assert [one.number for one in found] == expected
    found = await store.read(lambda tx: tx.alerts.due(NOW, 3))
    assert [one.number for one in found] == expected[:3]


@pytest.mark.proves("P6")
@pytest.mark.parametrize("seed", range(4))
async def test_only_waiting_alerts_are_nudged(store: Database, seed: int) -> None:
    chance = random.Random(seed)
    times = [None, later(minutes=-1), NOW, later(minutes=1)]
    rows = [alert(n, next_at=chance.choice(times)) for n in range(1, 40)]
    texts = {one.id: f"msg_{chance.randrange(8)}" for one in rows if chance.random() < 0.8}
    notices = [notice(id_) for id_ in texts]
    await add(store, *rows)
    await store.write(lambda tx: tx.alerts.add_notices(notices))
    ends = [ended(one, TOLD, texts[one.alert_id]) for one in notices]
    await store.write(lambda tx: tx.alerts.end_notices(ends))
    nudged = {f"msg_{n}" for n in range(9) if chance.random() < 0.4} | {""}
    await store.write(lambda tx: tx.alerts.nudge(nudged, NOW))
    await store.write(lambda tx: tx.alerts.nudge(set(), NOW))
    for one in rows:
        about = texts.get(one.id, "none") in nudged
        expected = NOW if about and one.next_at == later(minutes=1) else one.next_at
        assert await kept(store, one.id) == replace(one, next_at=expected)


async def test_open_ones_are_found_by_flow_and_service(store: Database) -> None:
    await add(
        store,
        alert(1, service="web"),
        alert(2, service="disk", state=ACKNOWLEDGED),
        alert(3, service="disk", state=RESOLVED),
        alert(4, service="disk", flow="other"),
    )

    async def found(flow: str | None, service: str | None) -> list[int]:
        rows = await store.read(lambda tx: tx.alerts.open_of(flow, service))
        return [one.number for one in rows]

    assert await found(None, None) == [1, 2, 4]
    assert await found("incident", None) == [1, 2]
    assert await found(None, "disk") == [2, 4]
    assert await found("other", "web") == []


async def test_the_listing_is_newest_first_by_state_and_in_pages(store: Database) -> None:
    states = [TRIGGERED, ACKNOWLEDGED, RESOLVED]
    await add(store, *(alert(n, state=states[n % 3]) for n in range(1, 10)))

    async def listed(limit: int, after: str | None, *wanted: AlertState) -> list[int]:
        rows = await store.read(lambda tx: tx.alerts.listing(limit, wanted, after))
        return [one.number for one in rows]

    assert await listed(3, None) == [9, 8, 7]
    assert await listed(3, "alr_7") == [6, 5, 4]
    assert await listed(3, None, TRIGGERED, ACKNOWLEDGED) == [9, 7, 6]
    assert await listed(3, "alr_6", TRIGGERED, ACKNOWLEDGED) == [4, 3, 1]
    assert await listed(9, None, RESOLVED) == [8, 5, 2]
    assert await listed(9, "alr_none") == []


async def test_what_should_not_be_is_found(store: Database) -> None:
    await add(
        store,
        alert(1, next_at=later(minutes=-10)),
        alert(2, next_at=later(minutes=-1)),
        alert(3, next_at=None),
        alert(4, next_at=None, exhausted_at=NOW),
        alert(5, next_at=None, state=ACKNOWLEDGED),
        alert(6, next_at=None, state=RESOLVED),
    )
    found = await store.read(lambda tx: tx.alerts.overdue(later(minutes=-5), 10))
    assert {one.number for one in found} == {1, 3}
    assert len(await store.read(lambda tx: tx.alerts.overdue(later(minutes=-5), 1))) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_states_are_counted_as_they_move(store: Database, seed: int) -> None:
    chance = random.Random(seed)
    lines = ["default", "night"]
    model = {f"alr_{n}": alert(n, line=chance.choice(lines)) for n in range(1, 20)}
    await add(store, *model.values())
    for _ in range(8):
        chosen = [
            replace(model[id_], state=chance.choice(list(AlertState)))
            for id_ in chance.choices(sorted(model), k=6)
        ]
        model |= {one.id: one for one in chosen}
        await save(store, *chosen)
        states = [one.state for one in model.values()]
        expected = {state: states.count(state) for state in AlertState}
        assert await store.read(lambda tx: tx.alerts.counts()) == expected
    health = await store.read(lambda tx: tx.health.counts())
    assert all(health.get(f"alerts.{state.value}", 0) == expected[state] for state in AlertState)


async def test_what_people_say_of_an_alert_is_kept_in_order(store: Database) -> None:
    await add(store, alert(1), alert(2))
    first, second = Acknowledgement("ben", later(minutes=2)), Acknowledgement("ann", NOW)
    for one in (first, second):
        await store.write(lambda tx, one=one: tx.alerts.acknowledge("alr_1", one))
    facts = await store.read(lambda tx: tx.alerts.facts(["alr_1", "alr_2"], NOW))
    assert facts["alr_1"].acknowledgements == (first, second)
    assert facts["alr_2"].acknowledgements == ()
    notes = [Note("alr_1", NOW, "responder:ann", "looking\x00"), Note("alr_1", NOW, "ben", "ok")]
    for written in notes:
        await store.write(lambda tx, written=written: tx.alerts.note(written))
    found = await store.read(lambda tx: tx.alerts.notes("alr_1"))
    assert found == [replace(notes[0], text="looking\ufffd"), notes[1]]
    assert await store.read(lambda tx: tx.alerts.notes("alr_2")) == []


async def test_a_link_lasts_until_its_time_and_is_forgotten(store: Database) -> None:
    link = AlertLink("0f" * 32, "ann", "msg_1", later(hours=1))
    await store.write(lambda tx: tx.alerts.add_link(link))
    assert await store.read(lambda tx: tx.alerts.link(link.token_hash, NOW)) == link
    assert await store.read(lambda tx: tx.alerts.link("00", NOW)) is None
    assert await store.read(lambda tx: tx.alerts.link(link.token_hash, later(hours=1))) is None
    await store.write(lambda tx: tx.health.forget(later(minutes=59)))
    assert await store.read(lambda tx: tx.alerts.link(link.token_hash, NOW)) == link
    await store.write(lambda tx: tx.health.forget(later(hours=1)))
    assert await store.read(lambda tx: tx.alerts.link(link.token_hash, NOW)) is None


async def test_a_text_is_about_its_alerts_by_number(store: Database) -> None:
    await add(store, alert(2), alert(10), alert(3))
    pairs = [("alr_10", "ann", "msg_1"), ("alr_2", "ann", "msg_1"), ("alr_3", "ben", "msg_2")]
    over = notice("alr_2", "ann", kind=NoticeKind.RESOLVED)
    again = notice("alr_2", "ann", round=2)
    notices = [*(notice(id_, who) for id_, who, _ in pairs), over, again]
    await store.write(lambda tx: tx.alerts.add_notices(notices))
    ends = [ended(notice(id_, who), TOLD, text) for id_, who, text in pairs]
    ends += [ended(over, TOLD, "msg_3"), ended(again, TOLD, "msg_1")]
    await store.write(lambda tx: tx.alerts.end_notices(ends))
    assert await store.read(lambda tx: tx.alerts.of_message("msg_1")) == ["alr_2", "alr_10"]
    assert await store.read(lambda tx: tx.alerts.of_message("msg_3")) == ["alr_2"]
    assert await store.read(lambda tx: tx.alerts.of_message("")) == []
    found = await store.read(lambda tx: tx.alerts.messages_of(["alr_2", "alr_3"]))
    assert found == {"msg_1": ["alr_2", "alr_10"], "msg_2": ["alr_3"]}
    assert await store.read(lambda tx: tx.alerts.messages_of([])) == {}
    assert ids((await store.read(lambda tx: tx.alerts.many([]))).values()) == []
