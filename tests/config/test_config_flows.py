"""Flows of the configuration: every name looked up, conditions and fields read, templates compared;
and what the policy of a flow's line would make of it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringfence.config.contradictions import PAGE
from ringfence.config.mask import masked
from ringfence.config.names import snake
from ringfence.delivery.flow import RecipientKind, due_at, values_of
from ringfence.gateway.paging import TEMPLATE
from ringfence.model.contact import Role
from ringfence.model.draft import Category, Traits
from ringfence.model.errors import ConfigInvalid
from ringfence.model.event import Event
from ringfence.model.message import MessageClass
from ringfence.model.oncall import Target, TargetKind
from ringfence.model.verdict import Act
from ringfence.policy.decide import rulings
from ringfence.policy.facts import Facts, Initiator
from ringfence.policy.policy import Policy
from ringfence.text.condition_terms import Literal, Path, show
from ringfence.text.keyword_tables import HELP, OPT_IN, OPT_IN_YES, OPT_OUT
from ringfence.text.replies import VERBS

OWN, CUSTOMER = "+15555550100", "+15555550177"
VISIT: dict[str, Any] = {
    "version": 1,
    "category": "transactional",
    "texts": {"en": "{brand}: Hello {name}, see you on {day}. {note}"},
    "fields": {
        "brand": {"kind": "text", "maxLength": 20},
        "name": {"kind": "text"},
        "day": {"kind": "date"},
        "note": {"kind": "text", "optional": True},
    },
}
FIELDS = {"brand": '"Acme Dental"', "name": "data.name", "day": "data.day"}
WRITES: dict[str, Any] = {"template": "visit", "to": ["field:data.phone"], "fields": FIELDS}
PAGES: dict[str, Any] = {"escalation": "ops"}
# A line on which nothing that flows do is held back.
OPEN = {"purpose": "notify", "name": "Acme"}


def good(**sections: Any) -> dict[str, Any]:
    """Everything a flow can refer to."""
    return {
        "channels": {"sms": OPEN},
        "templates": {"visit": VISIT},
        "responders": {"ann": {"number": "+15555550141"}},
        "groups": {"everybody": ["ann"]},
        "schedules": {
            "primary": {
                "zone": "Europe/Berlin",
                "layers": [{"rotation": "weekly", "responders": ["ann"], "startsOn": "2026-11-02"}],
            }
        },
        "escalationPolicies": {"ops": {"steps": [{"notify": ["schedule:primary"]}]}},
        "tickets": {"board": {"kind": "builtin"}},
        "sources": {"prometheus": {"kind": "alertmanager"}},
        **sections,
    }


def flow(**keys: Any) -> dict[str, Any]:
    return good(flows={"f": keys})


def writes(**keys: Any) -> dict[str, Any]:
    return flow(message={**WRITES, **keys})


def pages(**keys: Any) -> dict[str, Any]:
    return flow(alert={**PAGES, **keys})


def made(load_good: Any, patch: dict[str, Any]) -> Any:
    [found] = load_good(patch).operations.flows
    return found


def warnings(load_good: Any, patch: dict[str, Any]) -> list[str]:
    """What the flows add to what the rest of the file is warned of."""
    known = set(load_good({**patch, "flows": None}).warnings)
    return [one for one in load_good(patch).warnings if one not in known]


# -- what becomes of them ------------------------------------------------------------------------------


def test_an_alert_flow(load_good: Any) -> None:
    patch = flow(
        sources=["prometheus", "generic"],
        types=["alert.*"],
        when='severity >= "error" and data.labels.team == "ops"',
        line="default",
        alert={**PAGES, "service": "data.labels.job", "title": '"Down"', "tickets": ["board"]},
    )
    found = made(load_good, patch)
    assert (found.name, found.line, found.message) == ("f", "default", None)
    assert found.sources == frozenset({"prometheus", "generic"})
    assert found.types == ("alert.*",)
    assert show(found.when) == 'severity >= "error" and data.labels.team == "ops"'
    alert = found.alert
    assert (alert.policy, alert.tickets, alert.tell_resolved) == ("ops", ("board",), True)
    assert alert.service == Path(("data", "labels", "job"))
    assert alert.title == Literal("Down")


def test_a_message_flow(load_good: Any) -> None:
    patch = writes(
        language="data.language",
        sendAt="data.starts_at",
        offset="-24h",
        key="data.id",
        cancelledBy=["appointment.cancelled"],
        times=2,
        every="1d",
        keyMax=3,
        personMax=5,
        per="2h",
        life="4h",
        useUntil="data.starts_at",
        private=True,
        zone="Europe/Berlin",
    )
    found = made(load_good, patch)
    message = found.message
    assert (found.types, found.sources, found.when, found.alert) == (
        ("*",),
        frozenset(),
        None,
        None,
    )
    assert message.template == "visit"
    assert message.values["brand"] == Literal("Acme Dental")
    assert message.values["name"] == Path(("data", "name"))
    assert message.send_at == message.use_until == Path(("data", "starts_at"))
    assert (message.language, message.key) == (Path(("data", "language")), Path(("data", "id")))
    assert (message.offset, message.every) == (timedelta(days=-1), timedelta(days=1))
    assert (message.times, message.key_max, message.person_max) == (2, 3, 5)
    assert (message.per, message.life) == (timedelta(hours=2), timedelta(hours=4))
    assert message.cancelled_by == ("appointment.cancelled",)
    assert message.private
    assert message.zone == "Europe/Berlin"


def test_what_is_left_out_has_the_defaults_of_the_flow(load_good: Any) -> None:
    message = made(load_good, writes()).message
    assert (message.send_at, message.key, message.language) == (None, None, None)
    assert (message.times, message.key_max, message.life, message.private) == (1, None, None, False)
    assert (message.offset, message.zone) == (timedelta(0), "UTC")


def test_moments_without_a_zone_are_by_the_lines_clock(load_good: Any) -> None:
    patch = writes(sendAt="data.at")
    patch["channels"] = {"sms": {**OPEN, "zone": "Asia/Tokyo"}}
    message = made(load_good, patch).message
    at = due_at(message, _event(at="2026-12-24T09:00:00"), _event().at)
    assert at.isoformat() == "2026-12-24T00:00:00+00:00"


def test_recipients(load_good: Any) -> None:
    to = [
        "field:data.phone",
        f"number:{CUSTOMER}",
        "person:ann",
        "schedule:primary",
        "group:everybody",
    ]
    found = made(load_good, writes(to=to)).message.to
    kinds = RecipientKind
    assert [one.kind for one in found] == [
        *(kinds.FIELD, kinds.NUMBER, kinds.PERSON, kinds.SCHEDULE, kinds.GROUP)
    ]
    assert found[0].operand == Path(("data", "phone"))
    assert found[1].number.e164 == CUSTOMER
    assert found[4].target == Target(TargetKind.GROUP, "everybody")


def test_literals_reach_the_template(load_good: Any) -> None:
    message = made(load_good, writes(fields={**FIELDS, "day": '"2026-12-24"'})).message
    assert values_of(message, _event(name="Ada")) == {
        "brand": "Acme Dental",
        "name": "Ada",
        "day": "2026-12-24",
    }


def test_flows_keep_the_order_of_the_file(load_good: Any) -> None:
    patch = good(flows={"z": {"alert": PAGES}, "a": {"alert": PAGES}, "m": {"message": WRITES}})
    assert [one.name for one in load_good(patch).operations.flows] == ["z", "a", "m"]


def _event(**data: Any) -> Event:
    return Event("1", "shop", "visit.booked", datetime(2026, 11, 1, tzinfo=UTC), data=data)


# -- what is refused -----------------------------------------------------------------------------------

ALERT_TEMPLATE = {**VISIT, "category": "alert"}


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (flow(), "flows.f: expected exactly one of alert and message, got neither"),
        (flow(alert=PAGES, message=WRITES), "flows.f: expected exactly one of alert and message, got both"),
        (flow(alrt=PAGES, alert=PAGES), 'flows.f.alrt: expected a known key, got an unknown one; did you mean "alert"?'),
        (flow(sources=["promethus"], alert=PAGES), "flows.f.sources[0]: expected the name of a source (alertmanager, cloudevents, generic,"),
        (flow(types=[], alert=PAGES), "flows.f.types: expected at least 1 entry"),
        (flow(types=["a b"], alert=PAGES), "flows.f.types[0]: expected text like"),
        (flow(types=["*a*b*c*d*e*f"], alert=PAGES), "flows.f.types[0]: expected text like"),
        (flow(when="data.count > 3 and", alert=PAGES), "flows.f.when: Character 19 of the condition: expected"),
        (flow(when='severity == "bad"', alert=PAGES), "flows.f.when: Character 10 of the condition: severity is one of"),
        (flow(when=True, alert=PAGES), "flows.f.when: expected text, got true"),
        (flow(line="nowhere", alert=PAGES), 'flows.f.line: expected the name of an account (default), got "nowhere"'),
        (flow(alert={}), "flows.f.alert.escalation: expected a value, got nothing"),
        (flow(alert="ops"), 'flows.f.alert: expected an object, got "ops"'),
        (pages(escalation="op"), 'flows.f.alert.escalation: expected the name of an escalation policy (ops); did you mean "ops"?, got "op"'),
        (pages(tickets=["bord"]), 'flows.f.alert.tickets[0]: expected the name of a ticket system (board); did you mean "board"?, got "bord"'),
        (pages(service="labels.job"), "flows.f.alert.service: Character 1 of the condition: an event has id,"),
        (pages(title="Down"), "flows.f.alert.title: Character 1 of the condition: an event has"),
        (pages(title="Down"), "A text of its own stands in double quotes: '\"Down\"'."),
        (writes(template="vist"), 'flows.f.message.template: expected the name of a template (visit); did you mean "visit"?, got "vist"'),
        (writes(to=[]), "flows.f.message.to: expected at least 1 entry"),
        (writes(to=[CUSTOMER]), "flows.f.message.to[0]: expected field:PATH, number:+15555550123, contact:ID, person:NAME, schedule:NAME or group:NAME, got"),
        (writes(to=["ann"]), 'did you mean "person:ann"?, got "ann"'),
        (writes(to=["person:anne"]), 'flows.f.message.to[0]: expected the name of a responder (ann); did you mean "ann"?, got "anne"'),
        (writes(to=["schedule:x"]), "flows.f.message.to[0]: expected the name of a schedule (primary)"),
        (writes(to=["group:x"]), "flows.f.message.to[0]: expected the name of a group (everybody)"),
        (writes(to=["field:phone"]), "flows.f.message.to[0]: Character 1 of the condition: an event has"),
        (writes(to=[f'field:"{CUSTOMER}"']), "flows.f.message.to[0]: expected field:PATH such as field:data.phone, got a literal"),
        (writes(to=["number:0177"]), "flows.f.message.to[0]: expected a phone number after number: (Write the country code"),
        (writes(to=[f"number:{OWN}"]), "flows.f.message.to[0]: expected a person's number (this is a line's own, which is never written to), got +1555•••0100"),
        (writes(fields={"name": "data.name", "day": "data.day"}), "flows.f.message.fields.brand: expected a value, which the template visit needs, got nothing"),
        (writes(fields={**FIELDS, "nam": "data.name"}), 'flows.f.message.fields.nam: expected a field of the template visit (brand, name, day, note); did you mean "name"?, got another'),
        (writes(fields={**FIELDS, "Name": "data.name"}), "flows.f.message.fields.Name: expected another name"),
        (writes(fields={**FIELDS, "day": '"tomorrow"'}), "flows.f.message.fields.day: `day` takes"),
        (writes(fields={**FIELDS, "brand": '"See www.example.com"'}), "flows.f.message.fields.brand: `brand` takes one line of plain text; this has what a phone takes for a link"),
        (writes(fields={**FIELDS, "brand": '"A brand of many letters"'}), "flows.f.message.fields.brand: `brand`"),
        (writes(fields={**FIELDS, "brand": '""'}), "flows.f.message.fields.brand: `brand` is empty"),
        (writes(fields={**FIELDS, "name": "name"}), "flows.f.message.fields.name: Character 1 of the condition: an event has"),
        (writes(language="en"), "A text of its own stands in double quotes: '\"en\"'."),
        (writes(sendAt='"tomorrow"'), "flows.f.message.sendAt: the literal is no moment such as"),
        (writes(offset="-1h"), "flows.f.message.offset: expected sendAt as well: nothing leaves before its event came, got a time before it"),
        (writes(offset="a day"), "flows.f.message.offset: expected a duration such as 90s"),
        (writes(every=0), "flows.f.message.every: expected a duration"),
        (writes(life="-1h"), "flows.f.message.life: expected a duration"),
        (writes(times=0), "flows.f.message.times: expected a number of at least 1, got 0"),
        (writes(zone="Mars"), "flows.f.message.zone: expected an IANA time zone"),
        (writes(cancelledBy=["*"]), 'flows.f.types[0]: expected a type that cancelledBy does not take: what cancels does not start, got "*"'),
        (flow(types=["a.b", "a.c"], message={**WRITES, "cancelledBy": ["a.c"]}), 'flows.f.types[1]: expected a type that cancelledBy does not take: what cancels does not start, got "a.c"'),
        ({**writes(), "templates": {"visit": ALERT_TEMPLATE}}, "flows.f.message.template: expected a template of another category: alerts are for people on duty"),
        (good(flows={"No Name": {"alert": PAGES}}), "flows.No Name: expected another name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path(
    patch: dict[str, Any], problem: str, problems_of: Any
) -> None:
    found = problems_of(patch)
    assert any(problem in one for one in found), found
    assert len(found) == 1


def test_a_bad_part_is_not_blamed_on_what_refers_to_it(problems_of: Any) -> None:
    sections = {
        "templates": {"visit": {**VISIT, "category": "news"}},
        "escalationPolicies": {"ops": {"steps": []}},
        "tickets": {"board": {"kind": "paper"}},
        "sources": {"prometheus": {"kind": "prom"}},
        "groups": {"everybody": []},
    }
    flows = {
        "one": {"sources": ["prometheus"], "alert": {**PAGES, "tickets": ["board"]}},
        "two": {"message": {**WRITES, "to": ["group:everybody"]}},
    }
    found = problems_of(good(**sections, flows=flows))
    assert sorted(one.partition(":")[0] for one in found) == [
        "escalationPolicies.ops.steps",
        "groups.everybody",
        "sources.prometheus.kind",
        "templates.visit.category",
        "tickets.board.kind",
    ]


def test_without_a_line_no_flow_can_write(load_text: Any) -> None:
    sections = {key: value for key, value in pages().items() if key != "channels"}
    with pytest.raises(ConfigInvalid) as caught:
        load_text(json.dumps(sections))
    [found] = caught.value.problems
    assert found == "flows.f.line: expected a line to write by; none is configured, got nothing"


def test_everything_wrong_is_told_at_once(problems_of: Any) -> None:
    wrong = {
        "sources": ["x"],
        "when": "x",
        "line": "x",
        "message": {"template": "x", "to": ["x"], "fields": {"a": "x"}, "key": "x", "times": 0},
    }
    found = problems_of(good(flows={"a": wrong, "b": {"alert": {"escalation": "x"}}}))
    assert len(found) == 9


def test_a_template_of_alerts_may_go_to_people_on_duty(load_good: Any) -> None:
    patch = {**writes(to=["person:ann"]), "templates": {"visit": ALERT_TEMPLATE}}
    assert warnings(load_good, patch) == []


# -- what is told --------------------------------------------------------------------------------------


def on(patch: dict[str, Any], **policy: Any) -> dict[str, Any]:
    return {**patch, "policy": policy}


def hotline(patch: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**patch, "channels": {"sms": {"purpose": "hotline", "name": "Acme", **keys}}}


MARKETING = {**VISIT, "category": "marketing", "sender": "Acme", "texts": {
    "en": "{brand} of Acme: Hello {name}, {day}! {note} Reply STOP to opt out.",
}, "programme": "offers"}  # fmt: skip
DOUBTFUL: dict[str, tuple[dict[str, Any], str]] = {
    "an event starts nothing there": (
        on(writes(), initiator={"event": "hold"}),
        "policy.initiator.event is hold: what events start waits for a person each time; set it to allow (flow f)",
    ),
    "an event is refused there": (
        on(writes(), initiator={"event": "deny"}),
        "policy.initiator.event is deny: what events start is refused; set it to allow (flow f)",
    ),
    "strangers on a hotline": (
        hotline(writes()),
        "channels.sms.policy.recipientAllowlist.consentCounts is off: what goes to people on no list of the line waits for a person each time; switch it on, or list them (flow f)",
    ),
    "first contacts": (
        on(writes(), firstContact={"flowsExempt": False, "templatesExempt": False}),
        "policy.firstContact.flowsExempt is off: the first text to somebody who never wrote waits for a person each time; switch it on (flow f)",
    ),
    "another template": (
        on(writes(), messageClass={"templates": [PAGE]}),
        "policy.messageClass.templates leaves out visit: what it says waits for a person each time; add it (flow f)",
    ),
    "another category": (
        on(writes(), messageClass={"categories": ["alert"], "others": "deny"}),
        "policy.messageClass.categories leaves out transactional: what the template says is refused; add it (flow f)",
    ),
    "no pages": (
        on(pages(), messageClass={"categories": ["transactional"]}),
        "policy.messageClass.categories leaves out alert: every page waits for a person each time; add alert (flow f)",
    ),
    "pages by another name": (
        on(pages(), messageClass={"templates": ["visit"]}),
        "policy.messageClass.templates leaves out alert, which pages are called: every page waits for a person each time; add it (flow f)",
    ),
    "a line that is off": (
        {**writes(), "channels": {"sms": {**OPEN, "enabled": False}}},
        "flows.f.line is default, which is switched off: nothing leaves",
    ),
    "agreement of responders": (
        writes(to=["person:ann"]),
        "flows.f.message.template is transactional, and responders are asked for their agreement",
    ),
    "fewer for a key than times": (
        writes(times=3, keyMax=2),
        "flows.f.message.keyMax is less than times: the later ones never leave",
    ),
    "per without a most": (
        writes(per="2h"),
        "flows.f.message.per has no effect without personMax",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_the_lines_policy_would_hold_back_is_told(name: str, load_good: Any) -> None:
    patch, words = DOUBTFUL[name]
    found = warnings(load_good, patch)
    assert len([one for one in found if one.startswith(words)]) == 1, found


def test_marketing_is_told_of_and_of_the_switch_it_needs(load_good: Any) -> None:
    patch = {**writes(), "templates": {"visit": MARKETING}}
    first, second = warnings(load_good, patch)
    assert first.startswith("flows.f.message.template is marketing, which goes to nobody but those")
    assert second.startswith("channels.sms.policy.consent.marketing is off: marketing is refused")
    assert len(warnings(load_good, on(patch, consent={"marketing": True}))) == 1


POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"initiator": {"event": "deny"}},
    {"initiator": {"event": "allow"}},
    {"recipientAllowlist": {"consentCounts": True}},
    {"recipientAllowlist": {"consentCounts": False, "enforce": "deny"}},
    {"firstContact": {"flowsExempt": False, "templatesExempt": False}},
    {"firstContact": {"flowsExempt": False, "templatesExempt": True}},
    {"messageClass": {"categories": ["marketing"]}},
    {"messageClass": {"templates": ["visit"]}},
    {"messageClass": {"templates": [PAGE]}},
)
ASKED = ("initiator", "purpose", "recipient_allowlist", "first_contact", "message_class")
AT = datetime(2026, 11, 23, 18, tzinfo=UTC)


def _told_of(policy: Policy, written: str) -> set[str]:
    """The rules that hold back the first text to somebody who agreed, or a page."""
    traits = Traits(Category.TRANSACTIONAL, template="visit@1")
    text = Facts(
        Act.INITIATE,
        AT,
        "default",
        "contact",
        Role.STRANGER,
        Initiator.EVENT,
        message_class=MessageClass.TEMPLATE,
        new_recipient=True,
        consent=("transactional",),
        traits=traits,
    )
    if written != "customer":
        traits = Traits(Category.ALERT, template="visit@1" if written == "duty" else TEMPLATE)
        text = replace(text, role=Role.RESPONDER, consent=(), traits=traits)
    if written == "page":
        text = replace(text, message_class=MessageClass.PAGE)
    return {name for name, ruling in rulings(text, policy) if ruling.verdict and name in ASKED}


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("purpose", ["hotline", "intake", "notify"])
@pytest.mark.parametrize("written", ["customer", "duty", "page"])
def test_what_is_told_is_what_the_gate_says(
    written: str, purpose: str, policy: dict[str, Any], load_good: Any
) -> None:
    duty = {**writes(to=["person:ann"]), "templates": {"visit": ALERT_TEMPLATE}}
    patch = {"customer": writes(), "duty": duty, "page": pages()}[written]
    patch["channels"] = {"sms": {"purpose": purpose, "name": "Acme"}}
    settings = load_good(on(patch, **policy))
    held = _told_of(settings.policies["default"], written)
    told = {
        snake(key)
        for one in warnings(load_good, on(patch, **policy))
        for key in one.partition(" ")[0].split(".")
        if snake(key) in ASKED
    }
    # On an intake line the purpose outdoes who started it.
    assert told - {"initiator"} == held - {"initiator"}
    assert ("initiator" in told) is ("initiator" in held and purpose != "intake")


def test_what_passes_is_not_complained_about(load_good: Any) -> None:
    listed = hotline(writes(to=[f"number:{CUSTOMER}"]), allowFrom=[CUSTOMER])
    for patch in (writes(), pages(), listed, hotline(pages())):
        assert warnings(load_good, patch) == []


def test_flows_that_one_setting_holds_back_are_told_of_together(load_good: Any) -> None:
    patch = on(
        good(flows={"one": {"message": WRITES}, "two": {"message": WRITES}}),
        initiator={"event": "hold"},
    )
    [found] = warnings(load_good, patch)
    assert found.endswith("(flows one, two)")


def test_a_flow_is_judged_by_its_own_line_alone(load_good: Any) -> None:
    patch = writes()
    shop = {
        "purpose": "hotline",
        "fromNumber": "+15555550109",
        "webhookPath": "/shop",
        "publicWebhookUrl": "https://gateway.example.com/shop",
    }
    patch["channels"] = {"sms": {**OPEN, "accounts": {"shop": shop}}}
    assert warnings(load_good, patch) == []
    patch["flows"] = {"f": {"line": "shop", "message": WRITES}}
    [found] = warnings(load_good, patch)
    assert found.startswith("channels.sms.accounts.shop.policy.recipientAllowlist.consentCounts")


def test_pages_leave_by_a_responders_own_line_too(load_good: Any) -> None:
    patch = pages()
    patch["responders"] = {"ann": {"number": "+15555550141", "line": "night"}}
    night = {
        "fromNumber": "+15555550109",
        "webhookPath": "/night",
        "publicWebhookUrl": "https://gateway.example.com/night",
        "policy": {"messageClass": {"categories": ["transactional"]}},
    }
    patch["channels"] = {"sms": {**OPEN, "accounts": {"night": night}}}
    [found] = warnings(load_good, patch)
    assert found.startswith("channels.sms.accounts.night.policy.messageClass.categories leaves out")


# -- words and numbers ---------------------------------------------------------------------------------


def test_pages_are_called_what_the_gateway_calls_them() -> None:
    assert TEMPLATE.partition("@")[0] == PAGE


def test_no_answer_to_a_page_is_a_word_that_carriers_act_on() -> None:
    listed = [words for table in (OPT_OUT, OPT_IN, OPT_IN_YES, HELP) for words in table.values()]
    assert VERBS.isdisjoint({word for words in listed for word in words})


def test_a_template_of_a_flow_that_asks_for_a_carriers_word_is_refused(problems_of: Any) -> None:
    asks = {**ALERT_TEMPLATE, "texts": {"en": "{brand} {name} {day} {note} Reply STOP to take it"}}
    found = problems_of({**writes(to=["person:ann"]), "templates": {"visit": asks}})
    assert any("templates.visit.texts.en: it asks for STOP as an answer" in one for one in found)


@pytest.mark.proves("P9")
def test_numbers_in_flows_are_masked(load_good: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    patch = writes(to=[f"number:{CUSTOMER}", "field:data.phone"])
    shown = masked(patch)["flows"]["f"]["message"]["to"]
    assert shown == ["number:+1555•••0177", "field:data.phone"]
    assert CUSTOMER[4:] not in repr(load_good(patch)) + caplog.text
