"""Responders and groups of the configuration. Each number is one person's, and none is a line's: an
answer from it counts as theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ringfence.config.checking import check
from ringfence.config.numbers import read_number
from ringfence.config.problems import Problems, join_path
from ringfence.config.schema.oncall import ResponderShape
from ringfence.delivery.flow import Responder
from ringfence.model.errors import InvalidNumber
from ringfence.model.line import Line
from ringfence.model.oncall import Channel
from ringfence.model.phone import PhoneNumber

SECTION = "responders"


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines as other sections refer to them: by id, each with the region that national numbers
    beside it are read by. `default_id` is empty when there is no line."""

    by_id: Mapping[str, Line]
    regions: Mapping[str, str | None]
    default_id: str

    def number(self, value: str | int, line_id: str) -> PhoneNumber:
        """Raises InvalidNumber; for a line that is not there by the default one's region."""
        fallback = self.regions.get(self.default_id)
        return read_number(value, self.regions.get(line_id, fallback))

    def own(self, number: PhoneNumber) -> bool:
        return any(line.number == number for line in self.by_id.values())


@dataclass(frozen=True, slots=True)
class ResponderMaker:
    """Makes responders and groups; wrong ones go to `problems` and are left out."""

    problems: Problems
    lines: Lines

    def make_all(self, raw: Mapping[str, Any]) -> dict[str, Responder]:
        """Every responder by name, in the order of the file."""
        made: dict[str, Responder] = {}
        for name in raw:
            path = f"{SECTION}.{name}"
            responder = self._responder(name, raw[name], path)
            if responder is not None and self._is_their_own(responder, made, path):
                made[name] = responder
        return made

    def _responder(self, name: str, raw: dict[str, Any], path: str) -> Responder | None:
        values, bad = check(ResponderShape, raw, path, self.problems)
        line = values.get("line", "")
        if line and line not in self.lines.by_id:
            self.problems.no_such(f"{path}.line", "an account", line, self.lines.by_id)
        if bad or "number" not in values:
            return None
        try:
            number = self.lines.number(values["number"], line)
        except InvalidNumber as error:
            expected = f"a phone number ({error.detail.rstrip('.')})"
            self.problems.add(f"{path}.number", expected, values["number"])
            return None
        channels = frozenset(map(Channel, values.get("channels", [Channel.SMS.value])))
        two_way = values.get("twoWay", True)
        return Responder(name, number, values.get("label", name), line, channels, two_way)

    def _is_their_own(self, one: Responder, made: Mapping[str, Responder], path: str) -> bool:
        other = next((each.name for each in made.values() if each.number == one.number), None)
        if other is not None:
            expected = f"a number of their own ({other} has it)"
        elif self.lines.own(one.number):
            expected = "a person's number (this is a line's own, which is never written to)"
        else:
            return True
        self.problems.add(f"{path}.number", expected, one.number.e164)
        return False

    def groups(
        self, raw: Mapping[str, list[str]], names: Collection[str]
    ) -> dict[str, tuple[str, ...]]:
        """Every group by name; `names` are the responders that there are."""
        for group, members in raw.items():
            for at, member in enumerate(members):
                if member not in names:
                    path = join_path("groups", group, at)
                    self.problems.no_such(path, "a responder", member, names)
        return {group: tuple(dict.fromkeys(members)) for group, members in raw.items()}
