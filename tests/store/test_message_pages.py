"""Looking through messages page by page: every one once, newest first, in bounded steps."""

from __future__ import annotations

import pytest
from store_rows import inbound, outbound

from ringfence.model.message import Direction, MessageStatus
from ringfence.ports import Shown
from ringfence.store import messages
from ringfence.store.database import Database


async def fill(store: Database, count: int = 12) -> None:
    """Every third came in; every sixth of these was not let in; lines take turns."""
    for n in range(count):
        line = ("day", "night")[n % 2]
        if n % 3 == 0:
            status = MessageStatus.HELD if n % 6 == 0 else MessageStatus.RECEIVED
            one = inbound(f"msg_{n:02}", f"SM{n}", line=line, status=status, contact_id="ctc_a")
            await store.write(lambda tx, one=one: tx.messages.add_inbound([one]))
        else:
            who = ("agent:shop", "operator:ann")[n % 3 - 1]
            one = outbound(f"msg_{n:02}", line=line, initiator=who, contact_id="ctc_b")
            await store.write(lambda tx, one=one: tx.messages.add_outbound([one]))


async def walk(store: Database, wanted: Shown, limit: int) -> list[int]:
    """The numbers of all messages, page after page."""
    found: list[int] = []
    before, pages = None, 0
    while pages == 0 or before is not None:
        page = await store.read(lambda tx, at=before: tx.messages.page(wanted, at, limit))
        assert len(page.messages) <= limit
        found += [int(message.id[4:]) for message in page.messages]
        before, pages = page.before_seq, pages + 1
        assert pages < 100
    return found


@pytest.mark.parametrize("limit", [1, 3, 12, 100])
@pytest.mark.parametrize("look", [4, 20_000])
@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Shown(), range(12)),
        (Shown(lines=frozenset({"day"})), range(0, 12, 2)),
        (Shown(lines=frozenset({"day", "night"})), range(12)),
        (Shown(lines=frozenset()), ()),
        (Shown(direction=Direction.IN), (0, 3, 6, 9)),
        (Shown(status=MessageStatus.HELD), (0, 6)),
        (Shown(contact_id="ctc_a", status=MessageStatus.RECEIVED), (3, 9)),
        (Shown(to_initiator="agent:shop"), (1, 3, 4, 7, 9, 10)),
        (Shown(to_initiator="agent:shop", lines=frozenset({"night"})), (1, 3, 7, 9)),
        (Shown(to_initiator="agent:nobody", direction=Direction.OUT), ()),
    ],
)
async def test_every_one_once_newest_first(
    store: Database,
    monkeypatch: pytest.MonkeyPatch,
    wanted: Shown,
    numbers: range | tuple[int, ...],
    limit: int,
    look: int,
) -> None:
    monkeypatch.setattr(messages, "LOOK_MAX", look)
    await fill(store)
    assert await walk(store, wanted, limit) == sorted(numbers, reverse=True)


async def test_an_empty_table_is_one_page(store: Database) -> None:
    assert await walk(store, Shown(), 10) == []
