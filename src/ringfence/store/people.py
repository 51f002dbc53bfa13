"""People: one row per number, whatever line they write to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence.model.contact import Person
from ringfence.model.phone import PhoneNumber
from ringfence.store.connection import Connection, Row
from ringfence.store.statements import ForEach, Insert, columns

_PERSON = "p.number, p.contact_id, p.blocked, p.opt_out_source, p.passive_replies, p.zone"
_FIND = ForEach(
    f"SELECT {_PERSON} FROM people p{{and_rows}} WHERE p.number = :number",
    columns("number"),
)
_BY_CONTACT = ForEach(
    "SELECT p.contact_id, p.number FROM people p{and_rows} WHERE p.contact_id = :contact_id",
    columns("contact_id"),
)
_ADD = Insert(
    "people",
    columns(
        "number contact_id blocked opt_out_source passive_replies zone",
        blocked="bigint",
        passive_replies="bigint",
    ),
    "ON CONFLICT (number) DO NOTHING",
)
_PASSIVE = ForEach(
    "UPDATE people SET passive_replies = :count {from_rows} WHERE people.number = :number",
    columns("number count", count="bigint"),
)


class PeopleTable:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def find(self, numbers: Iterable[PhoneNumber]) -> dict[PhoneNumber, Person]:
        wanted = [(number.e164,) for number in set(numbers)]
        found = map(_person, self._db.each(_FIND, wanted) if wanted else ())
        return {person.number: person for person in found}

    def add(self, people: Sequence[Person]) -> None:
        if people:
            self._db.insert(_ADD, [_row(person) for person in people])

    def by_contact(self, contact_ids: Iterable[str]) -> dict[str, PhoneNumber]:
        wanted = [(contact_id,) for contact_id in set(contact_ids)]
        rows = self._db.each(_BY_CONTACT, wanted) if wanted else ()
        return {contact_id: PhoneNumber(number) for contact_id, number in rows}

    def set_opt_out(self, number: PhoneNumber, source: str) -> None:
        self._db.run("UPDATE people SET opt_out_source = ? WHERE number = ?", (source, number.e164))

    def set_blocked(self, number: PhoneNumber, blocked: bool) -> None:
        self._db.run("UPDATE people SET blocked = ? WHERE number = ?", (int(blocked), number.e164))

    def set_zone(self, number: PhoneNumber, zone: str) -> None:
        self._db.run("UPDATE people SET zone = ? WHERE number = ?", (zone, number.e164))

    def set_passive_replies(self, counts: Sequence[tuple[PhoneNumber, int]]) -> None:
        last = {number.e164: count for number, count in counts}
        if last:
            self._db.run_each(_PASSIVE, list(last.items()))

    def blocked(self) -> list[Person]:
        return [
            _person(row)
            for row in self._db.rows(
                f"SELECT {_PERSON} FROM people p WHERE p.blocked = 1 ORDER BY p.number"
            )
        ]


def _row(person: Person) -> Row:
    return (
        person.number.e164,
        person.contact_id,
        int(person.blocked),
        person.opt_out_source,
        person.passive_replies,
        person.zone,
    )


def _person(row: Row) -> Person:
    number, contact_id, blocked, opt_out_source, passive_replies, zone = row
    return Person(
        PhoneNumber(number),
        contact_id,
        bool(blocked),
        opt_out_source,
        passive_replies,
        zone,
    )
