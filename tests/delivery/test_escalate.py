"""Escalation: each step once a round, in order, at its time, whoever looks how often; not delivered
and not acknowledged are two things; an acknowledgement ends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ringfence.delivery.escalate import (
    Answer,
    Answered,
    Began,
    Effect,
    Escalated,
    Exhausted,
    Facts,
    Nobody,
    Notify,
    acknowledge,
    advance,
    escalate,
    missing,
    next_due,
    problems,
    resolve,
)
from ringfence.model.alert import Acknowledgement, Alert, AlertState, Notification
from ringfence.model.event import Severity
from ringfence.model.oncall import (
    Channel,
    EscalationPolicy,
    Step,
    Target,
    TargetKind,
    Way,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SMS, CALL = Channel.SMS, Channel.CALL
SMS_THEN_CALL = (Way(SMS), Way(CALL, 180))
PEOPLE = {
    "day": ("ada",),
    "night": (),
    "team": ("ben", "cleo"),
    "boss": ("dora",),
}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def who(target: Target) -> Sequence[str]:
    return PEOPLE.get(target.name, (target.name,))


def step(name: str, *targets: str, **options: object) -> Step:
    meant = tuple(Target(TargetKind.SCHEDULE, target) for target in targets)
    return Step(name, meant, **options)  # type: ignore[arg-type]


FIRST = step("first", "day")
SECOND = step("second", "team", delay_s=60)
THIRD = step("third", "boss")
LADDER = EscalationPolicy("ladder", (FIRST, SECOND, THIRD))


def opened(policy: str = "ladder") -> Alert:
    return Alert(
        id="alr_1",
        number=12,
        flow="incidents",
        source="monitoring",
        title="Disk full",
        severity=Severity.CRITICAL,
        state=AlertState.TRIGGERED,
        opened_at=NOW,
        triggered_at=NOW,
        policy=policy,
        next_at=NOW,
    )


@dataclass
class Incident:
    """One alert, its rows, and what was done, as a store would keep them."""

    policy: EscalationPolicy = LADDER
    alert: Alert = field(default_factory=opened)
    facts: Facts = field(default_factory=Facts)
    log: list[tuple[datetime, Effect]] = field(default_factory=list)
    who: Callable[[Target], Sequence[str]] = who

    def takes(self, done: Escalated | Answered, now: datetime) -> tuple[Effect, ...]:
        self.alert = done.alert
        rows = tuple(
            Notification(e.round, e.step, e.way, e.responder, e.channel, now)
            for e in done.effects
            if isinstance(e, Notify)
        )
        self.facts = replace(self.facts, notifications=(*self.facts.notifications, *rows))
        self.log += [(now, effect) for effect in done.effects]
        return done.effects

    def ticks(self, seconds: float) -> list[str]:
        """Look at this moment; what was told, in short: "ada sms"."""
        done = advance(self.alert, self.policy, self.facts, at(seconds), self.who)
        return _told(self.takes(done, at(seconds)))

    def runs(self, until_s: float) -> list[tuple[float, str]]:
        """Look whenever it is due, no sooner; what was told when."""
        told = []
        while self.alert.next_at is not None and self.alert.next_at <= at(until_s):
            seconds = (self.alert.next_at - NOW).total_seconds()
            told += [(seconds, one) for one in self.ticks(seconds)]
        return told

    def arrives(self, person: str, seconds: float, *, failed: bool = False) -> None:
        """The last notification of this person is delivered, or has failed."""
        rows = list(self.facts.notifications)
        index = max(i for i, row in enumerate(rows) if row.responder == person)
        ends = {"failed_at" if failed else "delivered_at": at(seconds)}
        rows[index] = replace(rows[index], **ends)
        self.facts = replace(self.facts, notifications=tuple(rows))

    def acks(self, person: str, seconds: float, as_of: float | None = None) -> Answered:
        said = at(seconds if as_of is None else as_of)
        done = acknowledge(self.alert, self.policy, self.facts, person, said, at(seconds))
        if done.answer in (Answer.TAKEN, Answer.PARTLY):
            acks = (*self.facts.acknowledgements, Acknowledgement(person, said))
            self.facts = replace(self.facts, acknowledgements=acks)
        self.takes(done, at(seconds))
        return done

    def forces(self, seconds: float, as_of: float | None = None) -> Answered:
        said = at(seconds if as_of is None else as_of)
        done = escalate(self.alert, self.policy, self.facts, said, at(seconds), self.who)
        self.takes(done, at(seconds))
        return done


def _told(effects: Sequence[Effect]) -> list[str]:
    return [f"{e.responder} {e.channel.value}" for e in effects if isinstance(e, Notify)]


def test_steps_follow_each_other_each_after_its_delay() -> None:
    incident = Incident()
    incident.ticks(0)
    incident.arrives("ada", 5)
    told = incident.runs(359)
    assert told == []
    assert incident.runs(360) == [(360, "ben sms"), (360, "cleo sms")]
    incident.arrives("ben", 365)
    assert incident.runs(9_999) == [(660, "dora sms")]
    # Nothing reached dora: no use in waiting for her.
    assert incident.alert.exhausted_at == at(780)
    assert incident.log[-1] == (at(780), Exhausted(1, ("ada", "ben", "cleo", "dora")))
    assert incident.alert.next_at is None
    assert incident.ticks(99_999) == []


def test_the_first_step_waits_for_its_delay_too() -> None:
    incident = Incident(EscalationPolicy("slow", (replace(FIRST, delay_s=90),)))
    assert incident.ticks(89) == []
    assert incident.alert.next_at == at(90)
    assert incident.ticks(90) == ["ada sms"]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("delivered", [(180, "ada call"), (300, "dora sms")]),
        ("failed", [(7, "ada call"), (127, "dora sms")]),
        # Not delivered by T1 = 120: the call is brought forward, and lost 120 seconds after that.
        ("nothing", [(120, "ada call"), (240, "dora sms")]),
    ],
)
def test_not_delivered_and_not_acknowledged_are_apart(
    what: str, expected: list[tuple[float, str]]
) -> None:
    policy = EscalationPolicy("ways", (replace(FIRST, ways=SMS_THEN_CALL), THIRD))
    incident = Incident(policy)
    incident.ticks(0)
    if what != "nothing":
        incident.arrives("ada", 7, failed=what == "failed")
    incident.alert = replace(
        incident.alert, next_at=next_due(incident.alert, policy, incident.facts)
    )
    assert incident.runs(310) == expected


def test_what_failed_on_every_way_gives_up_at_once() -> None:
    incident = Incident(EscalationPolicy("two", (FIRST, THIRD)))
    incident.ticks(0)
    incident.arrives("ada", 4, failed=True)
    assert incident.ticks(4) == ["dora sms"]


def test_one_who_was_reached_keeps_the_step_waiting_for_all() -> None:
    incident = Incident(EscalationPolicy("two", (step("all", "team"), THIRD)))
    incident.ticks(0)
    incident.arrives("ben", 3, failed=True)
    incident.arrives("cleo", 3)
    assert incident.ticks(299) == []
    assert incident.ticks(300) == ["dora sms"]


def test_t1_switched_off_takes_as_long_as_it_takes() -> None:
    incident = Incident(EscalationPolicy("two", (replace(FIRST, delivered_within_s=0), THIRD)))
    assert incident.runs(299) == [(0, "ada sms")]
    assert incident.runs(300) == [(300, "dora sms")]


def test_rounds_repeat_after_their_pause_and_then_the_owner_is_told() -> None:
    policy = EscalationPolicy("again", (FIRST, THIRD), rounds=3, pause_s=1000)
    incident = Incident(policy)
    assert [person for _, person in incident.runs(99_999)] == ["ada sms", "dora sms"] * 3
    begun = [(when, e.round, e.step) for when, e in incident.log if isinstance(e, Began)]
    assert [(number, name) for _, number, name in begun] == [
        (number, name) for number in (1, 2, 3) for name in ("first", "third")
    ]
    # 120 of first, 120 of third, and the pause.
    assert [when for when, number, name in begun if name == "first"] == [
        at(0),
        at(1240),
        at(2480),
    ]
    assert isinstance(incident.log[-1][1], Exhausted)


def test_without_an_end_it_goes_on() -> None:
    incident = Incident(EscalationPolicy("ever", (FIRST,), rounds=None))
    assert len(incident.runs(120 * 50)) == 51


@pytest.mark.parametrize("late", [130, 1_000, 86_400])
def test_after_an_outage_one_step_not_all_that_were_missed(late: float) -> None:
    incident = Incident(EscalationPolicy("three", (FIRST, step("b", "boss"), step("c", "eve"))))
    incident.ticks(0)
    assert incident.ticks(late) == ["dora sms"]
    assert incident.ticks(late + 1) == []
    assert incident.alert.next_at == at(late + 120)
    assert incident.ticks(late + 120) == ["eve sms"]


def test_after_an_outage_a_person_gets_one_text_and_the_time_it_gives() -> None:
    ways = (Way(SMS), Way(SMS, 60), Way(CALL, 180))
    incident = Incident(EscalationPolicy("ways", (replace(FIRST, ways=ways), THIRD)))
    incident.ticks(0)
    incident.arrives("ada", 1)
    assert incident.ticks(5_000) == ["ada sms"]
    incident.arrives("ada", 5_001)
    assert incident.ticks(5_119) == []
    assert incident.ticks(5_120) == ["ada call"]
    incident.arrives("ada", 5_121)
    assert incident.ticks(5_239) == []
    assert incident.ticks(5_240) == ["dora sms"]


def test_an_acknowledgement_ends_it() -> None:
    incident = Incident()
    incident.ticks(0)
    done = incident.acks("ada", 30, as_of=20)
    assert done.answer is Answer.TAKEN
    assert (done.alert.state, done.alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, "ada")
    assert done.alert.acknowledged_at == at(20)
    assert done.alert.next_at is None
    assert incident.ticks(9_999) == []
    again = incident.acks("ben", 40)
    assert (again.answer, again.alert.acknowledged_by) == (Answer.ALREADY, "ada")


def test_everyone_must_acknowledge() -> None:
    policy = EscalationPolicy("all", (step("all", "team"), THIRD), everyone=True)
    incident = Incident(policy)
    incident.ticks(0)
    incident.arrives("ben", 1)
    incident.arrives("cleo", 1)
    partly = incident.acks("ben", 10)
    assert (partly.answer, partly.missing) == (Answer.PARTLY, ("cleo",))
    assert incident.acks("ben", 11).answer is Answer.ALREADY
    assert incident.ticks(300) == ["dora sms"]
    assert incident.acks("cleo", 310).missing == ("dora",)
    assert incident.acks("dora", 320).answer is Answer.TAKEN
    assert incident.alert.state is AlertState.ACKNOWLEDGED


def test_whoever_acknowledged_is_left_alone_while_others_are_missing() -> None:
    ways = replace(step("all", "team"), ways=SMS_THEN_CALL)
    incident = Incident(EscalationPolicy("all", (ways,), rounds=2, everyone=True))
    incident.ticks(0)
    incident.arrives("ben", 1)
    incident.arrives("cleo", 1)
    incident.acks("ben", 10)
    assert [one for _, one in incident.runs(9_999)] == ["cleo call", "cleo sms", "cleo call"]
    assert incident.log[-1][1] == Exhausted(2, ("cleo",))


def test_a_step_with_nobody_is_passed_over_and_told_of() -> None:
    incident = Incident(EscalationPolicy("gap", (step("gap", "night"), FIRST)))
    assert incident.ticks(0) == ["ada sms"]
    effects = [effect for _, effect in incident.log]
    assert Nobody(1, "gap", (Target(TargetKind.SCHEDULE, "night"),)) in effects


def test_passing_over_a_step_does_not_hurry_the_one_behind_it() -> None:
    incident = Incident(EscalationPolicy("gap", (step("gap", "night"), SECOND)))
    assert incident.ticks(0) == []
    assert incident.alert.next_at == at(60)
    assert incident.ticks(60) == ["ben sms", "cleo sms"]


def test_nobody_at_all_is_told_to_the_owner_at_once() -> None:
    incident = Incident(EscalationPolicy("gap", (step("a", "night"), step("b", "night"))))
    assert incident.ticks(0) == []
    assert incident.alert.exhausted_at == NOW
    assert [type(effect) for _, effect in incident.log] == [Began, Nobody, Began, Nobody, Exhausted]


def test_nobody_at_all_rests_between_rounds_without_end() -> None:
    incident = Incident(EscalationPolicy("gap", (step("a", "night"),), rounds=None))
    for look in range(5):
        assert incident.alert.next_at == at(300 * look)
        assert incident.ticks(300 * look) == []
    incident.who = lambda target: ("eve",)
    assert incident.ticks(1_500) == ["eve sms"]


def test_no_steps_at_all_is_exhausted() -> None:
    incident = Incident(EscalationPolicy("none", ()))
    assert incident.ticks(0) == []
    assert isinstance(incident.log[-1][1], Exhausted)


def test_a_person_forces_the_next_step_whatever_its_delay() -> None:
    incident = Incident()
    incident.ticks(0)
    done = incident.forces(10)
    assert done.answer is Answer.TAKEN
    assert _told(done.effects) == ["ben sms", "cleo sms"]


def test_forced_past_a_step_with_nobody_to_somebody_at_once() -> None:
    incident = Incident(EscalationPolicy("gap", (FIRST, step("gap", "night"), SECOND)))
    incident.ticks(0)
    assert _told(incident.forces(10).effects) == ["ben sms", "cleo sms"]


def test_forced_twice_by_one_impatience_escalates_once() -> None:
    incident = Incident()
    incident.ticks(0)
    incident.forces(10, as_of=8)
    assert incident.forces(11, as_of=9).answer is Answer.STALE
    assert incident.alert.step == "second"
    assert incident.forces(30).answer is Answer.TAKEN
    assert incident.alert.step == "third"


def test_forced_as_of_the_text_when_the_step_moved_meanwhile() -> None:
    incident = Incident(EscalationPolicy("three", (FIRST, step("b", "boss"), step("c", "eve"))))
    incident.ticks(0)
    incident.ticks(120)
    assert incident.forces(125, as_of=119).answer is Answer.STALE


def test_whoever_has_it_passes_it_on() -> None:
    incident = Incident()
    incident.ticks(0)
    incident.acks("ada", 30)
    done = incident.forces(600)
    assert done.alert.state is AlertState.TRIGGERED
    assert done.alert.acknowledged_by == ""
    assert _told(done.effects) == ["ben sms", "cleo sms"]
    # Ada's word is from before; so is one that was on its way.
    assert "ada" in missing(incident.alert, incident.facts)
    assert incident.acks("ada", 601, as_of=599).answer is Answer.STALE
    assert incident.acks("ada", 602).answer is Answer.TAKEN


def test_a_forcing_that_an_acknowledgement_overtook_leaves_it() -> None:
    incident = Incident()
    incident.ticks(0)
    incident.acks("ada", 30)
    assert incident.forces(31, as_of=29).answer is Answer.STALE
    assert incident.alert.state is AlertState.ACKNOWLEDGED


def test_forced_past_the_last_step_tells_the_owner_once() -> None:
    incident = Incident(EscalationPolicy("one", (FIRST,)))
    incident.ticks(0)
    assert incident.forces(5).answer is Answer.NOBODY_LEFT
    assert incident.forces(6).answer is Answer.NOBODY_LEFT
    assert sum(isinstance(effect, Exhausted) for _, effect in incident.log) == 1
    # It is still there to be taken.
    assert incident.acks("ada", 7).answer is Answer.TAKEN


def test_resolved_is_for_good() -> None:
    incident = Incident()
    incident.ticks(0)
    done = resolve(incident.alert, "ada", at(5))
    assert (done.answer, done.alert.resolved_by, done.alert.resolved_at) == (
        Answer.TAKEN,
        "ada",
        at(5),
    )
    incident.takes(done, at(5))
    assert incident.ticks(9_999) == []
    assert incident.acks("ben", 6).answer is Answer.OVER
    assert incident.forces(7).answer is Answer.OVER
    assert resolve(incident.alert, "ben", at(8)).answer is Answer.ALREADY


@pytest.mark.parametrize(
    ("steps", "then"),
    [
        # Renamed people and times: what is not begun yet follows the new policy.
        ((FIRST, step("second", "eve"), THIRD), ["eve sms"]),
        # A step put between.
        ((FIRST, step("new", "eve"), SECOND), ["eve sms"]),
        # The present one taken out: those behind it move up.
        ((SECOND, THIRD), ["ben sms", "cleo sms"]),
        # The next one taken out.
        ((FIRST, THIRD), ["dora sms"]),
        # Turned around: what told people already does not do so again in this round.
        ((THIRD, FIRST), []),
        ((), []),
    ],
)
def test_a_policy_changed_in_flight(steps: tuple[Step, ...], then: list[str]) -> None:
    incident = Incident()
    incident.ticks(0)
    incident.policy = EscalationPolicy("ladder", steps)
    assert incident.ticks(9_999) == then
    assert (incident.alert.exhausted_at is not None) is (then == [])


def test_a_policy_turned_around_does_not_tell_twice_in_a_round() -> None:
    incident = Incident(EscalationPolicy("ladder", (FIRST, THIRD)))
    incident.ticks(0)
    assert incident.ticks(120) == ["dora sms"]
    incident.policy = EscalationPolicy("ladder", (THIRD, FIRST))
    assert incident.ticks(9_999) == []
    assert incident.alert.exhausted_at is not None


def test_a_renamed_step_keeps_the_time_of_its_place() -> None:
    incident = Incident()
    incident.ticks(0)
    incident.arrives("ada", 1)
    incident.policy = EscalationPolicy("ladder", (replace(FIRST, name="renamed"), SECOND))
    for seconds in (10, 100, 299):
        assert incident.ticks(seconds) == []
        assert incident.alert.next_at == at(300)
    # Under its new name it is a step nobody was told by.
    assert incident.ticks(300) == ["ada sms"]
    incident.arrives("ada", 301)
    incident.policy = EscalationPolicy(
        "ladder",
        (
            replace(SECOND, acknowledged_within_s=7),
            replace(FIRST, name="x"),
            replace(THIRD, acknowledged_within_s=5),
        ),
    )
    incident.alert = replace(incident.alert, step="gone", place=2)
    incident.facts = replace(
        incident.facts,
        notifications=tuple(replace(row, step="gone") for row in incident.facts.notifications[1:]),
    )
    assert incident.ticks(599) == []
    assert incident.ticks(600) == ["ada sms"]


def test_nonsense_is_named() -> None:
    assert problems(LADDER) == ()
    bad = EscalationPolicy(
        "bad",
        (
            FIRST,
            FIRST,
            step("nobody"),
            replace(THIRD, name="x", ways=()),
            replace(THIRD, name="y", ways=(Way(SMS), Way(CALL, 300))),
            replace(THIRD, name="z", acknowledged_within_s=0),
        ),
        rounds=0,
    )
    found = " ".join(problems(bad))
    for word in ("first", "rounds", "nobody", '"x"', '"y"', '"z"'):
        assert word in found
    assert problems(EscalationPolicy("none", ()))


TIMES = st.sampled_from([1, 30, 60, 300])
WAYS = st.sampled_from(
    [(Way(SMS),), (Way(SMS), Way(CALL, 20)), (Way(CALL), Way(SMS), Way(CALL, 5))]
)


@st.composite
def policies(draw: st.DrawFn) -> EscalationPolicy:
    names = draw(st.integers(1, 4))
    steps = tuple(
        Step(
            f"s{number}",
            tuple(
                Target(TargetKind.SCHEDULE, name)
                for name in draw(st.lists(st.sampled_from(sorted(PEOPLE)), min_size=1, max_size=3))
            ),
            acknowledged_within_s=draw(st.sampled_from([25, 60, 300])),
            delivered_within_s=draw(st.sampled_from([0, 10, 60])),
            delay_s=draw(st.sampled_from([0, 0, 45])),
            ways=draw(WAYS),
        )
        for number in range(names)
    )
    rounds = draw(st.sampled_from([1, 2, 3, None]))
    return EscalationPolicy(
        "any", steps, rounds, draw(st.sampled_from([0, 100])), draw(st.booleans())
    )


class Escalation(RuleBasedStateMachine):
    """Ticks at any time, news of any kind in between; what must hold is looked for from outside."""

    @initialize(policy=policies())
    def opens(self, policy: EscalationPolicy) -> None:
        assert problems(policy) == ()
        self.incident = Incident(policy)
        self.now = 0.0
        self.forced: set[datetime] = set()
        self.quiet_since: int | None = (
            None  # effects in the log when it was acknowledged or resolved
        )

    @rule(seconds=st.sampled_from([0, 0.5, 1, 7, 20, 61, 301, 4_000]))
    def time_passes_and_somebody_looks(self, seconds: float) -> None:
        self.now += seconds
        due, state = self.incident.alert.next_at, self.incident.alert.state
        late = next_due(self.incident.alert, self.incident.policy, self.incident.facts)
        before = len(self.incident.log)
        self.incident.ticks(self.now)
        did = len(self.incident.log) > before
        assert did == (late is not None and late <= at(self.now)), (due, late, state)

    @rule()
    def somebody_looks_at_the_very_moment(self) -> None:
        due = next_due(self.incident.alert, self.incident.policy, self.incident.facts)
        if due is not None:
            self.now = max(self.now, (due - NOW).total_seconds())
            self.incident.ticks(self.now)

    @precondition(lambda self: self.incident.facts.notifications)
    @rule(pick=st.integers(0, 99), failed=st.booleans())
    def a_report_comes(self, pick: int, failed: bool) -> None:
        rows = list(self.incident.facts.notifications)
        row = rows[pick % len(rows)]
        if row.delivered_at is None and row.failed_at is None:
            ends = {"failed_at" if failed else "delivered_at": at(self.now)}
            rows[pick % len(rows)] = replace(row, **ends)
            self.incident.facts = replace(self.incident.facts, notifications=tuple(rows))

    @rule(person=st.sampled_from(["ada", "ben", "cleo", "dora"]), ago=st.sampled_from([0, 3, 500]))
    def somebody_acknowledges(self, person: str, ago: float) -> None:
        done = self.incident.acks(person, self.now, as_of=max(self.now - ago, 0))
        assert done.effects == ()
        if done.answer is Answer.TAKEN:
            self.quiet_since = len(self.incident.log)

    @rule(ago=st.sampled_from([0, 3, 500]))
    def somebody_forces(self, ago: float) -> None:
        before = self.incident.alert
        done = self.incident.forces(self.now, as_of=max(self.now - ago, 0))
        if done.alert is not before and before.state is not AlertState.RESOLVED:
            self.forced.add(at(self.now))
            self.quiet_since = None

    @rule(chance=st.integers(0, 9))
    def it_is_resolved(self, chance: int) -> None:
        if chance == 0:
            self.incident.takes(resolve(self.incident.alert, "x", at(self.now)), at(self.now))
            if self.quiet_since is None:
                self.quiet_since = len(self.incident.log)

    @invariant()
    def nobody_is_told_twice_on_one_way(self) -> None:
        told = [
            (e.round, e.step, e.way, e.responder)
            for _, e in self.incident.log
            if isinstance(e, Notify)
        ]
        assert len(told) == len(set(told))

    @invariant()
    def steps_go_one_by_one_in_order(self) -> None:
        policy = self.incident.policy
        begun = [(e.round, e.place) for _, e in self.incident.log if isinstance(e, Began)]
        every = [
            (number, place)
            for number in range(1, len(begun) + 2)
            for place in range(1, len(policy.steps) + 1)
        ]
        assert begun == every[: len(begun)]
        if policy.rounds is not None:
            assert all(number <= policy.rounds for number, _ in begun)

    @invariant()
    def ways_go_one_by_one_and_never_two_to_one_person_at_once(self) -> None:
        seen: dict[tuple[int, str, str], tuple[int, datetime]] = {}
        for when, e in self.incident.log:
            if isinstance(e, Notify):
                key = (e.round, e.step, e.responder)
                way, last = seen.get(key, (-1, NOW - timedelta(1)))
                assert e.way == way + 1
                assert when >= last
                seen[key] = (e.way, when)

    @invariant()
    def no_step_begins_before_its_time(self) -> None:
        steps = {one.name: one for one in self.incident.policy.steps}
        last: tuple[datetime, Began] | None = None
        for when, e in self.incident.log:
            if not isinstance(e, Began):
                continue
            if last is not None and when not in self.forced:
                was, began = last
                assert when >= was + timedelta(seconds=steps[e.step].delay_s)
                if self._reached(began, when) and e.round == began.round:
                    patience = steps[began.step].acknowledged_within_s + steps[e.step].delay_s
                    assert when >= was + timedelta(seconds=patience)
            last = (when, e)

    def _reached(self, began: Began, by: datetime) -> bool:
        """Somebody who has not acknowledged got something by then."""
        known = {one.responder for one in self.incident.facts.acknowledgements}
        return any(
            (row.round, row.step) == (began.round, began.step)
            and row.delivered_at is not None
            and row.delivered_at <= by
            and row.delivered_at < row.at + timedelta(seconds=5)
            and row.responder not in known
            for row in self.incident.facts.notifications
        )

    @invariant()
    def after_an_acknowledgement_nothing(self) -> None:
        if self.quiet_since is not None:
            assert len(self.incident.log) == self.quiet_since
            assert self.incident.alert.next_at is None

    @invariant()
    def an_open_alert_has_a_next_look_or_its_owner_was_told(self) -> None:
        alert = self.incident.alert
        if alert.state is AlertState.TRIGGERED:
            told = any(isinstance(e, Exhausted) for _, e in self.incident.log)
            assert alert.next_at is not None or (alert.exhausted_at is not None and told)

    @invariant()
    def looking_again_changes_nothing(self) -> None:
        incident = self.incident
        due = next_due(incident.alert, incident.policy, incident.facts)
        if due is None or due > at(self.now):
            done = advance(incident.alert, incident.policy, incident.facts, at(self.now), who)
            assert done.effects == ()


TestEscalation = Escalation.TestCase
TestEscalation.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(policies(), st.sampled_from([0, 1, 30, 61, 301, 4_000])), min_size=1, max_size=8
    ),
    st.booleans(),
)
def test_however_a_policy_is_changed_nobody_is_told_twice_and_it_comes_to_an_end(
    changes: list[tuple[EscalationPolicy, int]], reached: bool
) -> None:
    incident, now = Incident(), 0.0
    for policy, seconds in changes:
        incident.policy = policy
        now += seconds
        told = incident.ticks(now)
        if reached and told:
            incident.arrives(told[0].split()[0], now)
            incident.ticks(now)
        due = incident.alert.next_at
        assert (due is None) is (incident.alert.exhausted_at is not None)
        # Looked at again before its time it neither does anything nor puts itself off.
        if due is not None and due > at(now + 0.5):
            assert incident.ticks(now + 0.5) == []
            assert incident.alert.next_at == due
    incident.policy = replace(incident.policy, rounds=2)
    incident.runs(9_999_999)
    assert incident.alert.exhausted_at is not None
    rounds = [e.round for _, e in incident.log if isinstance(e, Began)]
    assert rounds == sorted(rounds)
    ways = [(e.round, e.step, e.way, e.responder) for _, e in incident.log if isinstance(e, Notify)]
    assert len(ways) == len(set(ways))
