"""The operations channel of the configuration, put together from its sections: sources, responders and
their schedules, escalation policies, ticket systems, flows. Each section knows the others by name only,
so that one bad entry is not blamed on all that refer to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ringfence.config.checking import Loc
from ringfence.config.duty import ScheduleMaker
from ringfence.config.escalations import PolicyMaker
from ringfence.config.flows import FlowMaker, Names
from ringfence.config.problems import Problems
from ringfence.config.responders import Lines, ResponderMaker
from ringfence.config.secrets import SecretResolver
from ringfence.config.sources import SourceMaker
from ringfence.config.tickets import TicketMaker
from ringfence.delivery.flow import Operations
from ringfence.model.oncall import TargetKind
from ringfence.model.template import Template


@dataclass(frozen=True, slots=True)
class OperationsMaker:
    """What making the channel needs. `values` are the root's, `left_out` says where bad ones were;
    `base` is the folder of the file, `now` what schedules are looked at from."""

    values: Mapping[str, Any]
    left_out: frozenset[Loc]
    resolver: SecretResolver
    problems: Problems
    warnings: list[str]
    base: Path
    now: datetime

    def make(self, lines: Lines, templates: Mapping[str, Template], base_url: str) -> Operations:
        """Everything configured; wrong parts go to `problems`."""
        sources = SourceMaker(self.resolver, self.problems, self.warnings)
        made_sources = sources.make_all(self._section("sources"))
        people = ResponderMaker(self.problems, lines)
        responders = people.make_all(self._section("responders"))
        names = self._names("responders")
        groups = people.groups(self._section("groups"), names)
        schedules = ScheduleMaker(
            self.problems, self.warnings, self.base, names, responders, self.now
        ).make_all(self._section("schedules"))
        known = {
            TargetKind.PERSON: names,
            TargetKind.SCHEDULE: self._names("schedules"),
            TargetKind.GROUP: self._names("groups"),
        }
        policies = PolicyMaker(self.problems, known).make_all(self._section("escalationPolicies"))
        tickets = TicketMaker(self.resolver, self.problems, self.warnings)
        flows = FlowMaker(
            self.problems,
            self.warnings,
            lines,
            templates,
            Names(
                {*made_sources, *self._names("sources")},
                known,
                self._names("escalationPolicies"),
                self._names("tickets"),
                self._names("templates"),
            ),
        )
        return Operations(
            MappingProxyType(made_sources),
            MappingProxyType(responders),
            MappingProxyType(groups),
            MappingProxyType(schedules),
            MappingProxyType(policies),
            flows.make_all(self._section("flows")),
            MappingProxyType(tickets.make_all(self._section("tickets"))),
            base_url,
            self._section("responding").get("requireVerified", True),
        )

    def _section(self, name: str) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self.values.get(name, {})
        return section

    def _names(self, section: str) -> Collection[str]:
        """Whatever is written there, good or bad."""
        bad = {str(loc[1]) for loc in self.left_out if loc[0] == section and len(loc) > 1}
        return {*self._section(section), *bad}
