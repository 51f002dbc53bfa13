"""Flows of the configuration: conditions, operands and recipients read, every name looked up. A flow
that could never do what it says is refused; what its line's policy would make of it is for
`config.flow_gate`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ringfence.config.checking import check
from ringfence.config.flow_fields import NO_EVENT, check_fields
from ringfence.config.names import snake
from ringfence.config.problems import Problems, join_path
from ringfence.config.responders import Lines
from ringfence.config.schema.flows import AlertShape, FlowShape, MessageShape
from ringfence.config.targets import Known, read_target
from ringfence.delivery.flow import (
    AlertSettings,
    Flow,
    MessageSettings,
    Recipient,
    RecipientKind,
    is_of,
    moment_of,
)
from ringfence.model.draft import Category
from ringfence.model.errors import InvalidField, InvalidNumber
from ringfence.model.template import Template
from ringfence.text.condition_terms import Condition, Literal, Operand
from ringfence.text.conditions import parse, parse_operand

SECTION = "flows"
_OPERANDS = ("language", "sendAt", "key", "useUntil")
_MOMENTS = ("sendAt", "useUntil")
_AS_WRITTEN = ("offset", "times", "every", "keyMax", "personMax", "per", "life", "private")
_FORMS = ("field:PATH", "number:+15555550123", "contact:ID")
CUSTOMERS = frozenset({RecipientKind.FIELD, RecipientKind.NUMBER, RecipientKind.CONTACT})
_CONTACT = re.compile(r"ctc_[0-9a-f]{32}")
_bare_word = re.compile(r"[^\W\d][\w-]*( [\w-]+)*")


@dataclass(frozen=True, slots=True)
class Names:
    """What there is to refer to, by name; what could not be made for other reasons is here too."""

    sources: Collection[str]
    targets: Known
    policies: Collection[str]
    tickets: Collection[str]
    templates: Collection[str]


@dataclass(frozen=True, slots=True)
class FlowMaker:
    """Makes flows; wrong ones go to `problems`, doubtful ones to `warnings`."""

    problems: Problems
    warnings: list[str]
    lines: Lines
    templates: Mapping[str, Template]
    names: Names

    def make_all(self, raw: Mapping[str, Any]) -> tuple[Flow, ...]:
        """Every flow in the order of the file."""
        return tuple(self._flow(name, raw[name], f"{SECTION}.{name}") for name in raw)

    def _flow(self, name: str, raw: dict[str, Any], path: str) -> Flow:
        values, bad = check(FlowShape, raw, path, self.problems)
        self._look_up(values.get("sources", []), f"{path}.sources", "a source", self.names.sources)
        line_id = self._line(values, path)
        types = tuple(values.get("types", ("*",)))
        kinds = {"alert", "message"}
        if len(kinds & values.keys()) != 1 and not any(loc[0] in kinds for loc in bad):
            got = "both" if kinds <= values.keys() else "neither"
            self.problems.add(path, "exactly one of alert and message", got=got)
        alert, message = values.get("alert"), values.get("message")
        return Flow(
            name,
            line_id,
            frozenset(values.get("sources", ())),
            types,
            self._condition(values.get("when"), f"{path}.when"),
            None if alert is None else self._alert(alert, f"{path}.alert"),
            None
            if message is None
            else self._message(message, f"{path}.message", line_id, types, f"{path}.types"),
        )

    def _line(self, values: Mapping[str, Any], path: str) -> str:
        line_id: str = values.get("line", self.lines.default_id)
        if not self.lines.by_id:
            self.problems.add(f"{path}.line", "a line to write by; none is configured")
        elif line_id not in self.lines.by_id:
            self.problems.no_such(f"{path}.line", "an account", line_id, self.lines.by_id)
        elif not self.lines.by_id[line_id].enabled:
            self.warnings.append(f"{path}.line is {line_id}, which is switched off: nothing leaves")
        return line_id

    def _look_up(self, names: list[str], path: str, what: str, known: Collection[str]) -> None:
        for at, name in enumerate(names):
            if name not in known:
                self.problems.no_such(join_path(path, at), what, name, known)

    # -- what stands in an event ------------------------------------------------------------------

    def _condition(self, text: str | None, path: str) -> Condition | None:
        try:
            return None if text is None else parse(text)
        except InvalidField as error:
            self.problems.refuse(path, error.detail)
            return None

    def _operand(self, text: str | None, path: str) -> Operand | None:
        try:
            return None if text is None else parse_operand(text)
        except InvalidField as error:
            is_word = _bare_word.fullmatch(text or "")
            hint = f" A text of its own stands in double quotes: '\"{text}\"'." if is_word else ""
            self.problems.refuse(path, error.detail + hint)
            return None

    # -- alerts -----------------------------------------------------------------------------------

    def _alert(self, raw: dict[str, Any], path: str) -> AlertSettings | None:
        values, _ = check(AlertShape, raw, path, self.problems)
        policy = values.get("escalation")
        if policy is not None and policy not in self.names.policies:
            self.problems.no_such(
                f"{path}.escalation", "an escalation policy", policy, self.names.policies
            )
        tickets = tuple(dict.fromkeys(values.get("tickets", ())))
        self._look_up(list(tickets), f"{path}.tickets", "a ticket system", self.names.tickets)
        return AlertSettings(
            policy or "",
            self._operand(values.get("service"), f"{path}.service"),
            self._operand(values.get("title"), f"{path}.title"),
            tickets,
            values.get("tellResolved", True),
        )

    # -- messages ---------------------------------------------------------------------------------

    def _message(
        self, raw: dict[str, Any], path: str, line_id: str, types: tuple[str, ...], types_path: str
    ) -> MessageSettings | None:
        values, _ = check(MessageShape, raw, path, self.problems)
        if "template" not in values:
            return None
        line = self.lines.by_id.get(line_id)
        zone = values.get("zone", line.zone if line is not None else "UTC")
        operands = {key: self._operand(values.get(key), f"{path}.{key}") for key in _OPERANDS}
        fields = {
            name: self._operand(text, f"{path}.fields.{name}")
            for name, text in values.get("fields", {}).items()
        }
        to = tuple(
            recipient
            for at, text in enumerate(values.get("to", []))
            if (recipient := self._recipient(text, join_path(path, "to", at), line_id)) is not None
        )
        cancelled_by = tuple(values.get("cancelledBy", ()))
        self._judge_template(values["template"], fields, to, path)
        self._judge_times(values, operands, zone, path)
        for at, type_ in enumerate(types):
            if is_of(type_, cancelled_by):
                expected = "a type that cancelledBy does not take: what cancels does not start"
                self.problems.add(join_path(types_path, at), expected, type_)
        settings: dict[str, Any] = {
            **{snake(key): operand for key, operand in operands.items()},
            **{snake(key): values[key] for key in _AS_WRITTEN if key in values},
            "values": {name: operand for name, operand in fields.items() if operand is not None},
            "cancelled_by": cancelled_by,
            "zone": zone,
        }
        return MessageSettings(values["template"], to, **settings)

    def _recipient(self, text: str, path: str, line_id: str) -> Recipient | None:
        word, _, rest = text.partition(":")
        if word == RecipientKind.FIELD.value:
            operand = self._operand(rest, path)
            if isinstance(operand, Literal):
                self.problems.add(path, "field:PATH such as field:data.phone", got="a literal")
            return Recipient(RecipientKind.FIELD, operand=operand)
        if word == RecipientKind.NUMBER.value:
            return self._number(rest, path, line_id)
        if word == RecipientKind.CONTACT.value:
            if not _CONTACT.fullmatch(rest):
                self.problems.add(path, "contact:ID such as contact:ctc_01a1…", got="another id")
            return Recipient(RecipientKind.CONTACT, operand=Literal(rest))
        target = read_target(text, self.names.targets, path, self.problems, _FORMS)
        return (
            None if target is None else Recipient(RecipientKind(target.kind.value), target=target)
        )

    def _number(self, text: str, path: str, line_id: str) -> Recipient | None:
        try:
            number = self.lines.number(text, line_id)
        except InvalidNumber as error:
            expected = f"a phone number after number: ({error.detail.rstrip('.')})"
            self.problems.add(path, expected, got="another text")
            return None
        if self.lines.own(number):
            expected = "a person's number (this is a line's own, which is never written to)"
            self.problems.add(path, expected, got=number.masked)
        return Recipient(RecipientKind.NUMBER, number=number)

    def _judge_template(
        self,
        name: str,
        fields: Mapping[str, Operand | None],
        to: tuple[Recipient, ...],
        path: str,
    ) -> None:
        template = self.templates.get(name)
        if template is None:
            if name not in self.names.templates:
                self.problems.no_such(f"{path}.template", "a template", name, self.names.templates)
            return
        check_fields(template, fields, f"{path}.fields", self.problems)
        kinds = {recipient.kind for recipient in to}
        if template.category is Category.ALERT and RecipientKind.FIELD in kinds:
            self.problems.add(
                f"{path}.template",
                "a template of another category: alerts are for people on duty, and `field:` "
                "writes to whoever the event names",
                name,
            )
        if template.category is Category.MARKETING:
            self.warnings.append(
                f"{path}.template is marketing, which goes to nobody but those who agreed to it in "
                "writing, and only with policy.consent.marketing"
            )
        elif template.category is not Category.ALERT and kinds and not kinds & CUSTOMERS:
            self.warnings.append(
                f"{path}.template is {template.category.value}, and responders are asked for their "
                'agreement like anybody: give the template the category "alert"'
            )

    def _judge_times(
        self,
        values: Mapping[str, Any],
        operands: Mapping[str, Operand | None],
        zone: str,
        path: str,
    ) -> None:
        if values.get("offset", timedelta(0)) < timedelta(0) and "sendAt" not in values:
            self.problems.add(
                f"{path}.offset",
                "sendAt as well: nothing leaves before its event came",
                got="a time before it",
            )
        times, most = values.get("times", 1), values.get("keyMax")
        if most is not None and most < times:
            self.warnings.append(f"{path}.keyMax is less than times: the later ones never leave")
        if "personMax" not in values and "per" in values:
            self.warnings.append(f"{path}.per has no effect without personMax")
        for key in _MOMENTS:
            operand = operands[key]
            if isinstance(operand, Literal):
                self._judge_moment(operand, zone, f"{path}.{key}")

    def _judge_moment(self, operand: Literal, zone: str, path: str) -> None:
        try:
            moment_of(operand, NO_EVENT, zone)
        except InvalidField as error:
            self.problems.refuse(path, error.detail)
