"""What the simulation of the operations channel found, told again step by step: a history changes with
every change to the simulation, these do not."""

from __future__ import annotations

import base64
import random
from datetime import datetime

import pytest

from paged import ANN, BEN, STEPS, Paged, operations, paged
from ringfence.gateway import acknowledging
from ringfence.model.alert import AlertState
from ringfence.model.message import Direction, Message, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.model.wire import WireRequest, WireResponse
from ringfence.ports import Tx
from ringfence.testing import Phone
from telling import OWNER


class Away:
    """The carrier answers 503 to whoever wants to send."""

    def __init__(self, story: Paged) -> None:
        kit = story.story.gateway.kit
        self._real, self.back = kit.http, False
        object.__setattr__(kit, "http", self)

    async def send(self, request: WireRequest) -> WireResponse:
        if request.method == "POST" and not self.back:
            return WireResponse(503, {}, b"busy")
        answer: WireResponse = await self._real.send(request)
        return answer


class Unlucky(random.Random):
    """Draws a token that reads as a word carriers filter, and then others."""

    drawn = 0

    def randbytes(self, n: int) -> bytes:
        self.drawn += 1
        if self.drawn == 1:
            return base64.urlsafe_b64decode("Mkm_s3X-6TVLODKhEVOBXA==")[:n]
        return super().randbytes(n)


def given_up(phone: Phone) -> list[str]:
    return [text.body for text in phone.inbox if "nobody is left" in text.body]


@pytest.mark.proves("P6")
async def test_an_hour_without_a_line_delays_an_alert_and_does_not_end_it(store_url: str) -> None:
    """Found by a seed: within the hour all pages lost their use, the alert was given up, and when the
    line was back nobody was asked any more."""
    async with paged(store_url) as story:
        away = Away(story)
        await story.fires("db-1")
        await story.passes(minutes=60)
        assert story.got(ANN) == story.got(BEN) == []
        alert = await story.alert("db-1")
        assert (alert.state, alert.exhausted_at) == (AlertState.TRIGGERED, None)
        away.back = True
        await story.passes(minutes=50)
        assert [len(story.got(one)) for one in (ANN, BEN)] == [1, 1]
        assert (await story.alert("db-1")).exhausted_at is not None
        [told] = given_up(story.story.phone(OWNER))
        assert told.startswith("Alert 1 (incident)")


async def test_people_who_cannot_be_reached_are_not_asked_for_ever(store_url: str) -> None:
    """What the carrier refuses is in vain for good; only what never left is tried in another round."""
    async with paged(store_url) as story:
        for number in (ANN, BEN):
            story.story.carrier.script(number, "undelivered:30003")
        await story.fires("db-1")
        await story.passes(minutes=15)
        alert = await story.alert("db-1")
        assert (alert.round, alert.exhausted_at is None) == (1, False)


async def test_what_still_waits_for_the_line_is_not_given_up(store_url: str) -> None:
    """Its last step is over, and its text may leave yet: the end is told once it is clear."""
    steps = [{**STEPS[0], "acknowledgedWithin": 120}]
    async with paged(store_url, operations(steps=steps)) as story:
        away = Away(story)
        await story.fires("db-1")
        await story.passes(minutes=10)
        assert (await story.alert("db-1")).exhausted_at is None
        away.back = True
        await story.passes(minutes=10)
        assert len(story.got(ANN)) == 1
        assert (await story.alert("db-1")).exhausted_at is not None


@pytest.mark.proves("P6")
async def test_a_link_that_reads_as_a_bad_word_is_drawn_again(store_url: str) -> None:
    """Found by a seed: one link in some ten thousand held its page for a person to decide."""
    config = operations(gateway={"publicBaseUrl": "https://gate.example.org"})
    async with paged(store_url, config) as story:
        object.__setattr__(story.story.gateway.kit, "chance", Unlucky(1))
        await story.fires("db-1")
        [page] = story.got(ANN)
        assert "https://gate.example.org/a/" in page
        assert "s3X" not in page
        sent = await story.story.read(lambda tx: tx.messages.listing(9, None, "out", None))
        assert [one.message_class for one in sent] == [MessageClass.PAGE]


async def test_a_responder_who_is_new_to_the_line_is_paged_today(store_url: str) -> None:
    """Found by killing gateways with many responders: from the fifty-first on, pages waited for
    midnight, which none of them lives to see."""
    few = {"policy": {"agentVolume": {"newRecipientsDay": 0}}}
    async with paged(store_url, sms=few) as story:
        await story.fires("db-1")
        assert len(story.got(ANN)) == 1


@pytest.mark.proves("P4")
async def test_two_answers_of_one_moment_are_heard_one_after_the_other(store_url: str) -> None:
    """Found by a seed: two texts were read in one batch, the first ended the alert, and the second
    acknowledged it as it had been before: it was open again, and everybody was asked anew."""
    both = [{"name": "first", "notify": ["person:ann", "person:ben"]}]
    async with paged(store_url, operations(steps=both, policy={"everyone": True})) as story:
        alert = await story.fires("db-1")
        kit, line, now = story.story.gateway.kit, story.story.line, story.story.clock.now()

        def job(tx: Tx) -> None:
            said = [_said(ANN, f"{alert.number}r", now), _said(BEN, f"{alert.number}a", now)]
            heard = [acknowledging.heard(kit, tx, line, m.number, m.body, now) for m in said]
            for message, one in zip(said, heard, strict=True):
                assert one is not None
                acknowledging.obey(kit, tx, line, message, one, now)

        await story.story.write(job)
        assert (await story.alert("db-1")).state is AlertState.RESOLVED


def _said(number: str, body: str, now: datetime) -> Message:
    who, status = PhoneNumber(number), MessageStatus.RECEIVED
    return Message(f"msg_{number}", "default", Direction.IN, who, "", body, status, now, now)
