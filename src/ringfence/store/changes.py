"""Moving rows of a ledger from state to state: one fenced UPDATE per kind of change, and the lanes
and tallies that follow from it. Never moves a row that is not in a state the change expects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from ringfence.store.connection import Connection, Row
from ringfence.store.lanes import Lane, Lanes
from ringfence.store.statements import ForEach, columns, per_row
from ringfence.store.tallies import Tallies

S = TypeVar("S", bound=Enum)

_BIGINTS = {
    "due_at": "bigint",
    "expires_at": "bigint",
    "attempt": "bigint",
    "lease_until": "bigint",
    "error_code": "bigint",
    "expect_attempt": "bigint",
}


@dataclass(frozen=True, slots=True)
class Shape(Generic[S]):
    """What changes of one batch have in common, so that one statement serves them. `fence` is the
    optional column whose value must match, besides the state."""

    expect: frozenset[S]
    state: S
    columns: tuple[str, ...]
    fence: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Step(Generic[S]):
    """One expected state → the new one."""

    before: S
    statement: ForEach


class Moves(Generic[S]):
    """The fenced moves of one table."""

    def __init__(
        self,
        db: Connection,
        table: str,
        open_states: tuple[S, ...],
        tallies: Tallies,
        transitions: dict[S, frozenset[S]],
    ) -> None:
        self._db = db
        self._table = table
        self._open = frozenset(open_states)
        self._tallies = tallies
        self._transitions = transitions
        self._steps: dict[Shape[S], tuple[_Step[S], ...]] = {}
        self.lanes = Lanes(db, table, [state.value for state in open_states])

    def apply(self, changes: Sequence[tuple[Shape[S], Row]]) -> set[str]:
        """Each change is its shape and (the columns' values, the fence's if any, the id). Keeps
        their order; returns the ids that matched."""
        matched: set[str] = set()
        run: list[Row] = []
        seen: set[str] = set()
        present: Shape[S] | None = None
        for shape, row in changes:
            # An id twice in a run would meet itself in one statement: start another.
            if (shape is not present and shape != present) or row[-1] in seen:
                if present is not None:
                    matched |= self._move(present, run)
                present, run, seen = shape, [], set()
            run.append(row)
            seen.add(row[-1])
        if present is not None:
            matched |= self._move(present, run)
        return matched

    def _move(self, shape: Shape[S], rows: list[Row]) -> set[str]:
        steps = self._steps.get(shape)
        if steps is None:
            steps = self._steps[shape] = self._plan(shape)
        matched: set[str] = set()
        for step in steps:
            moved = self._db.each(step.statement, rows)
            if moved:
                matched.update([row[0] for row in moved])
                self._follow(step.before, shape.state, moved)
        return matched

    def _follow(self, before: S, after: S, moved: Sequence[Row]) -> None:
        if before is after:
            return
        for line in {row[2] for row in moved}:
            count = sum(1 for row in moved if row[2] == line)
            self._tallies.count(self._table, line, before.value, -count)
            self._tallies.count(self._table, line, after.value, count)
        was_open, is_open = before in self._open, after in self._open
        if was_open != is_open:
            lanes: Collection[Lane] = {(row[1], row[2]) for row in moved}
            (self.lanes.left if was_open else self.lanes.rejoined)(lanes)

    def _plan(self, shape: Shape[S]) -> tuple[_Step[S], ...]:
        for before in shape.expect:
            if before is not shape.state and shape.state not in self._transitions[before]:
                raise AssertionError(
                    f"{self._table}: {before.value} never becomes {shape.state.value}"
                )
        # A row must not match twice: those already in the new state go first.
        ordered = sorted(shape.expect, key=lambda s: (s is not shape.state, s.value))
        return tuple(_Step(before, self._statement(shape, before)) for before in ordered)

    def _statement(self, shape: Shape[S], before: S) -> ForEach:
        table = self._table
        settings = [f"state = '{shape.state.value}'", *(f"{c} = :{c}" for c in shape.columns)]
        given = list(shape.columns)
        fence = ""
        if before not in self._open and shape.state in self._open:
            settings.append("head = 0")
        if shape.fence:
            fence = f" AND {table}.{shape.fence} = :expect_{shape.fence}"
            given.append(f"expect_{shape.fence}")
        given.append("id")
        expected = per_row("id", f"'{before.value}'")
        return ForEach(
            # Column and state names only; values are parameters.
            f"UPDATE {table} SET {', '.join(settings)} {{from_rows}} "
            f"WHERE {table}.id = :id AND {table}.state = {expected}{fence} "
            f"RETURNING {table}.id, {table}.number, {table}.line",
            columns(
                " ".join(given), **{name: _BIGINTS[name] for name in given if name in _BIGINTS}
            ),
        )
