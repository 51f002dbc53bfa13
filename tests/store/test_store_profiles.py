"""A store belongs to the profile that opened it first, on both databases."""

from __future__ import annotations

import pytest
from store_rows import entry

from ringfence.clock import SystemClock
from ringfence.model.errors import ConfigInvalid
from ringfence.store import check, open_store
from ringfence.store.migrations import MIGRATIONS, migrate
from ringfence.store.opening import connect, locate

OTHERS = {"production": "staging", "staging": "production"}


async def opens(url: str, profile: str) -> None:
    await (await open_store(url, clock=SystemClock(), profile=profile)).close()


@pytest.mark.parametrize("first", ["production", "staging"])
async def test_the_first_profile_keeps_it(store_url: str, first: str) -> None:
    for _ in range(2):
        await opens(store_url, first)
    with pytest.raises(ConfigInvalid) as refused:
        await opens(store_url, OTHERS[first])
    assert f"of the profile {OTHERS[first]}" in str(refused.value)
    assert f"belongs to the profile {first}" in str(refused.value)
    await opens(store_url, first)


async def test_whoever_asks_for_no_profile_marks_nothing(store_url: str) -> None:
    await opens(store_url, "")
    await opens(store_url, "staging")
    await opens(store_url, "")
    check(store_url)
    with pytest.raises(ConfigInvalid):
        await opens(store_url, "production")


async def test_a_store_from_before_profiles_is_productions(store_url: str) -> None:
    """It holds people and messages: staging must not come to it by being quick."""
    location = locate(store_url)
    await opens(store_url, "")
    store = await open_store(store_url, clock=SystemClock())
    await store.write(lambda tx: tx.audit.append([entry("aud_1")]))
    await store.close()
    db = connect(location, read_only=False, busy_timeout_s=5)
    db.run("DROP TABLE store_profile")
    for statement in MIGRATIONS[2].both[-2:]:
        db.run(statement)
    db.close()
    with pytest.raises(ConfigInvalid, match="belongs to the profile production"):
        await opens(store_url, "staging")


async def test_an_upgraded_store_in_which_nothing_happened_is_nobodys(store_url: str) -> None:
    location = locate(store_url)
    db = connect(location, read_only=False, busy_timeout_s=5)
    migrate(db, postgres=location.is_postgres, migrations=MIGRATIONS[:2])
    db.close()
    await opens(store_url, "staging")
