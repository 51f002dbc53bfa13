"""Forgetting: texts past their keeping time, and all about one person. The audit chain holds ids and
digests only, so that it stays whole whatever is forgotten here; nothing here touches it. What a source
said in an event is not found by a number: `SourceEvents.forget` empties it in time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection
from ringfence.store.consents import ConsentTable
from ringfence.store.grants import GrantTable
from ringfence.store.statements import ForEach, columns
from ringfence.store.tallies import Tallies
from ringfence.store.values import micros

AT_ONCE = 5_000
"""Messages whose texts are forgotten by one call."""

# These end within a bound of their own, and forgetting waits for them. A dead letter does not: it
# may stay for ever, and what is older than the keeping time is not sent any more.
_OPEN = ("held", "queued", "sending")
_BLANK_MESSAGE = ForEach(
    "UPDATE messages SET body = '', media = '[]', provenance = '{}' {from_rows} "
    "WHERE messages.id = :id",
    columns("id"),
)
_BLANK_ITEMS = ForEach(
    "UPDATE outbox SET body = '', media = '[]' {from_rows} WHERE outbox.message_id = :id",
    columns("id"),
)
_DROP_OBSERVATIONS = ForEach(
    "DELETE FROM observations {using_rows} WHERE observations.outbox_id = :id", columns("id")
)
_DROP_WATCH = ForEach("DELETE FROM watches {using_rows} WHERE watches.id = :id", columns("id"))
_DROP_KEYS = ForEach(
    "DELETE FROM idempotency {using_rows} WHERE idempotency.message_id = :id", columns("id")
)
_DROP_USES = ForEach(
    "DELETE FROM grant_uses {using_rows} WHERE grant_uses.message_id = :id", columns("id")
)
# What holds a person's number under its name, besides what is counted or needs more care.
_BY_NUMBER = (
    "approvals",
    "pairing_requests",
    "pauses",
    "acquaintances",
    "disclosures",
    "drafts",
    "intakes",
    "turns",
    "outbox",
    "messages",
    "planned",
    # With it go its legs, its words and what agents were asked.
    "calls",
    "verified_numbers",
    "verifications",
)
_COUNTED = (
    "to:{0}",
    "noticed:{0}",
    "marketing:{0}",
)


class PrivacyTable:
    def __init__(self, db: Connection, tallies: Tallies) -> None:
        self._db = db
        self._tallies = tallies
        self._consents = ConsentTable(db)

    def redact(self, before: datetime) -> int:
        """Forget the texts of messages stored before then, in order, up to the first that is still
        under way; answers how many, AT_ONCE at most. Remembers how far it came."""
        reached = int(self._db.value("SELECT seq FROM forgotten WHERE name = 'texts'") or 0)
        rows = self._db.rows(
            "SELECT m.id, m.seq, m.status FROM messages m WHERE m.seq > ? AND m.created_at < ? "
            "ORDER BY m.seq LIMIT ?",
            (reached, micros(before), AT_ONCE),
        )
        done = list(takewhile(lambda row: row[2] not in _OPEN, rows))
        self._db.run("DELETE FROM media WHERE created_at < ?", (micros(before),))
        if not done:
            return 0
        keys = [(id_,) for id_, _, _ in done]
        self._db.run_each(_BLANK_MESSAGE, keys)
        self._db.run_each(_BLANK_ITEMS, keys)
        self._db.run(
            "INSERT INTO forgotten (name, seq) VALUES ('texts', ?) "
            "ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
            (done[-1][1],),
        )
        return len(done)

    def forget_texts(self, message_ids: Iterable[str]) -> None:
        keys = [(id_,) for id_ in sorted(set(message_ids))]
        if keys:
            self._db.run_each(_BLANK_MESSAGE, keys)
            self._db.run_each(_BLANK_ITEMS, keys)

    def erase(self, number: PhoneNumber) -> dict[str, int]:
        """Forget all rows about a person but the one that says they opted out or are blocked;
        answers how many of each table. Whatever waits for them must have been ended before."""
        messages = self._db.rows("SELECT id FROM messages WHERE number = ?", (number.e164,))
        items = self._db.rows("SELECT id FROM outbox WHERE number = ?", (number.e164,))
        self._uncount(number)
        for statement, keys in (
            (_DROP_OBSERVATIONS, items),
            (_DROP_WATCH, items),
            (_DROP_KEYS, messages),
            (_DROP_USES, messages),
        ):
            if keys:
                self._db.run_each(statement, keys)
        erased = {
            "consents": self._consents.erase(number),
            "grants": GrantTable(self._db).forget(number),
        }
        for table in _BY_NUMBER:
            erased[table] = self._db.run(f"DELETE FROM {table} WHERE number = ?", (number.e164,))
        erased["events"] = self._forget_events(number)
        erased["notices"] = self._forget_notices(number)
        erased["joined"] = self._forget_joined(number)
        self._forget_rest(number)
        erased["people"] = self._db.run(
            "DELETE FROM people WHERE number = ? AND blocked = 0 AND opt_out_source = ''",
            (number.e164,),
        )
        return {table: count for table, count in erased.items() if count}

    def _uncount(self, number: PhoneNumber) -> None:
        """The ledgers' tallies go with their rows."""
        for ledger in ("outbox", "turns", "planned"):
            rows = self._db.rows(
                f"SELECT line, state, count(*) FROM {ledger} WHERE number = ? GROUP BY line, state",
                (number.e164,),
            )
            for line, state, count in rows:
                self._tallies.count(ledger, line, state, -count)

    def _forget_events(self, number: PhoneNumber) -> int:
        """Buried events that name the number anywhere in their fields."""
        rows = self._db.rows(
            "SELECT id, line FROM dead_events WHERE body LIKE ?", (f"%{number.e164}%",)
        )
        for id_, line in rows:
            self._db.run("DELETE FROM dead_events WHERE id = ?", (id_,))
            self._tallies.count("events", line, "dead", -1)
        return len(rows)

    def _forget_notices(self, number: PhoneNumber) -> int:
        """What owners were texted about the person, their words quoted in it. Of the notices that a
        longer number with the same beginning stands in, the words go too; the rows stay."""
        named = f"%{number.e164}%"
        self._db.run(
            "UPDATE outbox SET body = '' WHERE message_class = 'owner_notice' AND body LIKE ? "
            "AND state NOT IN ('due', 'held', 'sending')",
            (named,),
        )
        return self._db.run(
            "UPDATE messages SET body = '' WHERE message_class = 'owner_notice' AND body LIKE ? "
            "AND status NOT IN ('queued', 'held', 'sending')",
            (named,),
        )

    def _forget_joined(self, number: PhoneNumber) -> int:
        """Their legs in calls of others, and what owners said there: nothing tells one owner's words
        from another's."""
        self._db.run(
            "UPDATE call_words SET text = '' WHERE speaker = 'owner' AND call_id IN "
            "(SELECT l.call_id FROM call_legs l WHERE l.number = ?)",
            (number.e164,),
        )
        return self._db.run("DELETE FROM call_legs WHERE number = ?", (number.e164,))

    def _forget_rest(self, number: PhoneNumber) -> None:
        for name in _COUNTED:
            self._db.run("DELETE FROM counters WHERE name = ?", (name.format(number.e164),))
        self._db.run("DELETE FROM counters WHERE name LIKE ?", (f"same:{number.e164}:%",))
        for kind in ("notice", "draft", "page", "call"):
            self._db.run("DELETE FROM counters WHERE name LIKE ?", (f"{kind}:%:{number.e164}",))
        self._db.run("DELETE FROM guesses WHERE subject LIKE ?", (f"%{number.e164}",))
        self._db.run("DELETE FROM switches WHERE scope = 'contact' AND subject = ?", (number.e164,))
        self._db.run(
            "UPDATE people SET zone = '', passive_replies = 0 WHERE number = ?", (number.e164,)
        )
