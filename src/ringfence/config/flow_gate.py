"""What the gate would do with the texts of flows: settings of a line's policy under which what an event
starts never leaves, or waits for a person each time. Each is a warning that names the setting to
change. Pages to responders pass what is asked of strangers by themselves; the kinds of text a line
sends hold for them too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ringfence.config.contradictions import PAGE, Found, Judged
from ringfence.config.flows import CUSTOMERS
from ringfence.delivery.flow import Flow, Operations, Recipient
from ringfence.model.draft import Category
from ringfence.model.line import Line, Purpose
from ringfence.model.template import Template
from ringfence.policy.rule import ALL, Answer
from ringfence.policy.rules import (
    consent,
    first_contact,
    initiator,
    message_class,
    recipient_allowlist,
)

_PERSON = "waits for a person each time"


@dataclass(frozen=True, slots=True)
class Writing:
    """What flows write on one line: who is paged, and the messages with their templates."""

    pages: tuple[str, ...]
    messages: tuple[tuple[Flow, Template], ...]


def writing_on(line: Line, operations: Operations, templates: Mapping[str, Template]) -> Writing:
    """What leaves by this line: of alerts also where a responder has a line of their own."""
    theirs = any(one.line == line.id for one in operations.responders.values())
    pages = tuple(
        flow.name
        for flow in operations.flows
        if flow.alert is not None and (flow.line == line.id or theirs)
    )
    messages = tuple(
        (flow, templates[flow.message.template])
        for flow in operations.flows
        if flow.message is not None and flow.line == line.id and flow.message.template in templates
    )
    return Writing(pages, messages)


def held_back(judged: Judged, writing: Writing) -> list[str]:
    """The warnings about one line that is switched on, each setting once with all flows it stops."""
    if not judged.line.enabled:
        return []
    flows: dict[tuple[str, str], list[str]] = {}
    for name, path, text in [*_pages(judged, writing.pages), *_messages(judged, writing)]:
        flows.setdefault((path, text), []).append(name)
    return [
        f"{path} {text} ({'flow' if len(names) == 1 else 'flows'} {', '.join(names)})"
        for (path, text), names in flows.items()
    ]


_Named = Iterator[tuple[str, str, str]]


def _pages(judged: Judged, names: tuple[str, ...]) -> _Named:
    settings = judged.settings("message_class", message_class.Settings())
    for name in names:
        if Category.ALERT not in settings.categories:
            yield (
                name,
                judged.path("messageClass", "categories"),
                f"leaves out alert: {_fate(settings.others.value, 'every page')}; add alert",
            )
        if judged.line.purpose is Purpose.INTAKE:
            yield name, *_intake(judged)
        if ALL not in settings.templates and PAGE not in settings.templates:
            yield (
                name,
                judged.path("messageClass", "templates"),
                f"leaves out {PAGE}, which pages are called: "
                f"{_fate(settings.others.value, 'every page')}; add it",
            )


def _messages(judged: Judged, writing: Writing) -> _Named:
    for flow, template in writing.messages:
        for path, text in _message(judged, flow, template):
            yield flow.name, path, text


def _message(judged: Judged, flow: Flow, template: Template) -> Found:
    assert flow.message is not None, "a flow that writes"
    customers = [one for one in flow.message.to if one.kind in CUSTOMERS]
    yield from _kind(judged, template)
    yield from _start(judged)
    yield from _strangers(judged, customers)


def _kind(judged: Judged, template: Template) -> Found:
    settings = judged.settings("message_class", message_class.Settings())
    if template.category not in settings.categories:
        yield (
            judged.path("messageClass", "categories"),
            f"leaves out {template.category.value}: "
            f"{_fate(settings.others.value, 'what the template says')}; add it",
        )
    if ALL not in settings.templates and template.name not in settings.templates:
        yield (
            judged.path("messageClass", "templates"),
            f"leaves out {template.name}: {_fate(settings.others.value, 'what it says')}; add it",
        )
    marketing = judged.settings("consent", consent.Settings()).marketing
    if template.category is Category.MARKETING and not marketing:
        yield (
            judged.path("consent", "marketing"),
            "is off: marketing is refused, whoever starts it",
        )


def _start(judged: Judged) -> Found:
    starts = judged.settings("initiator", initiator.Settings())
    if judged.line.purpose is Purpose.INTAKE:
        yield _intake(judged)
    elif starts.event is not Answer.ALLOW:
        yield (
            judged.path("initiator", "event"),
            f"is {starts.event.value}: {_fate(starts.event.value, 'what events start')}; "
            "set it to allow",
        )


def _intake(judged: Judged) -> tuple[str, str]:
    return (
        judged.account.path("purpose"),
        "is intake, and on an intake line only people write first: what events start is refused; "
        "use another line",
    )


def _strangers(judged: Judged, to: list[Recipient]) -> Found:
    line = judged.line
    lists = judged.settings("recipient_allowlist", recipient_allowlist.Settings())
    if not lists.consent_counts and any(not _listed(line, one) for one in to):
        yield (
            judged.path("recipientAllowlist", "consentCounts"),
            "is off: what goes to people on no list of the line "
            f"{_verb(lists.enforce.value)}; switch it on, or list them",
        )
    first = judged.settings("first_contact", first_contact.Settings())
    exempt = first.templates_exempt or first.flows_exempt
    if not exempt and any(not (first.known_exempt and _known(line, one)) for one in to):
        yield (
            judged.path("firstContact", "flowsExempt"),
            "is off: the first text to somebody who never wrote "
            f"{_verb(first.enforce.value)}; switch it on",
        )


def _known(line: Line, one: Recipient) -> bool:
    """The configuration itself vouches for them."""
    if one.number is None:
        return False
    return one.number in line.owners or one.number.e164 in line.allow_from


def _listed(line: Line, one: Recipient) -> bool:
    return _known(line, one) or (one.number is not None and one.number.e164 in line.allow_to)


def _fate(answer: str, what: str) -> str:
    return f"{what} {_verb(answer)}"


def _verb(answer: str) -> str:
    return "is refused" if answer == "deny" else _PERSON
