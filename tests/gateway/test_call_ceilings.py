"""What calls have used, what those under way may still use, and how long the next one may last."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from calling import ANN, BEN, Calling, calling
from ringfence.config.policies import policy_of
from ringfence.config.problems import Problems
from ringfence.gateway.call_ceilings import CallWanted, ceilings_s
from ringfence.gateway.counting import Counts, count_call, give_back
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.model.call import Call, CallMode, CallState, Leg, LegRole
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Verdict
from ringfence.policy.facts import VolumeCounts

LIMITS = {"day": 100, "minutes": 30, "minutesDay": 20, "recipientMinutesDay": 12}


class Book:
    """A line's calls on paper: rows are written, nobody rings."""

    def __init__(self, story: Calling, limits: dict[str, Any] | None = None) -> None:
        self.story, self.kit = story.story, story.story.gateway.kit
        if limits is not None:
            sections = [("policy", {"callLimits": {**LIMITS, **limits}})]
            policy, _ = policy_of(self.line, sections, Problems())
            self.kit.policies[self.line.id] = policy  # type: ignore[index]
        self.made = 0

    @property
    def line(self) -> Any:
        return self.story.line

    @property
    def now(self) -> datetime:
        return self.story.clock.now()

    def question(self, number: str, act: Act = Act.CALL, by: str = "operator:test") -> Question:
        return Question(act, self.line, PhoneNumber(number), by, claiming=True)

    def row(self, number: str, limit_s: int, lasted_s: float | None = None) -> Call:
        """A call under way, or one that is over after so many seconds."""
        self.made += 1
        over = lasted_s is not None
        leg = Leg(
            PhoneNumber(number),
            LegRole.PERSON,
            CallState.ENDED if over else CallState.ANSWERED,
            answered_at=self.now,
            ended_at=self.now + timedelta(seconds=lasted_s) if lasted_s is not None else None,
        )
        return Call(
            id=f"call_{self.made}",
            line=self.line.id,
            direction=Direction.OUT,
            mode=CallMode.CONVERSATION,
            contact_id="ctc_1",
            person=leg,
            time_limit=timedelta(seconds=limit_s),
            created_at=self.now,
            updated_at=self.now,
        )

    async def has_live(self, *calls: Call) -> None:
        await self.story.write(lambda tx: tx.calls.add(calls))

    async def ended(self, call: Call) -> None:
        await self.story.write(lambda tx: count_call(tx, call, self.kit.zones, self.now))

    async def counts(self, number: str, act: Act = Act.CALL) -> VolumeCounts:
        question = self.question(number, act)
        found: VolumeCounts = await self.story.read(
            lambda tx: Counts(tx, [question], self.now, self.kit.zones).of(question, 0)
        )
        return found

    async def limits(self, *numbers: str, seconds: int = 14_400) -> list[int]:
        wanted = [CallWanted(self.line, PhoneNumber(number), seconds) for number in numbers]
        found: list[int] = await self.story.read(
            lambda tx: ceilings_s(self.kit, tx, wanted, self.now)
        )
        return found


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("lasted_s", "minutes"), [(0, 0), (0.5, 1), (59, 1), (60, 1), (61, 2), (600, 10)]
)
async def test_minutes_are_counted_as_they_are_charged(
    store_url: str, lasted_s: float, minutes: int
) -> None:
    async with calling(store_url) as story:
        book = Book(story)
        await book.ended(book.row(ANN, 900, lasted_s))
        found = await book.counts(ANN)
        assert (found.call_minutes_day, found.recipient_call_minutes_day) == (minutes, minutes)
        other = await book.counts(BEN)
        assert (other.call_minutes_day, other.recipient_call_minutes_day) == (minutes, 0)
        # A text costs money, and so must know of them.
        assert (await book.counts(ANN, Act.REPLY)).call_minutes_day == minutes


async def test_a_call_nobody_answered_used_nothing(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        book = Book(story)
        call = book.row(ANN, 900, 40)
        nobody = replace(call, person=replace(call.person, answered_at=None))
        await book.ended(nobody)
        assert (await book.counts(ANN)).call_minutes_day == 0


async def test_every_leg_is_charged(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        book = Book(story)
        call = book.row(ANN, 900, 61)
        owner = replace(call.person, number=PhoneNumber(BEN), role=LegRole.OWNER)
        await book.ended(replace(call, joined=(owner,)))
        assert (await book.counts(ANN)).call_minutes_day == 4


@pytest.mark.proves("P10")
async def test_calls_under_way_count_with_all_they_may_use(store_url: str) -> None:
    async with calling(store_url) as story:
        book = Book(story)
        await book.has_live(book.row(ANN, 300), book.row(BEN, 90))
        found = await book.counts(ANN)
        assert found.calls_now == 2
        assert (found.call_minutes_day, found.recipient_call_minutes_day) == (7, 5)
        caller = await book.counts(BEN, Act.ANSWER)
        assert (caller.calls_now, caller.recipient_call_minutes_day) == (2, 2)


@pytest.mark.proves("P10")
async def test_what_is_rung_counts_for_the_line_and_the_person_and_is_no_message(
    store_url: str,
) -> None:
    async with calling(store_url) as story:
        book = Book(story)

        def claimed(tx: Any, act: Act) -> VolumeCounts:
            question = book.question(ANN, act)
            counts = Counts(tx, [question], book.now, book.kit.zones)
            counts.raise_for(question)
            counts.write()
            return counts.of(question, 0)

        at_once = await book.story.write(lambda tx: claimed(tx, Act.CALL))
        assert at_once.calls_now == 1, "two of one batch see each other"
        found = await book.counts(ANN)
        assert (found.calls_day, found.recipient_calls_hour, found.recipient_calls_day) == (1, 1, 1)
        assert (found.recipient_day, found.line_day, found.segments_day) == (0, 0, 0)
        assert found.agent_day == 1
        await book.story.write(lambda tx: claimed(tx, Act.ANSWER))
        assert await book.counts(ANN) == found, "who calls us is not rung by us"
        # The provider provably did not take it: it takes no place (B130).
        await book.story.write(
            lambda tx: give_back(tx, [(book.question(ANN), book.now)], book.kit.zones)
        )
        found = await book.counts(ANN)
        assert (found.calls_day, found.recipient_calls_hour, found.recipient_calls_day) == (0, 0, 0)


async def test_what_is_said_in_a_call_reads_no_counter(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        book = Book(story)
        await book.has_live(book.row(ANN, 300))
        assert await book.counts(ANN, Act.SPEAK) == VolumeCounts()


# -- how long ---------------------------------------------------------------------------------------


@pytest.mark.proves("P12")
async def test_no_call_gets_more_than_what_is_left(store_url: str) -> None:
    async with calling(store_url) as story:
        book = Book(story, {})
        assert await book.limits(ANN, seconds=45) == [45], "the line's own, where it is shorter"
        assert await book.limits(ANN) == [12 * 60], "the person's day"
        await book.ended(book.row(BEN, 900, 11 * 60))
        assert await book.limits(ANN) == [9 * 60], "the line's day"
        await book.has_live(book.row(BEN, 7 * 60))
        assert await book.limits(ANN) == [2 * 60], "what is promised is gone"
        assert await book.limits(BEN) == [0], "and of the person's"


@pytest.mark.proves("P12")
async def test_those_of_one_batch_share_what_is_left(store_url: str) -> None:
    async with calling(store_url) as story:
        book = Book(story, {"recipientMinutesDay": 100})
        first, second, third = await book.limits(ANN, BEN, ANN)
        assert first + second + third == 20 * 60
        # Each was allowed while a minute was left for it, so each gets one.
        assert min(first, second, third) == 60
        await book.ended(book.row(ANN, 900, 17 * 60))
        assert await book.limits(ANN, BEN, ANN) == [60, 60, 60]


@pytest.mark.proves("P1", "P10")
async def test_the_last_minute_is_allowed_once(store_url: str) -> None:
    """Two calls of one batch, and a minute left: the second waits for the next day."""
    async with calling(store_url, voice={"at_once": 5}) as story:
        book = Book(story, {})
        await book.ended(book.row("+15555550149", 900, 19 * 60))
        questions = [book.question(ANN), book.question(BEN)]

        def decided(tx: Any) -> list[tuple[Verdict, list[str]]]:
            desk = FactsDesk(book.kit, tx, questions, book.now)
            found = []
            for question in questions:
                decision, _ = desk.decide(question, "obx_1")
                found.append((decision.verdict, [why.code for why in decision.reasons]))
                if decision.verdict is Verdict.ALLOW:
                    desk.counts.raise_for(question)
            return found

        assert await book.story.write(decided) == [
            (Verdict.ALLOW, []),
            (Verdict.HOLD, ["call_minutes"]),
        ]


@pytest.mark.proves("P12")
async def test_money_is_time(sqlite_url: str) -> None:
    async with calling(sqlite_url) as story:
        book = Book(story)
        sections = [
            ("policy", {"spend": {"moneyDay": 1, "pricePerMinute": 0.25, "pricePerSegment": 0}})
        ]
        book.kit.policies[book.line.id], _ = policy_of(book.line, sections, Problems())  # type: ignore[index]
        assert await book.limits(ANN) == [4 * 60]
        await book.ended(book.row(BEN, 900, 61))
        assert await book.limits(ANN) == [2 * 60]
