"""What a configuration says that cannot both be meant: settings of one line's policy that undo each
other, and lists that lead nowhere. What is legal and merely useless is a warning, told by `config
validate`, `doctor` and at the start; only a name that does not exist is refused. Judges values, never
acts; the rules themselves are not asked."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ringfence.config.accounts import Account
from ringfence.config.problems import Problems
from ringfence.model.draft import Category
from ringfence.model.line import Line, Purpose
from ringfence.policy.policy import Policy
from ringfence.policy.rule import ALL, Answer
from ringfence.policy.rules import (
    consent,
    content,
    initiator,
    message_class,
    opening_hours,
    quiet_hours,
    recipient_volume,
    spend,
    staging,
)
from ringfence.policy.windows import DAY_MIN, DAYS, Week, parse_windows

PAGE: Final = "alert"
"""What pages to responders are called among templates (gateway/paging.py); nobody has to write one."""
_NOBODY = "nothing can be sent"


@dataclass(frozen=True, slots=True)
class Judged:
    """One line with what is judged of it. `root` is the file's own `policy`; `templates` are the
    names that there are, `own` the numbers of all lines."""

    account: Account
    line: Line
    policy: Policy
    root: Mapping[str, Any]
    templates: Collection[str]
    own: Collection[str]

    def path(self, rule: str, setting: str) -> str:
        """Where a setting stands: with the line, with all lines, or nowhere but in the defaults."""
        written = self.account.values.get("policy", {})
        place = self.account.origins.get(f"policy.{rule}", self.account.path(f"policy.{rule}"))
        if setting not in written.get(rule, {}) and setting in self.root.get(rule, {}):
            place = f"policy.{rule}"
        return f"{place}.{setting}"

    def settings(self, rule: str, default: Any) -> Any:
        return self.policy.settings.get(rule, default)


def contradictions(judged: Judged, problems: Problems) -> list[str]:
    """The warnings about one line that is switched on; unknown names go to `problems`."""
    if not judged.line.enabled:
        return []
    _unknown_templates(judged, problems)
    found = [
        *_numbers(judged),
        *_hours(judged),
        *_staging(judged),
        *_kinds(judged),
        *_purpose(judged),
        *_volumes(judged),
        *_links(judged),
    ]
    return [f"{path} {text}" for path, text in found]


Found = Iterator[tuple[str, str]]


def _unknown_templates(judged: Judged, problems: Problems) -> None:
    settings = judged.settings("message_class", message_class.Settings())
    for name in settings.templates:
        if name in (ALL, PAGE) or name in judged.templates:
            continue
        near = difflib.get_close_matches(name.partition("@")[0], judged.templates, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        known = ", ".join(sorted(judged.templates)) or "none is configured"
        path = judged.path("messageClass", "templates")
        problems.add(path, f"names of templates ({known}){hint}", name)


def _numbers(judged: Judged) -> Found:
    """The gate never lets a line write to a line."""
    line = judged.line
    lists = {
        "allowTo": line.allow_to,
        "allowFrom": line.allow_from,
        "testRecipients": line.test_recipients,
        "owners": {number.e164 for number in line.owners},
        "defaultTo": {line.default_to.e164} if line.default_to else set(),
    }
    for key, numbers in lists.items():
        if set(numbers) & set(judged.own):
            yield (
                judged.account.path(key),
                "names a number of one of the lines, which is never written to: take it out",
            )


# -- hours -----------------------------------------------------------------------------------------


def _hours(judged: Judged) -> Found:
    quiet = judged.settings("quiet_hours", quiet_hours.Settings())
    opening = judged.settings("opening_hours", opening_hours.Settings())
    people, line = parse_windows(quiet.windows), parse_windows(opening.windows)
    if not any(people):
        yield (
            judged.path("quietHours", "windows"),
            "has no hour at which people may be written to: all that is not exempt waits for a person",
        )
    if not any(line):
        yield (
            judged.path("openingHours", "windows"),
            "has no hour at which the line is open: what agents write waits for a person",
        )
    if any(people) and any(line) and not _overlap(people, line):
        yield (
            judged.path("openingHours", "windows"),
            f"and the quiet hours ({judged.path('quietHours', 'windows')}) have no hour in common: "
            "nobody who lives by the line's clock is written to by an agent unless exempt",
        )


def _overlap(one: Week, other: Week) -> bool:
    return bool(_minutes(one) & _minutes(other))


def _minutes(week: Week) -> set[int]:
    """The minutes of a week that are inside; what crosses midnight goes into the next day."""
    whole = DAY_MIN * len(DAYS)
    return {
        (day * DAY_MIN + minute) % whole
        for day, spans in enumerate(week)
        for span in spans
        for minute in range(span.begins, span.ends)
    }


# -- who and what ----------------------------------------------------------------------------------


def _staging(judged: Judged) -> Found:
    settings, line = judged.settings("staging", staging.Settings()), judged.line
    if not settings.enabled or line.test_recipients:
        return
    if not (settings.owners and line.owners):
        yield (
            judged.path("staging", "enabled"),
            f"is on and there are no test recipients: {_NOBODY}; fill testRecipients",
        )


def _kinds(judged: Judged) -> Found:
    settings = judged.settings("message_class", message_class.Settings())
    marketing = judged.settings("consent", consent.Settings()).marketing
    if not settings.categories:
        yield judged.path("messageClass", "categories"), f"is empty: {_NOBODY} but what is owed"
    elif marketing and Category.MARKETING not in settings.categories:
        yield (
            judged.path("messageClass", "categories"),
            "leaves out marketing, which consent.marketing switches on: one of the two is not meant",
        )
    silent = settings.free_text is Answer.DENY and not _sendable(judged)
    if silent and judged.line.purpose is not Purpose.NOTIFY:
        yield (
            judged.path("messageClass", "freeText"),
            "is deny and no template may be sent either: agents have nothing to say",
        )
    if marketing and judged.settings("spend", spend.Settings()).marketing_day == 0:
        yield (
            judged.path("spend", "marketingDay"),
            "is 0 while consent.marketing is on: no marketing is sent all the same",
        )


def _sendable(judged: Judged) -> bool:
    allowed = judged.settings("message_class", message_class.Settings()).templates
    return bool(judged.templates if ALL in allowed else set(allowed) & set(judged.templates))


def _purpose(judged: Judged) -> Found:
    """What the purpose forbids stays forbidden, whatever else is set."""
    line = judged.line
    starts = judged.settings("initiator", initiator.Settings())
    if line.purpose is Purpose.INTAKE and starts.agent is not Answer.DENY:
        yield (
            judged.path("initiator", "agent"),
            f"is {starts.agent.value}, and on an intake line agents start nothing all the same",
        )
    if line.purpose is not Purpose.NOTIFY:
        return
    if not _sendable(judged):
        yield (
            judged.account.path("purpose"),
            f"is notify, which sends templates only, and the line has none: {_NOBODY}; write one "
            "under templates",
        )
    written = {**judged.root, **judged.account.values.get("policy", {})}.get("messageClass", {})
    if written.get("freeText") in ("allow", "hold"):
        yield (
            judged.path("messageClass", "freeText"),
            f"is {written['freeText']}, and a notify line sends no free text all the same",
        )


# -- numbers and links -----------------------------------------------------------------------------


def _volumes(judged: Judged) -> Found:
    volume = judged.settings("recipient_volume", recipient_volume.Settings())
    for narrow, wide in (("minute", "hour"), ("hour", "day")):
        if getattr(volume, narrow) > getattr(volume, wide) and _is_set(judged, narrow):
            yield (
                judged.path("recipientVolume", narrow),
                f"is more than {wide} ({getattr(volume, wide)}) lets through",
            )
    money = judged.settings("spend", spend.Settings())
    if money.money_day < money.price_per_segment:
        yield (
            judged.path("spend", "moneyDay"),
            f"is less than one segment costs: {_NOBODY} but what is owed",
        )


def _is_set(judged: Judged, setting: str) -> bool:
    """Somebody wrote it; a default that a tighter limit leaves behind is nobody's mistake."""
    layers = (judged.root, judged.account.values.get("policy", {}))
    return any(setting in layer.get("recipientVolume", {}) for layer in layers)


def _links(judged: Judged) -> Found:
    settings = judged.settings("content", content.Settings())
    if settings.hosts and settings.links is not content.Links.LISTED:
        yield (
            judged.path("content", "hosts"),
            f"has no effect while links is {settings.links.value}: set it to listed",
        )
