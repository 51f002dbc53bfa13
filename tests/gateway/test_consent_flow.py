"""Consent through the gateway: recorded with proof or not at all, carried in and out as CSV, asked
for by text, looked up at the provider, and never an agent's to write."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looking import ALICE, BOB, CAROL, OPEN, audit, creates
from ringfence.gateway import consent, consent_csv, evidence, halt, opt_in, provider_opt_outs
from ringfence.gateway.evidence import Statement
from ringfence.model.consent import ConsentEvent, ConsentKind, Level, Method, OptInState
from ringfence.model.errors import (
    BodyTooLarge,
    ConsentRefused,
    Forbidden,
    InvalidField,
    NotFound,
    TooMany,
)
from ringfence.model.phone import PhoneNumber
from ringfence.providers import twilio_opt_outs
from ringfence.testing import Behaviour, OptOutHandling
from ringfence.text.keywords import KeywordKind, classify
from telling import Story, telling

ME = "operator:t"
OURS = {**OPEN, "optOutReplies": "ringfence"}
NOBODY_ELSE: dict[str, Any] = {"behaviour": Behaviour(opt_outs=OptOutHandling.NONE)}
WORDS = "We text you when an order ships, about twice a week."


def said(kind: ConsentKind = ConsentKind.GRANTED, number: str = ALICE, **given_: Any) -> Statement:
    fields: dict[str, Any] = {
        "programme": "orders",
        "level": Level.TRANSACTIONAL,
        "method": Method.WEB_FORM,
        "disclosure": WORDS,
        **given_,
    }
    return Statement(PhoneNumber(number), kind, **fields)


async def records(story: Story, *statements: Statement, actor: str = ME) -> list[ConsentEvent]:
    kit, now = story.gateway.kit, story.clock.now()
    return [
        await story.write(lambda tx, one=one: consent.record(kit, tx, one, actor, now))
        for one in statements
    ]


async def does(story: Story, act: Callable[..., Any], number: str, *given_: Any) -> Any:
    """consent.opt_out and consent.opt_in."""
    kit, now = story.gateway.kit, story.clock.now()
    return await story.write(lambda tx: act(kit, tx, PhoneNumber(number), *given_, ME, now))


async def allows(
    story: Story, level: Level, number: str = ALICE, programme: str = "orders"
) -> bool:
    pair = (PhoneNumber(number), programme)
    found = await story.read(lambda tx: tx.consents.standing([pair]))
    return bool(found[pair].allows(level, story.clock.now()))


async def ledger(story: Story, number: str = ALICE) -> list[ConsentEvent]:
    found = await story.read(lambda tx: tx.consents.of_person(PhoneNumber(number)))
    return list(found)


async def source(story: Story, number: str = ALICE) -> str:
    person = PhoneNumber(number)
    found = await story.read(lambda tx: tx.people.find([person]))
    return found[person].opt_out_source if person in found else ""


# -- what operators record ------------------------------------------------------------------------


@pytest.mark.proves("P7", "P9")
async def test_a_grant_is_an_event_and_an_audit_entry_without_number_or_text(
    store_url: str,
) -> None:
    async with telling(store_url) as story:
        [event] = await records(story, said(evidence="https://shop.example/f#7", ip="192.0.2.7"))
        [kept] = await ledger(story)
        assert replace(kept, seq=0) == event
        person = PhoneNumber(ALICE)
        contact = (await story.read(lambda tx: tx.people.find([person])))[person].contact_id
        [entry] = await audit(story, contact, "consent")
        assert (entry["event"], entry["kind"], entry["programme"]) == (
            event.id,
            "granted",
            "orders",
        )
        assert entry["disclosure"] == event.disclosure_digest
        for private in (ALICE, WORDS, "shop.example", "192.0.2.7"):
            assert private not in str(entry)
        assert await allows(story, Level.TRANSACTIONAL)
        assert not await allows(story, Level.MARKETING)
        kit, now = story.gateway.kit, story.clock.now()
        story.clock.move_to(now + timedelta(seconds=1))
        now = story.clock.now()
        await story.write(
            lambda tx: consent.revoke(kit, tx, person, "", Level.CONVERSATIONAL, "mail", ME, now)
        )
        assert not await allows(story, Level.CONVERSATIONAL)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no proof": ({"disclosure": ""}, "evidence"),
    "no programme": ({"programme": ""}, "programme"),
    "a strange programme": ({"programme": "=cmd()"}, "programme"),
    "spoken marketing": ({"level": Level.MARKETING, "method": Method.VERBAL}, "written"),
    "marketing without its text": (
        {"level": Level.MARKETING, "disclosure": "", "evidence": "paper 7"},
        "written",
    ),
    "tomorrow": ({"at": datetime.fromisoformat("2030-01-01T00:00:00+00:00")}, "future"),
    "over at once": ({"expires_at": datetime.fromisoformat("2020-01-01T00:00:00+00:00")}, "ends"),
    "no channel": ({"channel": "pigeon"}, "channel"),
    "no country": ({"country": "usa"}, "country"),
    "no address": ({"ip": "1.2.3"}, "IP"),
    "too long": ({"disclosure": "x" * 4_001}, "longer"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_could_not_be_proved_is_not_recorded(sqlite_url: str, name: str) -> None:
    changes, words = WRONG[name]
    async with telling(sqlite_url) as story:
        with pytest.raises(InvalidField, match=words):
            await records(story, said(**changes))
        assert await ledger(story) == []


@pytest.mark.proves("P2")
@pytest.mark.parametrize("actor", ["agent:shop", "agent:local", "events:crm", "", "xoperator:t"])
async def test_nobody_else_writes_consent(sqlite_url: str, actor: str) -> None:
    async with telling(sqlite_url) as story:
        kit, now = story.gateway.kit, story.clock.now()
        line, person = story.line, PhoneNumber(ALICE)
        asking = opt_in.Asking(line, person, "orders", Level.TRANSACTIONAL, WORDS)
        rows = [["number", "at", "kind"], [ALICE, "2026-01-01T00:00:00Z", "opt_out"]]
        stop = said(ConsentKind.OPT_OUT, programme="")
        none = provider_opt_outs.Found(0, (), True)
        for job in (
            lambda tx: consent.record(kit, tx, said(), actor, now),
            lambda tx: consent.revoke(kit, tx, person, "", Level.MARKETING, "", actor, now),
            lambda tx: consent.opt_out(kit, tx, person, "x", actor, now),
            lambda tx: evidence.opted_out(kit, tx, stop, actor, now),
            lambda tx: evidence.opted_in(kit, tx, stop, actor, now),
            lambda tx: opt_in.ask(kit, tx, asking, actor, now),
            lambda tx: consent_csv.import_csv(kit, tx, rows, actor, True, now),
            lambda tx: provider_opt_outs.take(kit, tx, line, none, actor, now),
        ):
            with pytest.raises(Forbidden):
                await story.write(job)
        assert await ledger(story) == []
        assert await source(story) == ""


# -- an operator's opt-out --------------------------------------------------------------------------


@pytest.mark.proves("P3", "C5", "C7")
async def test_an_operator_lifts_what_an_operator_set_and_nothing_else(store_url: str) -> None:
    async with telling(store_url, sms=OURS, carrier_options=NOBODY_ELSE) as story:
        with pytest.raises(NotFound):
            await does(story, consent.opt_in, ALICE, "")
        await does(story, consent.opt_out, ALICE, "asked us at the desk")
        with pytest.raises(ConsentRefused):
            await does(story, consent.opt_out, ALICE, "again")
        await story.phone(ALICE).texts("START")
        await story.passes(seconds=5)
        assert await source(story) == "operator"
        assert creates(story) == []
        assert await does(story, consent.opt_in, ALICE, "came back to the desk") == ""
        assert await source(story) == ""
        kinds = [(one.kind.value, one.method.value) for one in await ledger(story)]
        assert kinds == [("opt_out", "operator"), ("opt_in", "operator")]


@pytest.mark.proves("P3")
async def test_a_provider_opt_out_behind_an_operators_stays_when_that_is_lifted(
    sqlite_url: str,
) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        kit, now = story.gateway.kit, story.clock.now()
        stop = said(ConsentKind.OPT_OUT, programme="", method=Method.PROVIDER)
        await does(story, consent.opt_out, ALICE, "complained")
        for _ in range(2):
            await story.write(lambda tx: evidence.opted_out(kit, tx, stop, "provider", now))
        assert await source(story) == "operator"
        assert len(await ledger(story)) == 2
        assert await does(story, consent.opt_in, ALICE, "") == "provider"
        with pytest.raises(ConsentRefused, match="START"):
            await does(story, consent.opt_in, ALICE, "")


# -- CSV ------------------------------------------------------------------------------------------

HEAD = "number,kind,programme,level,method,at,disclosure,evidence"
GOOD = (
    f'{ALICE},granted,orders,transactional,web_form,2026-01-05T10:00:00Z,"We text, sometimes.",f7'
)
STOPPED = f"{BOB},opt_out,,,paper,2026-01-05T10:00:00+01:00,,letter"


async def imports(story: Story, text: str, partial: bool = False) -> consent_csv.Imported:
    kit, now = story.gateway.kit, story.clock.now()
    rows = consent_csv.read_csv(text.encode())
    done: consent_csv.Imported = await story.write(
        lambda tx: consent_csv.import_csv(kit, tx, rows, ME, partial, now)
    )
    return done


async def exported(story: Story) -> str:
    events = await story.read(lambda tx: tx.consents.listing(0, 1_000, None))
    return "".join(consent_csv.export_csv(events))


async def test_good_rows_are_recorded_once(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        text = f"\ufeff{HEAD}\r\n{GOOD}\r\n\r\n{GOOD}\r\n{STOPPED}\r\n"
        done = await imports(story, text)
        assert (done.recorded, done.repeated, done.bad) == (2, 1, ())
        assert (await imports(story, text)).recorded == 0
        assert await allows(story, Level.TRANSACTIONAL)
        assert await source(story, BOB) == "operator"
        [event] = await ledger(story)
        assert (event.disclosure, event.evidence, event.actor) == ("We text, sometimes.", "f7", ME)
        # What came out goes in again and changes nothing.
        again = await imports(story, await exported(story))
        assert (again.recorded, again.repeated, again.bad) == (0, 2, ())


BAD_ROWS = {
    "a number without its country": GOOD.replace(ALICE, "5555550111"),
    "what a spreadsheet makes of a number": GOOD.replace(ALICE, "1.55556E+10"),
    "a bare number": GOOD.replace(ALICE, ALICE[1:]),
    "two numbers": GOOD.replace(ALICE, f"{ALICE};{BOB}"),
    "no zone": GOOD.replace("10:00:00Z", "10:00:00"),
    "no time": GOOD.replace("2026-01-05T10:00:00Z", "last week"),
    "tomorrow": GOOD.replace("2026-01", "2036-01"),
    "no level": GOOD.replace(",transactional", ","),
    "no such level": GOOD.replace("transactional", "all"),
    "no such method": GOOD.replace("web_form", "telepathy"),
    "no such kind": GOOD.replace("granted", "yes"),
    "no proof": GOOD.replace('"We text, sometimes.",f7', ","),
    "an opt-in": STOPPED.replace("opt_out", "opt_in"),
    "too many cells": GOOD + ",more",
}


@pytest.mark.proves("P2")
@pytest.mark.parametrize("name", BAD_ROWS)
async def test_a_bad_row_says_its_number_and_why(sqlite_url: str, name: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        text = "\n".join([HEAD, STOPPED, BAD_ROWS[name], GOOD.replace(ALICE, CAROL)])
        done = await imports(story, text)
        assert (done.recorded, [one.row for one in done.bad]) == (0, [3])
        assert done.bad[0].reason
        assert await exported(story) == "".join(consent_csv.export_csv([]))
        done = await imports(story, text, partial=True)
        assert (done.recorded, [one.row for one in done.bad]) == (2, [3])
        assert await ledger(story) == []
        assert await allows(story, Level.TRANSACTIONAL, CAROL)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", InvalidField),
        (b"phone,at\n", InvalidField),
        (b"number\n", InvalidField),
        (b"number,at,number\n", InvalidField),
        (b"number,at,colour\n", InvalidField),
        (b"number,at\n\xff\xfe", InvalidField),
        (b'number,at\n"+1', InvalidField),
        (b"number,at\n" + b"x,y\n" * 20_001, BodyTooLarge),
        (b"x" * 16_000_001, BodyTooLarge),
    ],
)
def test_a_file_that_is_none_is_refused_whole(content: bytes, error: type[Exception]) -> None:
    now = datetime.fromisoformat("2026-03-02T17:00:00+00:00")
    with pytest.raises(error):
        consent_csv.parse(consent_csv.read_csv(content), now)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_spreadsheets_other_marks_are_read(mark: str) -> None:
    text = f"number{mark}at{mark}kind\n{ALICE}{mark}2026-01-05T10:00:00Z{mark}opt_out\n"
    now = datetime.fromisoformat("2026-03-02T17:00:00+00:00")
    [one], bad = consent_csv.parse(consent_csv.read_csv(text.encode()), now)
    assert (one.number.e164, one.kind, bad) == (ALICE, ConsentKind.OPT_OUT, [])


async def test_an_old_opt_out_in_a_file_does_not_undo_a_later_opt_in(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        await does(story, consent.opt_out, BOB, "x")
        await does(story, consent.opt_in, BOB, "x")
        await imports(story, f"{HEAD}\n{STOPPED}")
        assert await source(story, BOB) == ""


@given(st.text(max_size=30))
def test_no_cell_of_an_export_is_a_formula_and_each_comes_back(text: str) -> None:
    [row] = csv.reader(io.StringIO(consent_csv._line([consent_csv._inert(text)]), newline=""))
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    if text == text.strip():
        assert consent_csv._as_typed(row[0]) == text


# -- asking by text -------------------------------------------------------------------------------


async def asks(
    story: Story, number: str = ALICE, level: Level = Level.TRANSACTIONAL, hours: int = 24
) -> opt_in.Asked:
    kit, now = story.gateway.kit, story.clock.now()
    wanted = opt_in.Asking(
        story.line, PhoneNumber(number), "orders", level, WORDS, timedelta(hours=hours)
    )
    asked: opt_in.Asked = await story.write(lambda tx: opt_in.ask(kit, tx, wanted, ME, now))
    await story.settle()
    return asked


async def answers(story: Story, body: str, number: str = ALICE) -> bool:
    kit, now = story.gateway.kit, story.clock.now()
    person = PhoneNumber(number)
    return bool(
        await story.write(
            lambda tx: opt_in.answered(kit, tx, story.line, person, body, now, "msg_answer")
        )
    )


async def state(story: Story) -> tuple[OptInState, int]:
    since = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    found = await story.read(lambda tx: tx.consents.requests(PhoneNumber(ALICE), since))
    return found[0].state, found[0].tries


@pytest.mark.proves("C5")
async def test_the_code_agrees_once_and_says_what_was_read(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        asked = await asks(story, level=Level.MARKETING)
        await story.passes(seconds=5)
        assert asked.request is not None
        [question] = story.phone(ALICE).inbox
        assert f"JOIN {asked.request.code}" in question.body
        assert WORDS in question.body
        assert "STOP" in question.body
        for body in ("YES", "yes please", "JOIN", "ok", "Y"):
            assert not await answers(story, body)
        assert not await allows(story, Level.CONVERSATIONAL)
        story.clock.move_to(story.clock.now() + timedelta(hours=1))
        assert await answers(story, f"“join {asked.request.code.lower()}!”")
        await story.passes(seconds=5)
        assert await allows(story, Level.MARKETING)
        [event] = await ledger(story)
        assert (event.method, event.actor) == (Method.DOUBLE_OPT_IN, "person")
        assert event.disclosure == question.body
        assert asked.request.message_id in event.evidence
        assert "msg_answer" in event.evidence
        assert [text.body for text in story.phone(ALICE).inbox][1:] == [
            "default: thank you, you agreed to orders messages. "
            "Reply STOP for no more messages, HELP for help."
        ]
        # The same answer again is still no text for an agent, and nothing more.
        assert await answers(story, asked.request.code)
        assert len(await ledger(story)) == 1
        with pytest.raises(ConsentRefused):
            await asks(story)


async def test_nobody_is_asked_twice_within_a_day(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        first = await asks(story, hours=72)
        with pytest.raises(TooMany):
            await asks(story)
        await story.passes(hours=23, minutes=59)
        with pytest.raises(TooMany):
            await asks(story, level=Level.MARKETING)
        await story.passes(minutes=2)
        second = await asks(story)
        assert first.request is not None
        assert second.request is not None
        # The first question is withdrawn by the second.
        assert await answers(story, f"JOIN {first.request.code}")
        assert not await allows(story, Level.TRANSACTIONAL)
        assert await answers(story, f"JOIN {second.request.code}")
        assert await allows(story, Level.TRANSACTIONAL)


async def test_wrong_codes_use_it_up_and_late_ones_change_nothing(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        asked = await asks(story)
        assert asked.request is not None
        wrong = ["JOIN 2222", "join 3B3B", "JOIN 9Z9Z", "Join: 8Y8Y", "JOIN 7X7X"]
        assert asked.request.code not in " ".join(wrong)
        # A bare word that looks like a code, and talk of joining, are somebody's text.
        assert not await answers(story, "A7B7")
        assert not await answers(story, "join them")
        assert not await answers(story, "JOIN 2222", BOB)
        for body in wrong:
            assert await answers(story, body)
        assert await state(story) == (OptInState.EXHAUSTED, opt_in.TRIES_MAX)
        assert await answers(story, f"JOIN {asked.request.code}")
        assert not await allows(story, Level.CONVERSATIONAL)
        story.clock.move_to(story.clock.now() + timedelta(hours=25))
        asked = await asks(story)
        assert asked.request is not None
        story.clock.move_to(story.clock.now() + timedelta(hours=24))
        assert await answers(story, f"JOIN {asked.request.code}")
        assert await state(story) == (OptInState.EXPIRED, 1)
        assert not await allows(story, Level.CONVERSATIONAL)


@pytest.mark.proves("P3", "C5")
async def test_who_opted_out_is_not_asked_and_an_open_question_ends(store_url: str) -> None:
    async with telling(store_url, sms=OPEN) as story:
        asked = await asks(story)
        assert asked.request is not None
        await does(story, consent.opt_out, ALICE, "x")
        assert await answers(story, f"JOIN {asked.request.code}")
        assert (await state(story))[0] is OptInState.WITHDRAWN
        assert not await allows(story, Level.CONVERSATIONAL)
        await does(story, consent.opt_out, BOB, "x")
        refused = await asks(story, BOB)
        assert refused.request is None
        assert [one.code for one in refused.proposed.reasons] == ["opted_out"]
        await story.passes(seconds=5)
        assert story.phone(BOB).inbox == []


async def test_a_blocked_person_agrees_to_nothing(sqlite_url: str) -> None:
    async with telling(sqlite_url, sms=OPEN) as story:
        asked = await asks(story)
        assert asked.request is not None
        await does(story, halt.block, ALICE)
        assert await answers(story, f"JOIN {asked.request.code}")
        assert not await allows(story, Level.CONVERSATIONAL)


async def test_a_code_is_no_word_in_any_language(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        for _ in range(2_000):
            code = opt_in.new_code(story.gateway.kit)
            assert len(code) == 4
            assert any(one.isdigit() for one in code)
            assert any(one.isalpha() for one in code)
            for body in (code, f"JOIN {code}", f"join {code.lower()}."):
                assert classify(body, yes_is_opt_in=True).kind is KeywordKind.NONE
                assert opt_in.read_code(body) is not None


@pytest.mark.parametrize("hours", [0, 169])
async def test_a_question_has_bounds(sqlite_url: str, hours: int) -> None:
    async with telling(sqlite_url) as story:
        with pytest.raises(InvalidField):
            await asks(story, hours=hours)


# -- at the provider ------------------------------------------------------------------------------


async def looks(story: Story, since: datetime | None = None) -> provider_opt_outs.Found:
    return await provider_opt_outs.find(story.gateway.kit, story.line, since)


async def takes(story: Story, found: provider_opt_outs.Found) -> provider_opt_outs.Taken:
    kit, now = story.gateway.kit, story.clock.now()
    taken: provider_opt_outs.Taken = await story.write(
        lambda tx: provider_opt_outs.take(kit, tx, story.line, found, ME, now)
    )
    return taken


@pytest.mark.proves("C4")
async def test_opt_outs_are_read_from_the_providers_log(store_url: str) -> None:
    """The texts came to the number before there was a gateway behind it."""
    async with telling(store_url, sms=OPEN) as story:
        story.carrier.webhook_url = ""
        for number, words in ((ALICE, ["STOP"]), (BOB, ["STOP", "START"]), (CAROL, ["stop it"])):
            for word in words:
                await story.phone(number).texts(word)
                await story.passes(seconds=2)
        found = await looks(story)
        assert (found.complete, [number.e164 for number, _ in found.opted_out]) == (True, [ALICE])
        assert await source(story) == ""
        taken = await takes(story, found)
        assert [number.e164 for number in taken.numbers] == [ALICE]
        assert await source(story) == "provider"
        [event] = await ledger(story)
        assert (event.method, event.at < story.clock.now()) == (Method.PROVIDER, True)
        # Looking again changes nothing.
        assert (await takes(story, await looks(story))).numbers == ()
        assert (await looks(story, story.clock.now() + timedelta(hours=1))).opted_out == ()


@pytest.mark.proves("C4")
async def test_the_log_is_read_page_by_page_and_within_a_bound(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_opt_outs, "_PAGE_SIZE", "2")
    async with telling(sqlite_url, sms=OPEN) as story:
        story.carrier.webhook_url = ""
        people = [f"+155555501{n:02d}" for n in range(20, 27)]
        for number in people:
            await story.phone(number).texts("STOP")
            await story.passes(seconds=2)
        found = await looks(story)
        assert ([number.e164 for number, _ in found.opted_out], found.complete) == (people, True)
        # Only what is new enough: the last two.
        newest = await looks(story, story.clock.now() - timedelta(seconds=5))
        assert [number.e164 for number, _ in newest.opted_out] == people[-2:]
        monkeypatch.setattr(provider_opt_outs, "PAGES_MAX", 2)
        assert not (await looks(story)).complete
        await takes(story, found)
        for number in people:
            assert await source(story, number) == "provider"


async def test_a_provider_that_shows_none_says_what_to_do_instead(sqlite_url: str) -> None:
    async with telling(sqlite_url) as story:
        kit = replace(story.gateway.kit, providers={"twilio": object()})
        with pytest.raises(NotFound, match="consent import"):
            await provider_opt_outs.find(kit, story.line, None)
