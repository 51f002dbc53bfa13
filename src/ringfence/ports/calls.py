"""The store's tables of calls: each call with its legs, what was said in it, and what agents were
asked. Read and write in one write transaction are one step: writers are serial."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from ringfence.model.call import Call, CallTurn, TurnTimes, Words
from ringfence.model.left_message import LeftMessage
from ringfence.model.phone import PhoneNumber


class Calls(Protocol):
    def add(self, calls: Sequence[Call]) -> None:
        """Raises StoreError for a second call with the provider's id on one line."""

    def save(self, calls: Iterable[Call]) -> None:
        """Everything of each as it is given, its joined legs included. Raises StoreError for a call
        that was never added, or was erased."""

    def get(self, call_id: str) -> Call | None: ...

    def many(self, call_ids: Collection[str]) -> dict[str, Call]: ...

    def at_provider(self, line: str, provider_id: str) -> Call | None:
        """By the provider's id of the person's leg or of one that joined it."""

    def of_messages(self, message_ids: Collection[str]) -> dict[str, Call]:
        """By message; of several tries the newest."""

    def of_person(self, number: PhoneNumber) -> list[Call]:
        """All calls with the person, oldest first; not those they only joined."""

    def live(self, lines: Collection[str]) -> dict[str, int]:
        """How many calls of each of these lines are not over, both directions; 0 included."""

    def live_ones(self) -> list[Call]:
        """Every call that is not over, oldest first."""

    def due(self, now: datetime, limit: int) -> list[Call]:
        """Those whose `look_at` has passed, the longest first."""

    def listing(
        self, limit: int, line: str | None, number: PhoneNumber | None, after: str | None
    ) -> list[Call]:
        """Newest first; `number` is the person's; `after` is the id of the last one already seen."""

    def add_words(self, words: Sequence[Words]) -> list[Words]:
        """`n` is counted by the store, from 1 in each call, in the order given, whatever `n` they
        come with; answers them as they are stored."""

    def words_of(self, call_id: str) -> list[Words]: ...

    def heard(self, call_id: str, n: int, characters: int) -> None:
        """How much of words of ours was heard; never less than what was known before."""

    def put_turn(self, turn: CallTurn) -> None:
        """Add it, or replace the one with its id. Raises StoreError for another one of that `n`."""

    def turn(self, call_id: str, n: int) -> CallTurn | None: ...

    def add_times(self, times: TurnTimes) -> None:
        """How long a turn took; a second report of one changes nothing."""

    def times_of(self, call_ids: Collection[str]) -> list[TurnTimes]:
        """Of all turns of these calls, in order of call and turn."""

    def forget(self, before: datetime, limit: int) -> int:
        """Forget what was said before then, answers of agents included, and what was pressed in calls
        made before then, `limit` of each at most; answers how many texts."""

    def put_message(self, message: LeftMessage) -> None:
        """What a caller left, or what became of it. Raises StoreError for a call that is not there."""

    def put_sound(self, call_id: str, content: bytes) -> None: ...

    def message_of(self, call_id: str) -> LeftMessage | None: ...

    def sound_of(self, call_id: str) -> bytes | None: ...

    def messages_due(self, now: datetime, limit: int) -> list[LeftMessage]:
        """Those that have to be fetched, the longest first."""

    def messages_left(self, limit: int) -> list[LeftMessage]:
        """Newest first, without those that were only asked for."""

    def forget_messages(self, before: datetime, limit: int) -> int:
        """Forget what was left before then, sound and all, `limit` at most; answers how many."""
