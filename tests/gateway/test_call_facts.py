"""What the gate is shown of calls: whose lists count, who the caller is, what they heard; and what
callers nobody can name are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from calling import ANN, BEN, ROUTE, Calling, calling
from ringfence.config.policies import policy_of
from ringfence.config.problems import Problems
from ringfence.gateway import replay
from ringfence.gateway.facts import FactsDesk, Question
from ringfence.gateway.halt import stop
from ringfence.model.call import Call, CallMode, CallState, Leg, LegRole
from ringfence.model.contact import Role, SwitchScope
from ringfence.model.line import AccessPolicy, Line, Secret
from ringfence.model.message import Direction
from ringfence.model.phone import PhoneNumber
from ringfence.model.verdict import Act, Decision, Verdict
from ringfence.policy.facts import Caller, Disclosure, Facts
from ringfence.text.caller_id import PLACEHOLDERS

CLOE = "+15555550143"
LISTED: dict[str, Any] = {
    "access": AccessPolicy.ALLOWLIST,
    "allow_anyone": False,
    "allow_from": frozenset({ANN}),
    "allow_to": frozenset({BEN}),
}


class Gate:
    """The facts of one story's questions, and what the gate says to them."""

    def __init__(self, story: Calling) -> None:
        self.story, self.kit = story.story, story.story.gateway.kit

    @property
    def line(self) -> Line:
        return self.story.line

    def asked(self, act: Act, number: str, **more: Any) -> Question:
        by = "person" if act is Act.ANSWER else "agent:default"
        return Question(act, self.line, PhoneNumber(number), **{"initiator": by, **more})

    def a_call(self, number: str, way: Direction, **more: Any) -> Call:
        now = self.story.clock.now()
        person = Leg(PhoneNumber(number), LegRole.PERSON, CallState.ANSWERED, answered_at=now)
        mode, limit = CallMode.CONVERSATION, timedelta(minutes=5)
        ids = "call_1", self.line.id, way, mode, "ctc_1", person, limit, now, now
        return replace(Call(*ids), **more)

    async def facts(self, act: Act, number: str, **more: Any) -> Facts:
        question, now = self.asked(act, number, **more), self.story.clock.now()
        found: Facts = await self.story.write(
            lambda tx: FactsDesk(self.kit, tx, [question], now).facts(question)
        )
        return found

    async def says(self, act: Act, number: str, **more: Any) -> tuple[str, set[str]]:
        question, now = self.asked(act, number, **more), self.story.clock.now()
        decision, _ = await self.story.write(
            lambda tx: FactsDesk(self.kit, tx, [question], now).decide(question, "call_1")
        )
        return decision.verdict.name.lower(), {reason.code for reason in decision.reasons}


@asynccontextmanager
async def gate(
    url: str, voice: Mapping[str, Any] | None = None, **more: Any
) -> AsyncIterator[Gate]:
    async with calling(url, voice=voice, **more) as story:
        yield Gate(story)


@pytest.mark.proves("B121")
@pytest.mark.parametrize(
    ("number", "role"),
    [
        (ANN, Role.MEMBER),
        (CLOE, Role.STRANGER),
        # They end, or begin, as a listed number does.
        ("+445555550141", Role.STRANGER),
        ("+5555550141", Role.STRANGER),
        ("+155555501410", Role.STRANGER),
        ("+1555555014", Role.STRANGER),
    ],
)
async def test_only_the_whole_number_is_on_the_list(
    sqlite_url: str, number: str, role: Role
) -> None:
    nonsense = {"", " ", "anonymous", "5550143", "15555550143", "0143", "*x"}
    listed = {**LISTED, "allow_from": frozenset({ANN, *nonsense})}
    async with gate(sqlite_url, listed) as one:
        for act in (Act.ANSWER, Act.CALL, Act.SPEAK):
            assert (await one.facts(act, number)).role is role
        verdict, codes = await one.says(Act.ANSWER, number)
        assert (verdict == "allow") == (role is Role.MEMBER)
        assert verdict == "allow" or codes == {"not_listed"}


async def test_the_lists_of_texts_are_not_those_of_calls(sqlite_url: str) -> None:
    texts = {"dmPolicy": "allowlist", "allowFrom": [CLOE], "allowTo": [CLOE]}
    async with gate(sqlite_url, LISTED, sms=texts) as one:
        assert (await one.facts(Act.INITIATE, CLOE)).role is Role.MEMBER
        for act in (Act.CALL, Act.ANSWER, Act.SPEAK):
            found = await one.facts(act, CLOE)
            assert (found.role, found.listed) == (Role.STRANGER, False)
        assert (await one.facts(Act.CALL, BEN)).listed
        assert not (await one.facts(Act.CALL, ANN)).listed
        verdict, codes = await one.says(Act.CALL, CLOE)
        assert verdict == "hold"
        assert {"recipient_not_listed", "no_call_consent", "first_contact"} <= codes


@pytest.mark.proves("B121")
@pytest.mark.parametrize("access", [AccessPolicy.PAIRING, AccessPolicy.OPEN])
@pytest.mark.parametrize("digits", sorted(PLACEHOLDERS))
async def test_a_placeholder_that_slipped_through_is_still_nobody(
    sqlite_url: str, access: AccessPolicy, digits: str
) -> None:
    number = f"+{digits}"
    voice = {"access": access, "allow_from": frozenset({number, "*"})}
    async with gate(sqlite_url, voice) as one:
        assert (await one.facts(Act.ANSWER, number)).caller is Caller.HIDDEN
        assert await one.says(Act.ANSWER, number) == ("deny", {"hidden_caller"})


@pytest.mark.proves("B121", "P7")
@pytest.mark.parametrize("access", AccessPolicy)
async def test_a_caller_without_a_number_is_refused_on_record(
    store_url: str, access: AccessPolicy
) -> None:
    async with gate(store_url, {"access": access}) as one:
        now = one.story.clock.now()

        def judged(tx: Any) -> Decision:
            decision, entry = FactsDesk(one.kit, tx, (), now).decide_unnamed(one.line, "CA1")
            tx.audit.append([entry])
            return decision

        decision = await one.story.write(judged)
        assert decision.verdict is Verdict.DENY
        code = "no_calls" if access is AccessPolicy.DISABLED else "hidden_caller"
        assert [reason.code for reason in decision.reasons] == [code]
        stored = await one.story.read(lambda tx: tx.policies.get(decision.policy_version))
        assert stored is not None, "what it was decided by can be read again"


async def test_how_sure_it_is_who_is_there(sqlite_url: str) -> None:
    async with gate(sqlite_url) as one:
        came, went = (one.a_call(ANN, way) for way in (Direction.IN, Direction.OUT))
        assert (await one.facts(Act.ANSWER, ANN)).caller is Caller.BY_NUMBER
        assert (await one.facts(Act.SPEAK, ANN, call=came)).caller is Caller.BY_NUMBER
        assert (await one.facts(Act.SPEAK, ANN, call=went)).caller is Caller.NONE
        # Words in a call that nobody showed are taken for words to a caller.
        assert (await one.facts(Act.SPEAK, ANN)).caller is Caller.BY_NUMBER
        assert (await one.facts(Act.CALL, ANN)).caller is Caller.NONE


@pytest.mark.proves("P1")
async def test_where_a_line_has_a_pin_nobody_is_talked_to_before_it(sqlite_url: str) -> None:
    async with gate(sqlite_url, {"pin": Secret("4711")}) as one:
        came, went = (one.a_call(ANN, way) for way in (Direction.IN, Direction.OUT))
        assert await one.says(Act.ANSWER, ANN) == ("hold", {"pin_owed"})
        assert await one.says(Act.SPEAK, ANN, call=came) == ("deny", {"not_let_in"})
        assert await one.says(Act.ANSWER, ANN, pin_given=True) == ("allow", set())
        assert await one.says(Act.SPEAK, ANN, call=came, pin_given=True) == ("allow", set())
        assert await one.says(Act.SPEAK, ANN, call=went) == ("allow", set())


@pytest.mark.proves("P1")
async def test_the_disclosure_is_owed_on_every_call_until_it_was_heard(sqlite_url: str) -> None:
    route = replace(ROUTE, disclosure="This is an automated call.")
    async with gate(sqlite_url, {"route": route}) as one:
        for way in Direction:
            call = one.a_call(CLOE, way)
            heard = replace(call, disclosed_at=one.story.clock.now())
            assert (await one.facts(Act.SPEAK, CLOE, call=call)).disclosure is Disclosure.OWED
            assert (await one.facts(Act.SPEAK, CLOE, call=heard)).disclosure is Disclosure.GIVEN
            assert await one.says(Act.SPEAK, CLOE, call=call) == ("deny", {"disclosure_unheard"})
            assert await one.says(Act.SPEAK, CLOE, call=heard) == ("allow", set())
        assert (await one.facts(Act.SPEAK, CLOE)).disclosure is Disclosure.OWED


async def test_the_disclosure_is_that_of_the_number_that_was_rung(sqlite_url: str) -> None:
    route = replace(ROUTE, disclosure="This is an automated call.")
    routes = ((CLOE, route),)
    async with gate(sqlite_url, {"routes": routes}) as one:
        call = one.a_call(ANN, Direction.IN)
        assert (await one.facts(Act.SPEAK, ANN, call=call)).disclosure is Disclosure.NONE
        there = replace(call, called="1 555 555-0143")
        assert (await one.facts(Act.SPEAK, ANN, call=there)).disclosure is Disclosure.OWED


@pytest.mark.proves("P3")
@pytest.mark.parametrize(
    ("scope", "subject", "stopped"),
    [
        (SwitchScope.EVERYTHING, "", True),
        (SwitchScope.LINE, "default", True),
        (SwitchScope.LINE, "other", False),
        (SwitchScope.CONTACT, ANN, True),
        (SwitchScope.CONTACT, BEN, False),
        (SwitchScope.AGENT, "default", True),
        (SwitchScope.AGENT, "other", False),
    ],
)
async def test_an_engaged_switch_takes_no_calls(
    sqlite_url: str, scope: SwitchScope, subject: str, stopped: bool
) -> None:
    """The agent that is stopped is the one that would have talked."""
    async with gate(sqlite_url) as one:
        now = one.story.clock.now()
        await one.story.write(
            lambda tx: stop(one.kit, tx, scope, subject, "test", "operator:test", now)
        )
        expected = ("deny", {"stopped"}) if stopped else ("allow", set())
        assert await one.says(Act.ANSWER, ANN) == expected


# -- decided again ----------------------------------------------------------------------------------


@pytest.mark.proves("P11", "C10")
async def test_calls_are_decided_again_by_the_lists_of_calls(store_url: str) -> None:
    """The same configuration gives the same; one without the lists, or with a PIN, its own."""
    async with gate(store_url, LISTED) as one:
        now = one.story.clock.now()
        asked = [one.asked(Act.ANSWER, ANN), one.asked(Act.CALL, BEN), one.asked(Act.ANSWER, CLOE)]

        def judged(tx: Any) -> None:
            desk = FactsDesk(one.kit, tx, asked, now)
            made = [desk.decide(question, f"call_{n}") for n, question in enumerate(asked)]
            tx.audit.append([entry for _, entry in made])

        await one.story.write(judged)

        async def again(**voice: Any) -> replay.Backtest:
            line = replace(one.line, voice=replace(one.line.voice, **voice))
            chosen = replay.other_of([line], {line.id: policy_of(line, (), Problems())[0]})
            since = now - timedelta(hours=1)
            return await replay.backtest(one.kit.store, chosen, since, now + timedelta(hours=1))

        same = await again()
        assert (same.asked, same.same, same.unread) == (3, 3, 0)
        closed = await again(allow_from=frozenset(), allow_to=frozenset())
        assert ("answer", "allow", "deny", "+not_listed") in closed.changed
        asks = await again(pin=Secret("4711"))
        assert ("answer", "allow", "hold", "+pin_owed") in asks.changed
