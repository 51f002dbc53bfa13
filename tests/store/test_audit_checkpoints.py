"""Signed checkpoints on both databases: somebody who can write every table, hashes and head included,
is found by what was signed before, and somebody who swaps the key by whoever knows the right one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from store_rows import NOW, entry, later

from ringfence.clock import SystemClock
from ringfence.model.audit import GENESIS, AuditEntry, Checkpoint, link
from ringfence.ports import Tx
from ringfence.store import Findings, check, open_store
from ringfence.store.chain import canonical
from ringfence.store.database import Database
from ringfence.store.keys import FixedKey
from ringfence.store.migrations import MIGRATIONS, migrate
from ringfence.store.opening import connect, locate

OURS, THEIRS = FixedKey(b"o" * 32), FixedKey(b"t" * 32)
TRUSTED = frozenset({OURS.public_key})
ENTRIES = "seq, id, at, kind, subject, actor, body, previous, hash"

Rows = list[list[Any]]


@dataclass
class Attacker:
    """Owns the database, has taken the triggers away, and can do arithmetic."""

    url: str

    @property
    def postgres(self) -> bool:
        return self.url.startswith("postgresql")

    def run(self, *statements: str, rows: Sequence[Sequence[Any]] = ((),)) -> list[Any]:
        found: list[Any] = []
        if self.postgres:
            with psycopg.connect(self.url, autocommit=True) as raw:
                for statement in statements:
                    for row in rows:
                        text = statement.replace("?", "%s") if row else statement
                        cursor = raw.execute(text.encode(), tuple(row) or None)
                        found = cursor.fetchall() if cursor.description else []
            return found
        file = sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
        for statement in statements:
            for row in rows:
                found = file.execute(statement, row).fetchall()
        file.close()
        return found

    def disarm(self) -> None:
        if self.postgres:
            self.run(*(f"ALTER TABLE {t} DISABLE TRIGGER ALL" for t in TABLES))
        else:
            names = self.run("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            self.run(*(f"DROP TRIGGER {name}" for (name,) in names))

    def rearm(self, triggers: Sequence[str]) -> None:
        if self.postgres:
            self.run(*(f"ALTER TABLE {t} ENABLE TRIGGER ALL" for t in TABLES))
        else:
            self.run(*triggers)

    def rewrites(self, change: Callable[[Rows], Rows]) -> None:
        """Change the entries, number and hash them anew, mend the head, leave no trace."""
        triggers = [] if self.postgres else self._triggers()
        self.disarm()
        entries = change(
            [list(row) for row in self.run(f"SELECT {ENTRIES} FROM audit ORDER BY seq")]
        )
        previous = GENESIS
        for seq, row in enumerate(entries, start=1):
            row[0], row[7] = seq, previous
            row[8] = previous = link(previous, canonical(tuple(row[1:7])))
        self.run("DELETE FROM audit")
        marks = ", ".join("?" * 9)
        self.run(f"INSERT INTO audit ({ENTRIES}) VALUES ({marks})", rows=entries)
        self.run(f"UPDATE audit_head SET count = {len(entries)}, hash = '{previous}'")
        self.rearm(triggers)

    def strikes(self, *statements: str) -> None:
        """Plain statements with the triggers away for the moment."""
        triggers = [] if self.postgres else self._triggers()
        self.disarm()
        self.run(*statements)
        self.rearm(triggers)

    def _triggers(self) -> list[str]:
        return [sql for (sql,) in self.run("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]


TABLES = ("audit", "audit_head", "checkpoints")


def signed(tx: Tx, key: FixedKey = OURS) -> Checkpoint:
    """What the gateway does: sign the head, store it, record it."""
    count, hash_ = tx.audit.head()
    bare = Checkpoint(count, hash_, later(seconds=count), key.public_key)
    made = replace(bare, signature=key.sign(bare.statement))
    tx.checkpoints.add(made)
    body = {"count": made.count, "hash": made.hash, "key": made.public_key}
    tx.audit.append([AuditEntry(f"aud_c{count}", NOW, "checkpoint", str(count), "system", body)])
    return made


async def filled(store: Database) -> list[Checkpoint]:
    """Entries 1 to 4, a checkpoint (recorded by 5), 6 to 9, a checkpoint (recorded by 10), 11."""
    made: list[Checkpoint] = []
    for start in (0, 4, 8):
        names = [f"aud_{n}" for n in range(start, start + (4 if start < 8 else 1))]
        await store.write(lambda tx, names=names: tx.audit.append([entry(n) for n in names]))
        if start < 8:
            made.append(await store.write(signed))
    return made


@pytest.fixture
async def made(store_url: str) -> list[Checkpoint]:
    store = await open_store(store_url, clock=SystemClock())
    found = await filled(store)
    await store.close()
    return found


def found(url: str, given: Sequence[Checkpoint] = (), **options: Any) -> Findings:
    return check(url, **{"trusted": TRUSTED, "given": given, **options})


@pytest.mark.proves("P7", "C10")
async def test_a_whole_log_is_whole(store_url: str, made: list[Checkpoint]) -> None:
    seen = found(store_url, made)
    assert (seen.audit_entries, seen.problems, seen.checkpoints) == (11, (), 2)
    assert seen.newest == made[-1]
    assert [one.count for one in made] == [4, 9]


def edit(row: int) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows[row - 1][5] = "operator:nobody"
        return rows

    return change


def insert(rows: Rows) -> Rows:
    fresh = list(rows[1])
    fresh[1] = "aud_new"
    return [*rows[:2], fresh, *rows[2:]]


def reorder(rows: Rows) -> Rows:
    return [rows[1], rows[0], *rows[2:]]


REWRITINGS: dict[str, Callable[[Rows], Rows]] = {
    "edit": edit(2),
    "delete": lambda rows: [*rows[:1], *rows[2:]],
    "insert": insert,
    "reorder": reorder,
}


@pytest.mark.proves("P7", "C10")
@pytest.mark.parametrize("name", REWRITINGS)
async def test_a_log_written_anew_with_good_hashes_disagrees_with_what_was_signed(
    store_url: str, made: list[Checkpoint], name: str
) -> None:
    Attacker(store_url).rewrites(REWRITINGS[name])
    seen = found(store_url)
    assert "the chain up to entry 4 was written anew" in seen.audit
    assert "1 more likewise" in seen.audit
    assert seen.checkpoints == 0


@pytest.mark.proves("P7", "C10")
async def test_a_tail_cut_below_a_stored_checkpoint_is_found(
    store_url: str, made: list[Checkpoint]
) -> None:
    Attacker(store_url).rewrites(lambda rows: rows[:6])
    seen = found(store_url)
    assert "entries 7 to 9 are gone from the end of the chain" in seen.audit
    assert seen.checkpoints == 1


@pytest.mark.proves("P7", "C10")
async def test_a_tail_cut_with_its_head_and_checkpoints_is_found_by_one_kept_elsewhere(
    store_url: str, made: list[Checkpoint]
) -> None:
    attacker = Attacker(store_url)
    attacker.rewrites(lambda rows: rows[:6])
    attacker.strikes("DELETE FROM checkpoints WHERE seq > 4")
    # Nothing inside the database can tell any more.
    assert found(store_url).problems == ()
    seen = found(store_url, [made[-1]])
    assert "entries 7 to 9 are gone from the end of the chain" in seen.audit
    assert "as the given checkpoint over entry 9 says" in seen.audit


@pytest.mark.proves("P7", "C10")
async def test_what_was_rewritten_after_the_last_stored_checkpoint_is_found_by_a_later_one(
    store_url: str, made: list[Checkpoint]
) -> None:
    store = await open_store(store_url, clock=SystemClock())
    last = await store.write(signed)
    await store.close()
    attacker = Attacker(store_url)
    attacker.rewrites(lambda rows: edit(11)(rows)[:11])
    attacker.strikes("DELETE FROM checkpoints WHERE seq > 9")
    assert found(store_url).problems == ()
    assert "up to entry 11 was written anew" in found(store_url, [last]).audit


FORGERIES = {
    "signature": ("UPDATE checkpoints SET signature = '" + "ab" * 64 + "' WHERE seq = 4", "forged"),
    "no signature": ("UPDATE checkpoints SET signature = '' WHERE seq = 4", "forged"),
    "time": ("UPDATE checkpoints SET at = at + 1 WHERE seq = 4", "forged"),
    "another's signature": (
        "UPDATE checkpoints SET signature = (SELECT signature FROM checkpoints WHERE seq = 9) "
        "WHERE seq = 4",
        "forged",
    ),
    "no key": ("UPDATE checkpoints SET public_key = 'none' WHERE seq = 4", "forged"),
    "gone": ("DELETE FROM checkpoints WHERE seq = 4", "entry 4, which the chain records, is gone"),
    "put in": (
        "INSERT INTO checkpoints SELECT 6, hash, at, public_key, signature FROM checkpoints "
        "WHERE seq = 4",
        "over entry 6 is forged",
    ),
}


@pytest.mark.proves("P7", "C10")
@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_checkpoint_is_found(
    store_url: str, made: list[Checkpoint], name: str
) -> None:
    statement, words = FORGERIES[name]
    Attacker(store_url).strikes(statement)
    seen = found(store_url)
    assert words in " ".join(seen.problems)
    assert seen.checkpoints < 2 or name == "put in"
    assert seen.audit_entries == 11


@pytest.mark.proves("P7", "C10")
async def test_a_checkpoint_signed_with_the_right_key_but_never_recorded_is_found(
    store_url: str, made: list[Checkpoint]
) -> None:
    rows = Attacker(store_url).run("SELECT hash FROM audit WHERE seq = 6")
    bare = Checkpoint(6, rows[0][0], NOW, OURS.public_key)
    stolen = replace(bare, signature=OURS.sign(bare.statement))
    store = await open_store(store_url, clock=SystemClock())
    await store.write(lambda tx: tx.checkpoints.add(stolen))
    await store.close()
    assert found(store_url).problems == (
        "the checkpoint over entry 6 was put in: the chain does not record it",
    )


def _signs_anew(url: str, key: FixedKey) -> None:
    """Rewrite an entry, then sign and record every checkpoint again with a key of one's own."""
    attacker = Attacker(url)

    def change(rows: Rows) -> Rows:
        edit(2)(rows)
        previous = GENESIS
        for row in rows:
            if row[3] == "checkpoint":
                hashes[int(row[4])] = previous
                row[6] = f'{{"count":{row[4]},"hash":"{previous}","key":"{key.public_key}"}}'
            previous = link(previous, canonical(tuple(row[1:7])))
        return rows

    hashes: dict[int, str] = {}
    attacker.rewrites(change)
    statements = ["DELETE FROM checkpoints"]
    for count, hash_ in hashes.items():
        bare = Checkpoint(count, hash_, later(seconds=count), key.public_key)
        at = round(bare.at.timestamp() * 1_000_000)
        statements.append(
            f"INSERT INTO checkpoints VALUES ({count}, '{hash_}', {at}, '{key.public_key}', "
            f"'{key.sign(bare.statement)}')"
        )
    attacker.strikes(*statements)


@pytest.mark.proves("P7", "C10")
async def test_a_swapped_key_is_found_by_whoever_knows_the_right_one(
    store_url: str, made: list[Checkpoint]
) -> None:
    _signs_anew(store_url, THEIRS)
    # In itself all of it agrees, also for somebody who trusts whatever key is there now.
    assert found(store_url, trusted=None).problems == ()
    assert found(store_url, trusted={THEIRS.public_key}).problems == ()
    seen = found(store_url)
    assert "which is not known here" in seen.audit
    assert THEIRS.public_key[:16] in seen.audit
    # And a checkpoint kept elsewhere convicts it whatever is trusted.
    everyone = {THEIRS.public_key, OURS.public_key}
    assert "written anew" in found(store_url, made, trusted=everyone).audit


@pytest.mark.proves("P7", "C10")
async def test_a_given_checkpoint_that_was_changed_or_is_another_s_does_not_count(
    store_url: str, made: list[Checkpoint]
) -> None:
    longer = replace(made[-1], count=11)
    assert "the given checkpoint over entry 11 is forged" in found(store_url, [longer]).audit
    bare = replace(made[-1], public_key=THEIRS.public_key)
    theirs = replace(bare, signature=THEIRS.sign(bare.statement))
    assert "is not known here" in found(store_url, [theirs]).audit


SABOTAGE: dict[bool, dict[str, tuple[str, ...]]] = {
    True: {
        "dropped": ("DROP TRIGGER audit_append_only ON audit",),
        "switched off": ("ALTER TABLE audit_head DISABLE TRIGGER audit_head_grows",),
        "for replicas only": (
            "ALTER TABLE checkpoints ENABLE REPLICA TRIGGER checkpoints_append_only",
        ),
        "hollow": (
            "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN NULL; END $$",
        ),
        "narrowed": (
            "DROP TRIGGER audit_append_only ON audit",
            "CREATE TRIGGER audit_append_only BEFORE TRUNCATE ON audit FOR EACH STATEMENT "
            "EXECUTE FUNCTION audit_refuse()",
        ),
        "conditional": (
            "DROP TRIGGER audit_append_only ON audit",
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION audit_refuse()",
        ),
    },
    False: {
        "dropped": ("DROP TRIGGER audit_no_delete",),
        "head": ("DROP TRIGGER audit_head_grows",),
        "checkpoints": ("DROP TRIGGER checkpoints_no_update",),
        "hollow": (
            "DROP TRIGGER audit_no_update",
            "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT 1; END",
        ),
    },
}


async def _sabotaged(url: str, statements: Sequence[str]) -> str:
    store = await open_store(url, clock=SystemClock())
    await filled(store)
    await store.close()
    assert found(url).problems == ()
    Attacker(url).run(*statements)
    return " ".join(found(url).problems)


@pytest.mark.proves("P7", "C10")
@pytest.mark.parametrize("name", SABOTAGE[False])
async def test_a_missing_or_hollow_trigger_is_found(sqlite_url: str, name: str) -> None:
    assert "no longer refuses changes" in await _sabotaged(sqlite_url, SABOTAGE[False][name])


@pytest.mark.postgres
@pytest.mark.proves("P7", "C10")
@pytest.mark.parametrize("name", SABOTAGE[True])
async def test_a_missing_or_hollow_trigger_is_found_on_postgres(
    postgres_url: str, name: str
) -> None:
    assert "no longer refuses changes" in await _sabotaged(postgres_url, SABOTAGE[True][name])


FORBIDDEN = (
    "UPDATE audit_head SET count = 3",
    "UPDATE audit_head SET hash = 'x'",
    "UPDATE audit_head SET id = 2, count = 100",
    "DELETE FROM audit_head",
    "INSERT INTO audit_head VALUES (1, 9, 'x')",
    "UPDATE checkpoints SET signature = ''",
    "DELETE FROM checkpoints",
    "DELETE FROM audit",
    "UPDATE audit SET actor = 'me'",
)
FORBIDDEN_THERE = {
    True: ("TRUNCATE audit", "TRUNCATE audit_head", "TRUNCATE checkpoints"),
    False: (
        "INSERT OR REPLACE INTO audit SELECT seq, id, at, kind, subject, 'me', body, previous, "
        "hash FROM audit WHERE seq = 3",
        "INSERT OR REPLACE INTO audit SELECT 99, id, at, kind, subject, 'me', body, previous, "
        "hash FROM audit WHERE seq = 3",
        "INSERT OR REPLACE INTO audit_head VALUES (1, 3, 'x')",
        "INSERT OR REPLACE INTO checkpoints SELECT seq, hash, 0, public_key, '' FROM checkpoints",
        "UPDATE OR REPLACE audit SET seq = seq + 1",
    ),
}


@pytest.mark.proves("P7")
async def test_the_database_refuses_to_change_entries_head_and_checkpoints(
    store_url: str, made: list[Checkpoint]
) -> None:
    attacker = Attacker(store_url)
    for statement in (*FORBIDDEN, *FORBIDDEN_THERE[attacker.postgres]):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException)):
            attacker.run(statement)
    assert found(store_url, made).problems == ()


HIDDEN = {
    "before the first": "INSERT INTO audit SELECT -5, 'aud_x', at, kind, subject, actor, body, "
    "previous, hash FROM audit WHERE seq = 1",
    "number zero": "INSERT INTO audit SELECT 0, 'aud_x', at, kind, subject, actor, body, previous, "
    "hash FROM audit WHERE seq = 1",
}


@pytest.mark.proves("P7")
@pytest.mark.parametrize("name", HIDDEN)
async def test_nothing_hides_before_the_first_entry(
    store_url: str, made: list[Checkpoint], name: str
) -> None:
    Attacker(store_url).strikes(HIDDEN[name])
    assert "(aud_x) was put in" in found(store_url).audit


@pytest.mark.parametrize(
    "value", ["CAST(body AS BLOB)", "CAST(x'ff22' AS TEXT)", "7"], ids=["blob", "no text", "number"]
)
async def test_sqlite_values_of_another_type_are_named_not_stumbled_over(
    sqlite_url: str, value: str
) -> None:
    store = await open_store(sqlite_url, clock=SystemClock())
    await filled(store)
    await store.close()
    Attacker(sqlite_url).strikes(f"UPDATE audit SET body = {value} WHERE seq = 3")
    seen = found(sqlite_url)
    assert seen.audit.startswith("entry 3 ")
    assert "was changed" in seen.audit
    assert seen.audit_entries == 2


async def test_an_emptied_store_disagrees_with_a_checkpoint(sqlite_url: str) -> None:
    store = await open_store(sqlite_url, clock=SystemClock())
    [first, _] = await filled(store)
    await store.close()
    Attacker(sqlite_url).run("DROP TABLE schema_version")
    assert "whole audit log is gone" in found(sqlite_url, [first]).audit


@pytest.mark.proves("P7")
async def test_a_break_is_said_once_and_what_stands_before_it_still_holds(
    store_url: str, made: list[Checkpoint]
) -> None:
    Attacker(store_url).strikes("UPDATE audit SET actor = 'me' WHERE seq = 7")
    seen = found(store_url)
    assert seen.problems == ("entry 7 (aud_5) was changed",)
    assert (seen.audit_entries, seen.checkpoints, seen.newest) == (6, 1, made[0])


@pytest.mark.proves("P7", "C10")
async def test_a_checkpoint_signed_by_another_key_is_not_the_one_recorded(
    store_url: str, made: list[Checkpoint]
) -> None:
    bare = replace(made[0], public_key=THEIRS.public_key)
    Attacker(store_url).strikes(
        f"UPDATE checkpoints SET public_key = '{THEIRS.public_key}', "
        f"signature = '{THEIRS.sign(bare.statement)}' WHERE seq = 4"
    )
    assert found(store_url, trusted=None).problems == (
        "the checkpoint over entry 4 is not the one that the chain records",
    )


async def test_a_store_of_the_first_schema_is_judged_by_what_it_had(store_url: str) -> None:
    location = locate(store_url)
    db = connect(location, read_only=False, busy_timeout_s=5)
    migrate(db, postgres=location.is_postgres, migrations=MIGRATIONS[:1])
    db.close()
    assert found(store_url).problems == ()
    attacker = Attacker(store_url)
    attacker.run(
        "DROP TRIGGER audit_append_only ON audit"
        if attacker.postgres
        else "DROP TRIGGER audit_no_delete"
    )
    assert "no longer refuses changes" in found(store_url).audit
