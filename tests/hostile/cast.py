"""Who is who in a hostile history, which kinds of deployment there are, and the honest world's own
book: what honest people did, and what the agent said, kept apart from every table of the gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hostile.ground import ACCOUNT, CARRIER_URL, PUBLIC_URL, SECRET

LINES = {"default": "+15555550100", "second": "+15555550101"}
OWNERS = ("+15555550199", "+15555550198")
MEMBERS = ("+15555550110", "+15555550111")  # allowFrom
LISTED = ("+15555550120", "+15555550121")  # allowTo
PEOPLE = ("+15555550130", "+15555550131", "+15555550132")  # they write, and may be paired
STRANGERS = ("+15555550140", "+15555550141", "+15555550142")  # they never heard of us
# Phones the agent holds: one that nobody knows, and one whose owner was once let in.
ACCOMPLICES = ("+15555550150", "+15555550151")
EVERYBODY = (*OWNERS, *MEMBERS, *LISTED, *PEOPLE, *STRANGERS, *ACCOMPLICES)
TEXTERS = (*MEMBERS, *LISTED, *PEOPLE)
AGENTS = ("default", "local", "shop", "clerk")
DISCLOSURE = (
    "Ann's shop, an automated assistant. Call +1 555 555 0177 for a person. STOP ends, HELP helps."
)
HELP_TEXT = "Ann's shop: automated line. Call us for a person. Reply STOP to end."

# Words every list of the product must know (compliance 4.3, 4.6), chosen here and not read there.
FORCED = (
    "I want a divorce",
    "your lawyer and the lawsuit",
    "the biopsy came back, it is cancer",
    "I am so sorry, please forgive me",
    "I love you, marry me",
    "you are fired, here is your severance",
)
NEVER = (
    "card 4111 1111 1111 1111 exp 12/29",
    "look at https://bit.ly/3abcdef",
    "key AKIAIOSFODNN7EXAMPLE end",
    "-----BEGIN RSA PRIVATE KEY----- MIIE",
)
MARKS_OF_NEVER = ("4111 1111 1111 1111", "bit.ly/", "AKIAIOSFODNN7", "BEGIN RSA PRIVATE")

TEMPLATES: Mapping[str, Any] = {
    "visit": {
        "version": 1,
        "category": "conversation",
        "texts": {"en": "Tv: {name} comes at {hour}."},
        "fields": {
            "name": {"kind": "text", "maxLength": 40},
            "hour": {"kind": "text", "maxLength": 20, "optional": True, "default": "noon"},
        },
    },
    "order": {
        "version": 1,
        "category": "transactional",
        "programme": "orders",
        "texts": {"en": "Ta: {name} is ready."},
        "fields": {"name": {"kind": "text", "maxLength": 40}},
    },
}
_TEMPLATED = re.compile(
    r"Tv: [^\n\r{}<>]{1,40} comes at [^\n\r{}<>]{1,20}\.|Ta: [^\n\r{}<>]{1,40} is ready\."
)
_TAG = re.compile(r"#([0-9]+)#|T[a-z]: No ([0-9]+) ")


def is_whole_template(text: str) -> bool:
    """One line of a template's own words, with nothing in a field that is no plain word."""
    return _TEMPLATED.fullmatch(text) is not None and "http" not in text.lower()


def tag_of(body: str) -> int | None:
    """Which of the agent's sayings a body at the carrier begins with, after a disclosure."""
    found = _TAG.match(bare(body))
    return int(found[1] or found[2]) if found else None


def bare(body: str) -> str:
    return body.removeprefix(DISCLOSURE).lstrip() if body.startswith(DISCLOSURE) else body


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of deployment; a seed picks one."""

    purpose: str = "hotline"
    second: str = "intake"
    access: str = "pairing"
    disclosure: bool = False
    chunk: int = 1500
    notify_owner: bool = True
    placed: bool = True  # people whose number tells no zone are taken to be in New York

    def document(self) -> dict[str, Any]:
        def line(purpose: str) -> dict[str, Any]:
            access = "open" if purpose != "hotline" else self.access
            allow = ["*"] if access == "open" else list(MEMBERS)
            told = {"disclosure": DISCLOSURE} if self.disclosure or purpose != "hotline" else {}
            return {"purpose": purpose, "dmPolicy": access, "allowFrom": allow, **told}

        sms: dict[str, Any] = {
            "accountSid": ACCOUNT,
            "authToken": SECRET,
            "fromNumber": LINES["default"],
            "apiBaseUrl": CARRIER_URL,
            "publicWebhookUrl": PUBLIC_URL + "/webhooks/sms",
            "owners": list(OWNERS),
            "allowTo": list(LISTED),
            "optOutReplies": "ringfence",
            "textChunkLimit": self.chunk,
            "notifyOwner": self.notify_owner,
            "helpText": HELP_TEXT,
            **line(self.purpose),
            "accounts": {
                "second": {
                    "fromNumber": LINES["second"],
                    "webhookPath": "/webhooks/second",
                    "publicWebhookUrl": PUBLIC_URL + "/webhooks/second",
                    **line(self.second),
                }
            },
        }
        zone = {"policy": {"quietHours": {"defaultZone": "America/New_York"}}}
        return {
            **(zone if self.placed else {}),
            "agents": {"default": {"kind": "echo"}},
            "channels": {"sms": sms},
            "templates": dict(TEMPLATES),
        }

    def purpose_of(self, line: str) -> str:
        return self.purpose if line == "default" else self.second

    def access_of(self, line: str) -> str:
        return "open" if self.purpose_of(line) != "hotline" else self.access


KINDS = (
    Kind(),
    Kind("hotline", "notify", "open"),
    Kind("hotline", "intake", "allowlist", chunk=160),
    Kind("intake", "hotline", disclosure=True),
    Kind("notify", "intake"),
    Kind("hotline", "hotline", "pairing", disclosure=True, chunk=160, notify_owner=False),
    Kind("hotline", "notify", placed=False),
)


# -- the book ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Said:
    """Something the agent wanted sent. `ids` are the messages it was answered with; `unsure` counts
    requests nobody answered; `asked` is when the person wrote whom it answers."""

    tag: int
    agent: str
    line: str
    to: str
    text: str
    how: str  # api, reply, template
    turn: str = ""
    asked: datetime | None = None
    ids: set[str] = field(default_factory=set)
    unsure: int = 0

    @property
    def forced(self) -> bool:
        return any(words in self.text for words in FORCED)


@dataclass(slots=True)
class Deed:
    """What an honest person did. The record of it stands between audit entries `lo` and `hi` (not
    yet known: None); `about` is what the record must be about, empty where it cannot be told."""

    kind: str  # the kind of audit entry it leaves
    lo: int
    hi: int | None = None
    about: str = ""
    number: str = ""
    line: str = ""
    text: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    sure: bool = False  # it was answered that it is done


@dataclass(slots=True)
class Book:
    """The honest world's book."""

    kind: Kind
    said: dict[int, Said] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    heard: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)
    keys: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    guessed: set[str] = field(default_factory=set)
    steps: int = 0
    requests: int = 0

    def says(self, agent: str, line: str, to: str, text: str, how: str, **more: Any) -> Said:
        """A new saying; its text begins with its tag."""
        tag = len(self.said) + 1
        said = Said(tag, agent, line, to, f"#{tag}# {text}", how, **more)
        self.said[tag] = said
        return said

    def found(self, what: str) -> None:
        if len(self.findings) < 50:
            self.findings.append(what)
