"""The reference page of the configuration, made from the shapes themselves: every key, its type,
its default and what it means. A test compares the page in docs/ with this."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from datetime import date, time, timedelta
from enum import Enum
from types import NoneType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from ringfence.agents import command, echo, openai, webhook
from ringfence.config import settings as ours
from ringfence.config.environment import (
    KEYS,
    PROFILE_VARIABLE,
    SPEECH_KEYS,
    STORE_VARIABLE,
    VOICE_KEYS,
)
from ringfence.config.schema import (
    events,
    flows,
    intake,
    oncall,
    sections,
    sms,
    templates,
    tickets,
    voice,
)
from ringfence.config.secrets import SecretInput
from ringfence.config.source import CONFIG_VARIABLE, DEFAULT_PATH
from ringfence.model import line, template
from ringfence.model import voice as calls


def _field_defaults(settings: type[Any]) -> dict[str, Any]:
    fields = dataclasses.fields(settings)
    return {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}


# Which dataclass holds a shape's defaults: the same number is never written down twice.
_DEFAULTS: dict[type[BaseModel], Any] = {
    sms.LimitsShape: line.InboundLimits(),
    sms.MediaShape: line.MediaLimits(),
    sections.GatewayShape: ours.GatewaySettings(),
    sections.LoggingShape: ours.LoggingSettings(),
    sections.DeliveryShape: ours.DeliverySettings(),
    sections.StoreShape: ours.StoreSettings(""),
    sections.AuditShape: _field_defaults(ours.AuditSettings),
    sections.OpenAIShape: _field_defaults(openai.Settings),
    sections.WebhookAgentShape: _field_defaults(webhook.Settings),
    sections.CommandShape: _field_defaults(command.Settings),
    sections.EchoShape: _field_defaults(echo.Settings),
    sms.AccountShape: _field_defaults(line.Line),
    voice.TurnsShape: calls.TurnTaking(),
    voice.SentencesShape: calls.Sentences(),
    voice.MessagesShape: calls.MessageSettings(),
    templates.TemplateShape: _field_defaults(template.Template),
    templates.FieldShape: _field_defaults(template.Field),
}

_HEAD = f"""\
# Configuration reference

How to change the file is in [Configure](../howto/configure.md).

One JSON5 file: `--config`, else `{CONFIG_VARIABLE}`, else `{DEFAULT_PATH}`. Unknown keys and bad
values are refused, all at once, each with its path. *Number* below is a phone number: text such as
`"+1 555 555 0123"` or a bare number. *Secret* is text, `"${{ENV_NAME}}"`, or a reference
`{{source: "env" | "file" | "exec", provider: "name", id: "…"}}`.
"""


_OPERATIONS = """\
*Duration* below is a text such as `"90s"`, `"15m"`, `"4h"`, `"2d"` or `"1w"`, or whole seconds. A *field
of the event* is a path such as `data.name`, or `'"a text"'` in double quotes of its own. `groups.<name>`
is a list of responders.
"""
_CHANNEL: tuple[tuple[str, type[BaseModel], str], ...] = (
    (
        "sources.<name>",
        events.SourceShape,
        "Every kind that needs no signing secret is a source by its own name without being written.",
    ),
    ("responders.<name>", oncall.ResponderShape, ""),
    ("responding", oncall.RespondingShape, ""),
    ("schedules.<name>", oncall.ScheduleShape, ""),
    ("schedules.<name>.layers[] (rotation)", oncall.RotationShape, ""),
    ("schedules.<name>.layers[].hours[]", oncall.HoursShape, ""),
    ("schedules.<name>.layers[] (calendar)", oncall.CalendarShape, ""),
    ("escalationPolicies.<name>", oncall.EscalationShape, ""),
    ("escalationPolicies.<name>.steps[]", oncall.StepShape, ""),
    (
        "escalationPolicies.<name>.steps[].by[]",
        oncall.WayShape,
        '`"sms"` is short for the channel.',
    ),
    ("flows.<name>", flows.FlowShape, "Exactly one of `alert` and `message`."),
    ("flows.<name>.alert", flows.AlertShape, ""),
    ("flows.<name>.message", flows.MessageShape, ""),
)


def _profiles() -> list[str]:
    """The keys that choose among what the file says; how is the how-to's."""
    names = ("profile", "production_tokens")
    rows = {f"| `{to_camel(name)}` |": sections.RootShape.model_fields[name] for name in names}
    table = [
        f"{start} {_type(field)} | {_default(sections.RootShape, '', field)} | {field.description} |"
        for start, field in rows.items()
    ]
    return [
        "## `profile`, `profiles.<name>`\n",
        "What `profiles.production` and `profiles.staging` hold is any of the sections below, laid "
        "over the rest of the file: [Staging](../howto/staging.md).\n",
        "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *table]) + "\n",
    ]


def render() -> str:
    """The whole page, Markdown."""
    parts = [_HEAD, *_profiles()]
    parts += _section(
        "channels.sms",
        sms.SmsShape,
        "Also under each `channels.sms.accounts.<id>`, "
        "except `accounts` and `defaultAccount`; an account inherits what it does not set.",
    )
    parts += _section(
        "channels.voice",
        voice.VoiceShape,
        "Also under each `channels.voice.accounts.<id>`, except `accounts`; an account inherits what it "
        "does not set, but no `fromNumber`, no `publicUrl` and no `numbers`.",
    )
    parts += _section("channels.voice.numbers.<number>", voice.RouteShape)
    for name in (
        *("gateway", "store", "secrets", "policy", "logging", "delivery"),
        *("retention", "audit", "heartbeat", "telemetry"),
    ):
        parts += _section(name, _shape_of(sections.RootShape.model_fields[name].annotation))
    for kind, shape in sections.SECRET_SHAPES.items():
        parts += _section(f"secrets.providers.<name> ({kind})", shape)
    for kind, shape in sections.AGENT_SHAPES.items():
        parts += _section(
            f"agents.<name> ({kind})", shape, "`agent` is short for `agents.default`."
        )
    parts += _section("templates.<name>", templates.TemplateShape)
    parts += _fields_of_templates()
    parts += _section(
        "channels.sms.intake.fields[]",
        intake.AskShape,
        "One question; beside these, the keys of a template's field, whatever its `kind` and by it:",
    )
    parts += _operations()
    parts += _environment()
    return "\n".join(parts)


def _operations() -> list[str]:
    """The sections of the operations channel, in the order of an event's way."""
    parts: list[str] = [_OPERATIONS]
    for title, shape, note in _CHANNEL:
        parts += _section(title, shape, note)
    for kind, shape in tickets.TICKET_SHAPES.items():
        parts += _section(f"tickets.<name> ({kind})", shape)
    return parts


def _fields_of_templates() -> list[str]:
    """What every kind of field has, then what each has besides."""
    title = "templates.<name>.fields.<field>"
    common = set(_rows(templates.FieldShape, ""))
    parts = _section(title, templates.FieldShape, "Whatever its `kind`:")
    rows = [
        row
        for shape in templates.FIELD_SHAPES.values()
        for row in _rows(shape, "")
        if row not in common
    ]
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *rows]
    return [*parts, "And by its kind:\n", "\n".join(table) + "\n"]


def _section(title: str, shape: type[BaseModel], note: str = "") -> list[str]:
    rows = list(_rows(shape, ""))
    if not rows:
        return [f"## `{title}`\n", (shape.__doc__ or "").strip() + "\n"]
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *rows]
    return [f"## `{title}`\n", *([note + "\n"] if note else []), "\n".join(table) + "\n"]


def _rows(shape: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in shape.model_fields.items():
        key = prefix + (field.alias or name)
        inner = _shape_of(field.annotation)
        if inner is not None and get_origin(field.annotation) is None:
            yield from _rows(inner, f"{key}.")
        else:
            meaning = (field.description or "").replace("|", "\\|")
            yield f"| `{key}` | {_type(field)} | {_default(shape, name, field)} | {meaning} |"


def _shape_of(annotation: Any) -> Any:
    """The model an annotation is, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def _default(shape: type[BaseModel], name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    written = extra.get("shown_default", "") if isinstance(extra, dict) else ""
    if written:
        return f"`{written}`" if written not in ("(required)",) else "required"
    for owner in shape.__mro__:
        known = _DEFAULTS.get(owner)
        value = known.get(name) if isinstance(known, dict) else getattr(known, name, None)
        if known is not None:
            return _value(value)
    return "–"


def _value(value: Any) -> str:
    match value:
        case None | "":
            return "–"
        case bool():
            return f"`{str(value).lower()}`"
        case Enum():
            return f"`{value.value}`"
        case timedelta():
            return f"`{value.total_seconds():g}`"
        case float():
            return f"`{value:g}`"
        case _:
            return f"`{value}`"


def _type(field: FieldInfo) -> str:
    name = _type_name(field.annotation)
    limits = [text for item in field.metadata if (text := _limit(item))]
    return " ".join([name, *limits])


def _limit(item: Any) -> str:
    for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤")):
        if getattr(item, name, None) is not None:
            return f"{sign} {getattr(item, name)}"
    return ""


def _type_name(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_name(get_args(annotation)[0])
    if origin is Literal:
        return " \\| ".join(f"`{choice}`" for choice in get_args(annotation))
    if origin is list:
        return f"list of {_type_name(get_args(annotation)[0])}"
    if origin is dict:
        inner = get_args(annotation)[1]
        return "object" if inner is Any else f"object of {_type_name(inner)}"
    if origin in (Union, types.UnionType):
        wide = {frozenset({str, int}): "number", frozenset({int, NoneType}): "whole number, text"}
        return wide.get(frozenset(get_args(annotation)), "any")
    names = {
        str: "text",
        int: "whole number",
        float: "decimal",
        bool: "true/false",
        timedelta: "duration",
        date: "day",
        time: "time of day",
    }
    if annotation is SecretInput:
        return "secret"
    if _shape_of(annotation) is not None:
        accounts = (sms.AccountShape, voice.VoiceAccountShape)
        return "account" if annotation in accounts else "object"
    return names.get(annotation, "any")


def _environment() -> list[str]:
    rows = [f"| `{name}` | `channels.sms.{key}` |" for key, names in KEYS for name in names]
    rows += [
        f"| `{name}` | `channels.voice.{key}`, with provider {provider} |"
        for provider, key, name in VOICE_KEYS
    ]
    rows += [
        f"| `{name}` | `apiKey` of `channels.voice.stt` and `tts`, with provider {service} |"
        for service, name in SPEECH_KEYS.items()
    ]
    rows += [
        f"| `{STORE_VARIABLE}` | `store.url` |",
        f"| `{PROFILE_VARIABLE}` | `profile`, and wins over it |",
        f"| `{CONFIG_VARIABLE}` | (the file itself) |",
    ]
    return [
        "## Environment variables\n",
        "They stand in for keys of the default account that the file does not set; the file wins, "
        "and named accounts never see them. Keys of speech services stand in for every account. A "
        "blank variable counts as absent.\n",
        "\n".join(["| variable | key |", "|---|---|", *rows]) + "\n",
    ]
