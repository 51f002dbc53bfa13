"""Consent: who agreed to what, how that is known, and what of it holds now (compliance 4.2). Events
are only ever added; what holds is worked out from them by their own times, whatever the order in
which they were learned, and in doubt nothing holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum

from ringfence.model.phone import PhoneNumber

SMS = "sms"
# A programme of this name is all of them: a person withdraws, or opts out, of everything.
EVERY_PROGRAMME = ""


class Level(Enum):
    """How much was agreed to; a level includes the ones before it. MARKETING asks for a written
    agreement."""

    CONVERSATIONAL = "conversational"
    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"

    @property
    def and_above(self) -> tuple[Level, ...]:
        return _ORDER[_ORDER.index(self) :]


_ORDER = (Level.CONVERSATIONAL, Level.TRANSACTIONAL, Level.MARKETING)


_PROGRAMME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)


def is_programme(text: str) -> bool:
    """A programme's name: lower-case letters, digits, and `_.-` between them."""
    return bool(_PROGRAMME.fullmatch(text))


class ConsentKind(Enum):
    """GRANTED and REVOKED are of one programme and level; OPT_OUT and OPT_IN of the person."""

    GRANTED = "granted"
    REVOKED = "revoked"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


class Method(Enum):
    """How it came to us."""

    INBOUND = "inbound"
    WEB_FORM = "web_form"
    PAPER = "paper"
    VERBAL = "verbal"
    IMPORT = "import"
    KEYWORD = "keyword"
    DOUBLE_OPT_IN = "double_opt_in"
    OPERATOR = "operator"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One thing a person, or an operator for them, said about messages. `disclosure` is the very
    text they were shown; `evidence` points to the proof (message ids, a form's address, a recording
    id); `at` is when they said it, `recorded_at` when we learned it."""

    id: str
    number: PhoneNumber
    programme: str
    kind: ConsentKind
    level: Level
    method: Method
    actor: str
    at: datetime
    recorded_at: datetime
    channel: str = SMS
    disclosure: str = ""
    disclosure_digest: str = ""
    evidence: str = ""
    ip: str = ""
    user_agent: str = ""
    expires_at: datetime | None = None
    country: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """One level of one programme: the newest grant that nothing took back, and the last time it was
    taken back. `granted_at` None means it does not hold."""

    granted_at: datetime | None = None
    expires_at: datetime | None = None
    event_id: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has agreed to in one programme: each level's grant, as `expires_at` (None: until
    it is taken back). Empty for somebody who agreed to nothing."""

    until: Mapping[Level, datetime | None] = field(default_factory=dict)
    events: Mapping[Level, str] = field(default_factory=dict)

    def allows(self, level: Level, now: datetime) -> bool:
        """True while this level, or one that includes it, was granted and has not run out."""
        return any(one in level.and_above for one in self.held(now))

    def held(self, now: datetime) -> tuple[Level, ...]:
        """The levels that were granted by themselves and have not run out."""
        return tuple(level for level, until in self.until.items() if not _over(until, now))


NOTHING = Standing()

Projection = Mapping[tuple[str, Level], Held]


def after(known: Projection, event: ConsentEvent) -> dict[tuple[str, Level], Held]:
    """The projection of one person's events with one more. The order of the events does not matter;
    at the same moment the stricter one counts."""
    result = dict(known)
    match event.kind:
        case ConsentKind.GRANTED:
            key = event.programme, event.level
            result[key] = _granted(result.get(key, Held()), _taken_back(known, event), event)
        case ConsentKind.REVOKED:
            for level in event.level.and_above:
                _take_back(result, event.programme, level, event.at)
        case ConsentKind.OPT_OUT if event.method is not Method.OPERATOR:
            # START may bring back the texts somebody had; a written agreement it cannot replace.
            _take_back(result, EVERY_PROGRAMME, Level.MARKETING, event.at)
        case ConsentKind.OPT_OUT | ConsentKind.OPT_IN:
            pass  # the person's opt-out stands apart and goes first, whatever was agreed to
    return result


def standing_of(levels: Iterable[tuple[Level, Held]]) -> Standing:
    """What one programme's rows of a projection come to."""
    valid = {level: held for level, held in levels if held.granted_at is not None}
    return Standing(
        {level: held.expires_at for level, held in valid.items()},
        {level: held.event_id for level, held in valid.items()},
    )


def opt_out_source(events: Iterable[ConsentEvent]) -> str:
    """Who must lift a person's opt-out: `operator`, or `keyword` or `provider` where the person did
    it and START undoes it; empty for somebody who is not opted out. An operator's goes first, and
    when it is lifted the person's own is still there."""
    told = [one for one in events if one.kind in (ConsentKind.OPT_OUT, ConsentKind.OPT_IN)]
    entered = _last(one for one in told if one.method not in _OWN)
    own = _last(one for one in told if one.method in _OWN)
    if entered is not None and entered.kind is ConsentKind.OPT_OUT:
        return Method.OPERATOR.value
    return own.method.value if own is not None and own.kind is ConsentKind.OPT_OUT else ""


def lifted_by(method: Method) -> str:
    """The `opt_out_source` of an opt-out that came this way. One by paper or telephone cannot be
    lifted by a keyword: an operator entered it."""
    return method.value if method in _OWN else Method.OPERATOR.value


_OWN = frozenset({Method.KEYWORD, Method.PROVIDER})


def _last(events: Iterable[ConsentEvent]) -> ConsentEvent | None:
    return max(events, key=lambda one: (one.at, one.seq), default=None)


def _granted(held: Held, revoked: datetime | None, event: ConsentEvent) -> Held:
    if revoked is not None and event.at <= revoked:
        return held
    if held.granted_at is not None and _rank(held) >= _rank_of(event):
        return held
    return replace(held, granted_at=event.at, expires_at=event.expires_at, event_id=event.id)


def _taken_back(known: Projection, event: ConsentEvent) -> datetime | None:
    keys = (event.programme, event.level), (EVERY_PROGRAMME, event.level)
    return _later(*(known.get(key, Held()).revoked_at for key in keys))


def _take_back(
    result: dict[tuple[str, Level], Held], programme: str, level: Level, at: datetime
) -> None:
    result.setdefault((programme, level), Held())
    for key, held in result.items():
        if key[1] is not level or programme not in (EVERY_PROGRAMME, key[0]):
            continue
        if key[0] == programme:
            held = replace(held, revoked_at=_later(held.revoked_at, at))
        if held.granted_at is not None and held.granted_at <= at:
            held = replace(held, granted_at=None, expires_at=None, event_id="")
        result[key] = held


def _rank(held: Held) -> tuple[datetime, float, str]:
    assert held.granted_at is not None, "only grants are compared"
    return _ranked(held.granted_at, held.expires_at, held.event_id)


def _rank_of(event: ConsentEvent) -> tuple[datetime, float, str]:
    return _ranked(event.at, event.expires_at, event.id)


def _ranked(at: datetime, until: datetime | None, event_id: str) -> tuple[datetime, float, str]:
    """The newer grant counts; of two at one moment the one that ends first."""
    return at, -(until or _NEVER).timestamp(), event_id


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def _over(until: datetime | None, now: datetime) -> bool:
    return until is not None and until <= now


_NEVER = datetime.max.replace(tzinfo=UTC)


class OptInState(Enum):
    """PENDING until answered with its code; the rest are ends of it."""

    PENDING = "pending"
    ANSWERED = "answered"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class OptInRequest:
    """A person was asked by text whether they agree; the code in the text is what agrees.
    `disclosure` is the text they got, `message_id` the message that carried it."""

    id: str
    number: PhoneNumber
    line: str
    programme: str
    level: Level
    code: str
    state: OptInState
    tries: int
    created_at: datetime
    expires_at: datetime
    actor: str
    disclosure: str
    message_id: str
