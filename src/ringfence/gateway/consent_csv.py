"""Consent as CSV, in and out. A bad row says its number and why; numbers, times and zones are never
guessed. A cell that a spreadsheet would run as a formula is written so that it does not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, TypeVar

from ringfence.gateway.cancel import cancel_person
from ringfence.gateway.consent import check
from ringfence.gateway.equipment import Equipment
from ringfence.gateway.evidence import Statement, opted_out, write
from ringfence.model.consent import SMS, ConsentEvent, ConsentKind, Level, Method
from ringfence.model.errors import BodyTooLarge, InvalidField, InvalidNumber
from ringfence.model.phone import PhoneNumber, from_operator
from ringfence.ports import Tx

FILE_BYTES_MAX: Final = 16_000_000
ROWS_MAX: Final = 20_000
# What an import reads, then what only an export writes and an import passes over.
COLUMNS: Final = (
    *("number", "kind", "programme", "level", "method", "at", "disclosure", "evidence"),
    *("expires_at", "channel", "country", "ip", "user_agent"),
)
EXPORTED: Final = (*COLUMNS, "id", "actor", "recorded_at", "disclosure_digest")
REQUIRED: Final = ("number", "at")
# What makes a spreadsheet read a cell as a formula (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class BadRow:
    """`row` as a spreadsheet counts: the headers are row 1."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file: `recorded` events, `repeated` ones that were there already, `cancelled`
    messages of people who turned out to have opted out, and the rows that are no good."""

    recorded: int
    repeated: int
    cancelled: int
    bad: tuple[BadRow, ...]


def read_csv(content: bytes) -> list[list[str]]:
    """The rows of a UTF-8 file, headers first; parted by comma, semicolon or tab, whichever the
    headers are parted by. Raises InvalidField, BodyTooLarge."""
    if len(content) > FILE_BYTES_MAX:
        raise BodyTooLarge(f"Split it: a file has at most {FILE_BYTES_MAX // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidField("The file is not UTF-8; save it as CSV UTF-8.") from None
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
    except csv.Error as error:
        raise InvalidField(f"The file is no CSV: {error}.") from None
    if len(rows) > ROWS_MAX + 1:
        raise BodyTooLarge(f"Split it: a file has at most {ROWS_MAX} rows.")
    return rows


def import_csv(
    kit: Equipment,
    tx: Tx,
    rows: Sequence[Sequence[str]],
    actor: str,
    partial: bool,
    now: datetime,
) -> Imported:
    """Record a file's rows, headers first, in one transaction. With a bad row nothing is recorded,
    unless `partial` keeps the good ones. What is in the ledger already is not recorded twice.
    Raises InvalidField for headers that are missing or unknown."""
    said, bad = parse(rows, now)
    if bad and not partial:
        return Imported(0, 0, 0, tuple(bad))
    known = tx.consents.of_people({one.number for one in said})
    keys = {_key(one, one.number) for events in known.values() for one in events}
    fresh: dict[object, Statement] = {}
    for one in said:
        if (key := _key(one, one.number)) not in keys:
            fresh.setdefault(key, one)
    stops = [one for one in fresh.values() if one.kind is ConsentKind.OPT_OUT]
    others = [one for one in fresh.values() if one.kind is not ConsentKind.OPT_OUT]
    write(kit, tx, others, actor, now)
    noted, cancelled = _opt_out(kit, tx, stops, actor, now)
    recorded = len(others) + noted
    body = {"recorded": recorded, "repeated": len(said) - recorded, "bad": len(bad)}
    tx.audit.append([kit.audit("consent_import", "consents", actor, now, body)])
    return Imported(recorded, len(said) - recorded, cancelled, tuple(bad))


def parse(rows: Sequence[Sequence[str]], now: datetime) -> tuple[list[Statement], list[BadRow]]:
    """What a file says, and what is wrong with it. Raises InvalidField for its headers."""
    headers = _headers(rows[0] if rows else ())
    said: list[Statement] = []
    bad: list[BadRow] = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            said.append(_statement(_cells(headers, row), now))
        except (InvalidField, InvalidNumber) as error:
            bad.append(BadRow(number, error.detail))
    return said, bad


def export_csv(events: Iterable[ConsentEvent], *, headers: bool = True) -> Iterator[str]:
    """The lines of a file, each with its end."""
    if headers:
        yield _line(EXPORTED)
    for event in events:
        yield _line([_cell_of(event, name) for name in EXPORTED])


def _headers(row: Sequence[str]) -> list[str]:
    headers = [cell.strip().lower().replace(" ", "_") for cell in row]
    unknown = [name for name in headers if name not in EXPORTED]
    missing = [name for name in REQUIRED if name not in headers]
    if unknown or missing or len(set(headers)) < len(headers):
        raise InvalidField(
            "The first row names the columns, each once. "
            + (f"Unknown: {', '.join(repr(name) for name in unknown)}. " if unknown else "")
            + (f"Missing: {', '.join(missing)}. " if missing else "")
            + f"Known: {', '.join(COLUMNS)}."
        )
    return headers


def _cells(headers: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    if len(row) > len(headers):
        raise InvalidField("It has more cells than there are columns.")
    return {name: _as_typed(cell) for name, cell in zip(headers, row, strict=False)}


def _statement(cells: Mapping[str, str], now: datetime) -> Statement:
    kind = _one_of(cells, "kind", ConsentKind, ConsentKind.GRANTED)
    if kind is ConsentKind.OPT_IN:
        raise InvalidField("A file opts nobody in again: START does, or consent opt-in.")
    of_programme = kind is not ConsentKind.OPT_OUT
    if kind is ConsentKind.GRANTED and not cells.get("level"):
        raise InvalidField("Its level is missing: conversational, transactional or marketing.")
    said = Statement(
        number=from_operator(cells.get("number", "")),
        kind=kind,
        method=_one_of(cells, "method", Method, Method.IMPORT),
        programme=cells.get("programme", "") if of_programme else "",
        level=_one_of(cells, "level", Level, Level.CONVERSATIONAL),
        at=_moment(cells, "at"),
        channel=cells.get("channel") or SMS,
        disclosure=cells.get("disclosure", ""),
        evidence=cells.get("evidence", ""),
        ip=cells.get("ip", ""),
        user_agent=cells.get("user_agent", ""),
        expires_at=_moment(cells, "expires_at") if cells.get("expires_at") else None,
        country=cells.get("country", ""),
    )
    check(said, now)
    return said


def _one_of(cells: Mapping[str, str], name: str, kind: type[E], default: E) -> E:
    word = cells.get(name, "").lower()
    if not word:
        return default
    try:
        return kind(word)
    except ValueError:
        known = ", ".join(str(one.value) for one in kind)
        raise InvalidField(f"Its {name} {word[:40]!r} is none of {known}.") from None


def _moment(cells: Mapping[str, str], name: str) -> datetime:
    text = cells.get(name, "")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidField(
            f"Its {name} {text[:40]!r} is no time with its zone, such as 2026-03-02T17:00:00Z."
        )
    return at


def _key(said: Statement | ConsentEvent, number: PhoneNumber) -> object:
    return number, said.programme, said.kind, said.level, said.method, said.at


def _opt_out(
    kit: Equipment, tx: Tx, said: Sequence[Statement], actor: str, now: datetime
) -> tuple[int, int]:
    """How many events, and how many messages were cancelled. Nothing waits for somebody whom nobody
    knew until now."""
    noted = cancelled = 0
    people = tx.people.find([one.number for one in said])
    for one in said:
        if opted_out(kit, tx, one, actor, now) is None:
            continue
        noted += 1
        if one.number in people:
            cancelled += cancel_person(kit, tx, one.number, "opted_out", actor, now)
    return noted, cancelled


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell_of(event: ConsentEvent, name: str) -> str:
    value = getattr(event, name)
    match value:
        case None:
            return ""
        case PhoneNumber():
            return value.e164  # a plus and digits: what a spreadsheet makes of it is no formula
        case Enum():
            return str(value.value)
        case datetime():
            return value.isoformat()
        case _:
            return _inert(str(value))


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def _as_typed(cell: str) -> str:
    """The cell without what `_inert` put before it."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith((*_FORMULA, "'")) else text
