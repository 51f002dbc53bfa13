"""What cannot be meant is refused, or told where it is legal and merely useless: with its path, in
words that say what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ringfence.model.errors import ConfigInvalid

OWN, OTHER = "+15555550100", "+15555550111"
VISIT = {"version": 1, "category": "conversation", "texts": {"en": "Your visit is at nine."}}
TEMPLATES = {"visit": VISIT}
NIGHT = "mon-sun 22:00-06:00"


def line(**keys: Any) -> dict[str, Any]:
    return {"channels": {"sms": keys}}


def policy(**rules: Any) -> dict[str, Any]:
    return {"policy": rules}


def warnings(load_good: Any, patch: Mapping[str, Any]) -> list[str]:
    """Those that the good configuration does not have."""
    known = set(load_good().warnings)
    return [one for one in load_good(patch).warnings if one not in known]


def test_what_is_good_is_not_complained_about(load_good: Any) -> None:
    for purpose in ("hotline", "intake", "notify"):
        patch = {**line(purpose=purpose, name="Harbour Shop"), "templates": TEMPLATES}
        assert load_good(patch).warnings == ()


USELESS: dict[str, tuple[dict[str, Any], str]] = {
    "no hour for people": (
        policy(quietHours={"windows": "closed"}),
        "policy.quietHours.windows has no hour at which people may be written to",
    ),
    "never open": (
        line(policy={"openingHours": {"windows": "closed"}}),
        "channels.sms.policy.openingHours.windows has no hour at which the line is open",
    ),
    "open by night, quiet by night": (
        line(policy={"openingHours": {"windows": NIGHT}}),
        "channels.sms.policy.openingHours.windows and the quiet hours",
    ),
    "staged for nobody": (
        policy(staging={"enabled": True}),
        "policy.staging.enabled is on and there are no test recipients",
    ),
    "staged, owners left out": (
        {**policy(staging={"enabled": True, "owners": False}), **line(owners=[OTHER])},
        "there are no test recipients",
    ),
    "its own number on a list": (
        line(allowTo=[OTHER, OWN]),
        "channels.sms.allowTo names a number of one of the lines",
    ),
    "its own number as owner": (line(owners=[OWN]), "channels.sms.owners names a number"),
    "its own number by default": (line(defaultTo=OWN), "channels.sms.defaultTo names a number"),
    "no category": (
        policy(messageClass={"categories": []}),
        "policy.messageClass.categories is empty",
    ),
    "marketing on and left out": (
        policy(consent={"marketing": True}, messageClass={"categories": ["conversation"]}),
        "leaves out marketing",
    ),
    "marketing on, and none a day": (
        policy(consent={"marketing": True}, spend={"marketingDay": 0}),
        "policy.spend.marketingDay is 0",
    ),
    "nothing to say": (
        policy(messageClass={"freeText": "deny"}),
        "policy.messageClass.freeText is deny and no template may be sent either",
    ),
    "agents that start on an intake line": (
        line(purpose="intake", name="x", policy={"initiator": {"agent": "allow"}}),
        "channels.sms.policy.initiator.agent is allow, and on an intake line",
    ),
    "notify without templates": (
        line(purpose="notify", name="x"),
        "channels.sms.purpose is notify, which sends templates only",
    ),
    "notify and free text": (
        {
            **line(purpose="notify", name="x", policy={"messageClass": {"freeText": "allow"}}),
            "templates": TEMPLATES,
        },
        "channels.sms.policy.messageClass.freeText is allow, and a notify line",
    ),
    "more a minute than an hour": (
        policy(recipientVolume={"minute": 80}),
        "policy.recipientVolume.minute is more than hour (60) lets through",
    ),
    "no money for one text": (
        policy(spend={"moneyDay": 0}),
        "policy.spend.moneyDay is less than one segment costs",
    ),
    "hosts without links": (
        policy(content={"hosts": ["shop.example"], "links": "none"}),
        "policy.content.hosts has no effect while links is none",
    ),
}


@pytest.mark.parametrize("name", USELESS)
def test_what_is_legal_and_useless_is_told(name: str, load_good: Any) -> None:
    patch, words = USELESS[name]
    [found] = warnings(load_good, patch)
    assert words in found


def test_a_switched_off_line_is_left_alone(load_good: Any) -> None:
    assert warnings(load_good, line(enabled=False, allowTo=[OWN])) == []


def test_hours_that_cross_midnight_meet(load_good: Any) -> None:
    late = line(policy={"openingHours": {"windows": "sun 20:00-02:00"}})
    assert warnings(load_good, late) == []
    windows = {"quietHours": {"windows": "mon 00:00-01:00"}, "openingHours": {"windows": NIGHT}}
    assert warnings(load_good, line(policy=windows)) == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown rule": (
        policy(quietHour={"windows": "us"}),
        'policy.quietHour: expected a known key, got an unknown one; did you mean "quietHours"?',
    ),
    "an unknown rule of a line": (
        line(policy={"spending": {}}),
        "channels.sms.policy.spending: expected a known key",
    ),
    "an unknown setting": (
        policy(spend={"segmentsPerDay": 5}),
        'policy.spend.segmentsPerDay: expected a known key, got an unknown one; did you mean "segments',
    ),
    "a setting of another kind": (
        policy(spend={"segmentsDay": "many"}),
        "policy.spend.segmentsDay: expected a whole number",
    ),
    "an answer there is not": (
        policy(initiator={"agent": "maybe"}),
        'policy.initiator.agent: expected one of "allow", "hold", "deny"',
    ),
    "an answer that would not refuse": (
        policy(firstContact={"enforce": "allow"}),
        'policy.firstContact.enforce: expected one of "hold", "deny"',
    ),
    "below the least": (
        policy(recipientVolume={"minute": 0}),
        "policy.recipientVolume.minute: expected a number of at least 1",
    ),
    "a zone there is not": (
        line(zone="Mars/Olympus"),
        "channels.sms.zone: expected an IANA time zone such as America/New_York",
    ),
    "a default zone there is not": (
        policy(quietHours={"defaultZone": "Mars/Olympus"}),
        "policy.quietHours: expected `defaultZone` to be an IANA zone",
    ),
    "windows nobody can read": (
        policy(openingHours={"windows": "weekdays 9 to 5"}),
        "policy.openingHours: expected `windows` to be windows such as",
    ),
    "a window of no length": (
        policy(quietHours={"windows": "mon-sun 09:00-09:00"}),
        "policy.quietHours: expected `windows` to be",
    ),
    "a topic there is not": (
        policy(forcedTopics={"topics": ["weather"]}),
        "policy.forcedTopics: expected topics out of",
    ),
    "a template there is not": (
        {**policy(messageClass={"templates": ["visits"]}), "templates": TEMPLATES},
        'policy.messageClass.templates: expected names of templates (visit); did you mean "visit"?',
    ),
    "a template, and none is configured": (
        line(policy={"messageClass": {"templates": ["visit"]}}),
        "channels.sms.policy.messageClass.templates: expected names of templates (none is config",
    ),
    "a template's field of no kind": (
        {"templates": {"visit": {**VISIT, "fields": {"at": {"kind": "hour"}}}}},
        "templates.visit.fields.at.kind: expected one of",
    ),
    "a field the text has and nobody described": (
        {"templates": {"visit": {**VISIT, "texts": {"en": "Your visit is at {at}."}}}},
        "templates.visit",
    ),
    "a field nobody uses": (
        {"templates": {"visit": {**VISIT, "fields": {"at": {"kind": "time"}}}}},
        "templates.visit",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_with_its_path(name: str, load_good: Any) -> None:
    patch, words = REFUSED[name]
    with pytest.raises(ConfigInvalid) as caught:
        load_good(patch)
    assert any(words in problem for problem in caught.value.problems), caught.value.problems


def test_the_line_is_blamed_for_its_own_and_the_file_for_what_all_have(load_good: Any) -> None:
    both = {
        **policy(quietHours={"windows": "closed"}),
        **line(policy={"quietHours": {"spreadS": 5}}),
    }
    [found] = warnings(load_good, both)
    assert found.startswith("policy.quietHours.windows ")
    named = {
        **policy(quietHours={"windows": "closed"}),
        **line(
            accounts={
                "second": {"webhookPath": "/second", "policy": {"quietHours": {"windows": "us"}}}
            }
        ),
    }
    assert any("quietHours.windows" in one for one in warnings(load_good, named))
