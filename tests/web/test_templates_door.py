"""Templates by curl: looked at, tried out, sent; a template's send is the operator's text."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from callers import call

from looking import ALICE, outbound
from ringfence.model.message import MessageClass
from telling import OWNER, Story, telling

VISIT = {
    "version": 2,
    "category": "transactional",
    "programme": "visits",
    "texts": {
        "en": "Hello {name}, your visit is on {day}.",
        "de": "Hallo {name}, Ihr Besuch ist am {day}.",
    },
    "fields": {"name": {"kind": "text", "maxLength": 30}, "day": {"kind": "date"}},
}
CONFIG = {"templates": {"visit": VISIT}}
GIVEN = {"name": "Anna", "day": "2026-12-24"}


async def send(story: Story, **document: Any) -> Any:
    return await call(story, "POST", "/sms/send", {"to": OWNER, **document})


@pytest.mark.proves("P1", "P7")
async def test_a_template_is_sent_with_its_traits(store_url: str) -> None:
    async with telling(store_url, config=CONFIG) as story:
        got = await send(story, template="visit", language="de", fields=GIVEN)
        assert (got.status, got.document["state"]) == (202, "queued")
        await story.passes(seconds=5)
        [text] = story.phone(OWNER).inbox
        assert text.body == "Hallo Anna, Ihr Besuch ist am 24.12.2026."
        [message] = await outbound(story)
        assert message.message_class is MessageClass.TEMPLATE
        assert message.traits.template == "visit@2"
        assert message.traits.programme == "visits"
        assert message.traits.category.value == "transactional"
        assert message.provenance["template"] == "visit@2"
        assert message.provenance["language"] == "de"
        assert message.provenance["fields"] == ["name", "day"]
        assert "Anna" not in str(message.provenance)
        entries = await story.read(lambda tx: tx.audit.of_subject("visit@2"))
        assert [one.entry.kind for one in entries] == ["template_first_used"]


@pytest.mark.proves("P2")
@pytest.mark.parametrize(
    ("document", "status", "said"),
    [
        ({"template": "visit"}, 400, "`name`"),
        ({"template": "visit", "fields": {"name": "Anna"}}, 400, "`day`"),
        ({"template": "visit", "fields": {**GIVEN, "body": "x"}}, 400, "`body`"),
        ({"template": "visit", "fields": {**GIVEN, "name": "A\nB"}}, 400, "line break"),
        ({"template": "visit", "fields": {**GIVEN, "name": "evil.com"}}, 400, "link"),
        ({"template": "visit", "fields": {**GIVEN, "name": {"x": 1}}}, 400, "`name`"),
        ({"template": "visit", "fields": {**GIVEN, "day": "soon"}}, 400, "`day`"),
        ({"template": "visit", "fields": "name=Anna"}, 400, "`fields`"),
        ({"template": "visit", "fields": None}, 400, "`fields`"),
        ({"template": "visit", "fields": GIVEN, "language": 5}, 400, "`language`"),
        ({"template": "visit", "fields": GIVEN, "body": "Hi"}, 400, "not both"),
        ({"template": "visit", "fields": GIVEN, "body": ""}, 400, "not both"),
        ({"template": "nothing", "fields": GIVEN}, 404, "Known: visit"),
        ({"template": "visit@1", "fields": GIVEN}, 404, "version 2"),
        ({"template": ["visit"], "fields": GIVEN}, 400, "`template`"),
        ({"fields": GIVEN, "body": "Hi"}, 400, "`fields` goes with"),
        ({"language": "de", "body": "Hi"}, 400, "`language` goes with"),
    ],
)
async def test_what_is_no_good_send_stores_nothing(
    sqlite_url: str, document: dict[str, Any], status: int, said: str
) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        got = await send(story, **document)
        assert got.status == status
        assert said in got.document["detail"]
        assert await outbound(story) == []


async def test_the_version_may_be_named(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        assert (await send(story, template="visit@2", fields=GIVEN)).status == 202


@pytest.mark.proves("P5")
async def test_a_key_is_for_one_text_of_one_template(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        same = {"template": "visit", "fields": GIVEN, "idempotency_key": "k"}
        first, again = [await send(story, **same) for _ in range(2)]
        assert first.document["id"] == again.document["id"]
        other = await send(story, **{**same, "fields": {**GIVEN, "name": "Bo"}})
        plain = await send(
            story, body="Hello Anna, your visit is on 2026-12-24.", idempotency_key="k"
        )
        assert [other.document["code"], plain.document["code"]] == ["key_reused", "key_reused"]


@pytest.mark.proves("P7")
async def test_another_text_under_a_used_version_is_not_sent(store_url: str) -> None:
    async with telling(store_url, config=CONFIG) as story:
        assert (await send(story, template="visit", fields=GIVEN)).status == 202
    changed = {**VISIT, "texts": {"en": "Hello {name}, pay by {day}."}}
    async with telling(store_url, config={"templates": {"visit": changed}}, seed=8) as story:
        got = await send(story, template="visit", fields=GIVEN)
        assert (got.status, got.document["code"]) == (409, "template_changed")
        assert len(await outbound(story)) == 1
    raised = {"templates": {"visit": {**changed, "version": 3}}}
    async with telling(store_url, config=raised, seed=9) as story:
        assert (await send(story, template="visit", fields=GIVEN)).status == 202


@pytest.mark.proves("P2")
async def test_a_template_does_not_widen_whom_an_agent_may_write_to(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        got = await send(story, to=ALICE, template="visit", fields=GIVEN)
        assert got.document["state"] == "held"


async def test_a_preview_by_curl(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        path = "/sms/templates/visit/preview"
        got = await call(story, "GET", f"{path}?language=de-AT&name={quote('Zoë')}")
        assert got.status == 200
        assert got.document == {
            "template": "visit@2",
            "category": "transactional",
            "language": "de",
            "text": "Hallo Zoë, Ihr Besuch ist am 24.12.2026.",
            "segments": 1,
            "encoding": "UCS-2",
            "characters": 40,
            "segments_longest": 1,
            "sampled": ["day"],
        }
        for sent in (None, {}, {"fields": {}}):
            shown = await call(story, "POST", path, sent)
            assert shown.document["sampled"] == ["name", "day"]
        full = await call(story, "POST", path, {"fields": GIVEN, "language": "en"})
        assert full.document["text"] == "Hello Anna, your visit is on 2026-12-24."
        assert await outbound(story) == []


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("visit/preview?nme=Anna", 400, "`nme`"),
        ("visit/preview?name=a%0Ab", 400, "line break"),
        ("visit/preview?name=" + "x" * 31, 400, "at most 30"),
        ("nothing/preview", 404, "Known: visit"),
        ("a%0Ab/preview", 404, "Known"),
        ("%7Bname%7D/preview", 404, "Known"),
    ],
)
async def test_a_bad_preview_says_what_is_wrong(
    sqlite_url: str, path: str, status: int, said: str
) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        got = await call(story, "GET", f"/sms/templates/{path}")
        assert got.status == status
        assert said in got.document["detail"]


async def test_templates_are_listed_with_what_a_filler_must_know(sqlite_url: str) -> None:
    async with telling(sqlite_url, config=CONFIG) as story:
        for path in ("/sms/templates", "/api/v1/templates"):
            [one] = (await call(story, "GET", path)).document["templates"]
            assert (one["name"], one["version"], one["findings"]) == ("visit", 2, [])
            assert one["fields"]["day"]["kind"] == "date"
            assert one["fields"]["name"]["max_length"] == 30
        assert (await call(story, "GET", "/api/v1/templates/visit")).document == one
        assert (await call(story, "GET", "/api/v1/templates/other")).status == 404
        shown = await call(story, "POST", "/api/v1/templates/visit/preview", {"fields": GIVEN})
        assert shown.document["sampled"] == []
    async with telling(sqlite_url, seed=8) as story:
        assert (await call(story, "GET", "/sms/templates")).document == {"templates": []}
        got = await send(story, template="visit", fields=GIVEN)
        assert "none is configured" in got.document["detail"]
