"""Evidence (compliance 4.7, point 10): every text the carrier took is explained by one decision
record with each rule's word, what it saw and the versions it went by; every refusal has a reason a
machine can read; an edit or a deletion of the record is found."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from looking import ALICE, BOB, CAROL, creates, outbound
from ringfence.gateway import bridge, drafts, grants, halt, opt_in, record, replay, templates
from ringfence.gateway.bridge import SendRequest
from ringfence.model.consent import Level
from ringfence.model.contact import SwitchScope
from ringfence.model.message import Message, MessageClass, MessageStatus
from ringfence.model.phone import PhoneNumber
from ringfence.policy.policy import Policy, discover
from ringfence.policy.presets import LISTS
from ringfence.ports import StoredAudit, Tx
from ringfence.store import check
from ringfence.testing import Behaviour, OptOutHandling, Outcome
from telling import ScriptedAgent, Story, telling

AGENT, LONG = "agent:local", "word " * 400
DAN, EVE, FAY = "+15555550121", "+15555550122", "+15555550123"
NOBODY_ELSE: dict[str, Any] = {"behaviour": Behaviour(opt_outs=OptOutHandling.NONE)}
VISIT = {
    "version": 3,
    "category": "conversation",
    "texts": {"en": "Your visit is at {at}."},
    "fields": {"at": {"kind": "time"}},
}
SMS = {
    "optOutReplies": "ringfence",
    "allowFrom": [ALICE, BOB, DAN],
    "policy": {"recipientVolume": {"minute": 30}, "loopGuard": {"sameTextPer5Minutes": 2}},
}
CODE = re.compile(r"[a-z][a-z0-9_]{1,40}")


async def sends(story: Story, to: str, body: str, by: str = "operator:t", **given: Any) -> str:
    asked = SendRequest(story.line, PhoneNumber(to), body, by, **given)
    return (await bridge.send(story.gateway.kit, asked)).message.id


async def does(story: Story, act: Callable[..., Any], *given: Any) -> Any:
    kit, now = story.gateway.kit, story.clock.now()
    return await story.write(lambda tx: act(kit, tx, *given, "operator:t", now))


async def a_busy_day(story: Story) -> None:
    """Everything a line does: answers, drafts, grants, templates, questions, keywords, refusals."""
    story.carrier.next_creates(Outcome.THROTTLED)
    await story.phone(ALICE).texts("good morning")
    await story.passes(seconds=30)
    await story.phone("+15555550177").texts("may I?")
    await story.phone(ALICE).texts("HELP")
    await sends(story, DAN, LONG)
    filled = templates.fill(story.gateway.kit, "visit", "", {"at": "09:30"})
    asked = SendRequest(story.line, PhoneNumber(DAN), "", AGENT)
    await bridge.send(story.gateway.kit, bridge.templated(asked, filled))
    await _people_decide(story)
    asking = opt_in.Asking(story.line, PhoneNumber(EVE), "orders", Level.TRANSACTIONAL, "Orders.")
    await does(story, opt_in.ask, asking)
    await story.passes(minutes=2)
    for _ in range(4):
        await sends(story, BOB, "the same again", AGENT)
    await story.passes(minutes=2)
    await story.phone(BOB).texts("STOP")
    await sends(story, BOB, "after the stop")
    await does(story, halt.block, PhoneNumber(FAY))
    await sends(story, FAY, "to somebody blocked")
    await sends(story, ALICE, "Your card 4111 1111 1111 1111 is here", AGENT)
    await story.passes(minutes=2)
    await does(story, halt.stop, SwitchScope.EVERYTHING, "", "enough")
    await sends(story, ALICE, "while stopped")
    await story.passes(minutes=5)


async def _people_decide(story: Story) -> None:
    kept = await sends(story, CAROL, "Dinner at eight?", AGENT)
    edited = await sends(story, EVE, "Dinner at nine?", AGENT)
    refused = await sends(story, FAY, "Dinner at ten?", AGENT)
    held = await story.read(lambda tx: tx.drafts.many([kept, edited, refused]))
    await does(story, drafts.approve, held[kept])
    await does(story, drafts.edit, held[edited], "Dinner at noon?")
    await does(story, drafts.reject, held[refused], "no")
    people = frozenset({PhoneNumber("+15555550124")})
    free = frozenset({MessageClass.FREE_TEXT})
    await does(story, grants.add, grants.Wanted(agent="local", recipients=people, classes=free))
    await sends(story, "+15555550124", "On a grant.", AGENT)


def our_id(message: Any) -> str:
    """The outbox item a carrier's message belongs to: the id in its callback address."""
    [(_, values)] = parse_qs(urlsplit(message.status_callback).query).items()
    return values[0]


def decisions(tx: Tx, subject: str) -> list[StoredAudit]:
    return [one for one in tx.audit.of_subject(subject) if one.entry.kind == "decision"]


@pytest.mark.proves("C10", "P7", "P11")
async def test_every_accepted_send_is_explained_by_one_record(store_url: str) -> None:
    agent = ScriptedAgent()
    config = {"templates": {"visit": VISIT}}
    async with telling(
        store_url, sms=SMS, config=config, agent=agent, carrier_options=NOBODY_ELSE
    ) as story:
        await a_busy_day(story)
        taken = creates(story)
        classes = {m.message_class for m in await outbound(story, told_of_drafts=True)}
        assert len(taken) > 12
        assert len(classes) > 6, "or the day is not busy enough to prove anything"
        kit = story.gateway.kit
        for sent in taken:
            item_id = our_id(sent)
            told = await story.read(lambda tx, key=item_id: record.record(kit, tx, key))
            item = await story.read(lambda tx, key=item_id: tx.outbox.get(key))
            claims = await story.read(lambda tx, key=item_id: decisions(tx, key))
            assert [one.entry.body["verdict"] for one in claims] == ["allow"] * item.attempt
            [explained] = [one for one in told["decisions"] if one["id"] == claims[-1].entry.id]
            _says_everything(explained, kit.policies[item.line])
            again = await story.read(
                lambda tx, key=claims[-1].entry.id: replay.explain_stored(tx, key)
            )
            assert (again["verdict"], again["same_again"]) == ("allow", True)
            assert again["rules"] == _as_explained(explained, again)


def _says_everything(explained: dict[str, Any], policy: Policy) -> None:
    """Each rule that concerns the act, its word, the facts it saw, the versions."""
    wanted = {rule.name for rule in discover() if explained["act"] in {a.value for a in rule.acts}}
    said = {one["rule"]: one for one in explained["rules"]}
    assert said.keys() == wanted
    for one in said.values():
        assert one["verdict"] == "allow" or one["met_by"], one
    assert {"act", "now", "line", "contact_id", "role", "initiator"} <= explained["facts"].keys()
    assert explained["policy"] == policy.version
    assert policy.document["lists"] == dict(LISTS)
    assert {"topics", "tzdata"} <= policy.document["lists"].keys()


def _as_explained(explained: dict[str, Any], again: dict[str, Any]) -> list[dict[str, Any]]:
    """The log's words about each rule are those of the rule itself."""
    logged = {one["rule"]: one for one in explained["rules"]}
    return [{**one, **_same(logged[one["rule"]])} for one in again["rules"]]


def _same(one: dict[str, Any]) -> dict[str, Any]:
    return {key: one[key] for key in ("verdict", "code", "text", "met_by")}


@pytest.mark.proves("C10", "P1")
async def test_every_refusal_has_a_reason_a_machine_can_read(store_url: str) -> None:
    config = {"templates": {"visit": VISIT}}
    async with telling(store_url, sms=SMS, config=config, carrier_options=NOBODY_ELSE) as story:
        await a_busy_day(story)
        unsent = [
            m
            for m in await outbound(story, told_of_drafts=True)
            if m.status in (MessageStatus.REFUSED, MessageStatus.HELD)
        ]
        found = set()
        for message in unsent:
            found |= await _reasons(story, message)
        known = {"stopped", "opted_out", "blocked", "loop_same_text", "secret"}
        assert known <= found, found
        rules = {rule.name for rule in discover()}
        entries = await story.read(lambda tx: tx.audit.after(0, 100_000, "decision"))
        for entry in entries:
            body = entry.entry.body
            assert bool(body["reasons"]) or body["verdict"] == "allow"
            for reason in body["reasons"]:
                assert reason["rule"] in rules
                assert CODE.fullmatch(reason["code"]), reason
                assert reason["text"].endswith("."), "and one for people"


async def _reasons(story: Story, message: Message) -> set[str]:
    """The codes of the last decision about a message; its row gives the same."""
    items = (await story.read(lambda tx: tx.outbox.of_messages([message.id]))).get(message.id, [])
    last: list[StoredAudit] = []
    for subject in (message.id, *(item.id for item in items)):
        last += await story.read(lambda tx, key=subject: decisions(tx, key))
    body = max(last, key=lambda one: one.seq).entry.body
    codes = {reason["code"] for reason in body["reasons"]}
    if body["verdict"] == "allow":
        # Let go by the gate and held afterwards, by a stop: that is its reason.
        assert message.reason == "stopped"
        return {"stopped"}
    assert codes == {part.partition(":")[0] for part in message.reason.split("; ")}
    return codes


# -- what was done to the record -------------------------------------------------------------------

GUARDS = {
    True: [
        "DROP TRIGGER audit_append_only ON audit",
        "DROP TRIGGER audit_head_grows ON audit_head",
    ],
    False: [
        "DROP TRIGGER audit_no_update",
        "DROP TRIGGER audit_no_delete",
        "DROP TRIGGER audit_no_replace",
        "DROP TRIGGER audit_head_grows",
    ],
}


@pytest.mark.proves("C10", "P7")
@pytest.mark.parametrize(
    "done",
    [
        "UPDATE audit SET body = REPLACE(body, 'deny', 'allow') WHERE id = '{id}'",
        "UPDATE audit SET actor = 'operator:somebody' WHERE id = '{id}'",
        "DELETE FROM audit WHERE id = '{id}'",
        "DELETE FROM audit WHERE seq >= (SELECT seq FROM audit WHERE id = '{id}')",
    ],
)
async def test_an_edit_or_a_deletion_is_found(store_url: str, done: str) -> None:
    async with telling(store_url, sms=SMS) as story:
        await does(story, halt.block, PhoneNumber(BOB))
        key = await sends(story, BOB, "to somebody blocked")
        await sends(story, ALICE, "to somebody else")
        await story.passes(seconds=9)
        [decided] = await story.read(lambda tx: decisions(tx, key))
    assert check(store_url).problems == ()
    _behind_our_back(store_url, done.replace("{id}", decided.entry.id))
    found = check(store_url).audit
    assert re.search(r"entr(y|ies) \d+", found)


def _behind_our_back(url: str, statement: str) -> None:
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as raw:
            for one in (*GUARDS[True], statement):
                raw.execute(one)
        return
    file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for one in (*GUARDS[False], statement):
        file.execute(one)
    file.close()
