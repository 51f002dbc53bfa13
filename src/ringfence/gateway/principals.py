"""Who calls: tokens made, listed, revoked and recognised, and refusals put on record. A token is
looked up at every request, so that a revocation holds from its commit on, in every process; what is
not recognised is refused and never falls back to a lesser caller (P2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfence.gateway.equipment import Equipment
from ringfence.gateway.rates import Rate
from ringfence.gateway.views import moment
from ringfence.model.errors import InvalidField, NotFound, StoreError, TokenRefused, TooMany
from ringfence.model.principal import LOCAL, Principal, PrincipalKind, Token, is_name
from ringfence.ports import Tx

SECRET_BYTES = 32
LIVE_TOKENS_MAX = 1_000
LIFETIME_MAX = timedelta(days=3_660)
USE_NOTED_EVERY = timedelta(minutes=1)
# Audit entries a minute about what one caller was refused; the rest is counted (P10).
REFUSALS_PER_MINUTE = 10
CALLERS_MAX = 5_000

_LETTERS = {
    PrincipalKind.OPERATOR: "o",
    PrincipalKind.APPROVER: "a",
    PrincipalKind.VIEWER: "v",
    PrincipalKind.AGENT: "g",
    PrincipalKind.EVENTS: "e",
}
_LOOKS_LIKE_ONE = re.compile(r"rf_[oavge]_[A-Za-z0-9_-]{32,64}", re.ASCII)
_TOKEN_ID = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_log = logging.getLogger("ringfence.principals")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token somebody asks for. `lines` None means every line; `agent` is for agents, and their
    name if empty; `lifetime` None means until revoked."""

    name: str
    kind: PrincipalKind
    lines: frozenset[str] | None = None
    agent: str = ""
    lifetime: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token, and what to show: here and never again."""

    token: Token
    bearer: str


async def create(kit: Equipment, wanted: Wanted, actor: str) -> Issued:
    """Raises InvalidField for a name, line or agent that cannot be, TooMany."""
    wanted = _checked(kit, wanted)
    now = kit.clock.now()
    bearer = _bearer(kit, wanted.kind)
    token = Token(
        id=kit.ids.new("token", now),
        kind=wanted.kind,
        name=wanted.name,
        agent=wanted.agent,
        lines=wanted.lines,
        created_at=now,
        created_by=actor,
        expires_at=None if wanted.lifetime is None else now + wanted.lifetime,
    )
    await kit.store.write(lambda tx: _store(kit, tx, token, _hash(bearer), now))
    return Issued(token, bearer)


async def listing(kit: Equipment, limit: int, after: str | None = None) -> Sequence[Token]:
    """Newest first, revoked and expired ones too; those after the token with the id `after`."""
    return await kit.store.read(lambda tx: tx.tokens.listing(limit, after))


async def revoke(kit: Equipment, token_id: str, actor: str) -> Token:
    """From this commit on nobody is let in with it. Raises NotFound when there is no such token, or
    it was revoked before."""
    now = kit.clock.now()

    def job(tx: Tx) -> Token:
        if not _TOKEN_ID.fullmatch(token_id) or not tx.tokens.revoke(token_id, now):
            raise NotFound("No token with this id can be revoked; `ringfence tokens list`.")
        token = tx.tokens.get(token_id)
        assert token is not None, "a token is readable in the transaction that revoked it"
        body = {"kind": token.kind, "name": token.name}
        tx.audit.append([kit.audit("token_revoked", token.id, actor, now, body)])
        return token

    return await kit.store.write(job)


async def authenticate(kit: Equipment, bearer: str, now: datetime) -> Principal:
    """Whom the token stands for. Raises TokenRefused with what its holder may know."""
    if not _LOOKS_LIKE_ONE.fullmatch(bearer):
        raise TokenRefused("No token like this is known.")
    wanted = _hash(bearer)
    found = await kit.store.read(lambda tx: tx.tokens.by_hash(wanted))
    # The database compared already; this one takes the same time wherever they differ.
    if found is None or not hmac.compare_digest(found[1], wanted):
        raise TokenRefused("No token like this is known.")
    token = found[0]
    state = token.state(now)
    if state != "active":
        raise TokenRefused(f"This token is {state}; an operator can make another one.")
    await _note_use(kit, token, now)
    return token.principal


class Refusals:
    """Puts on record what known callers were refused: at most REFUSALS_PER_MINUTE entries a minute
    for each of them in this process. Those passed over are counted in the caller's next entry, so
    that nobody floods the log and nothing goes untold."""

    def __init__(self) -> None:
        self._rate = Rate(REFUSALS_PER_MINUTE, CALLERS_MAX)
        self._passed_over: OrderedDict[str, int] = OrderedDict()

    async def record(
        self, kit: Equipment, principal: Principal, permission: str, route: str, now: datetime
    ) -> None:
        """A busy store costs the entry, never the refusal."""
        key = principal.token_id or principal.actor
        if not self._rate.allow(key, now):
            self._passed_over[key] = self._passed_over.get(key, 0) + 1
            if len(self._passed_over) > CALLERS_MAX:
                self._passed_over.popitem(last=False)
            return
        untold = self._passed_over.pop(key, 0)
        body = {"permission": permission, "route": route, "not_recorded": untold}
        entry = kit.audit("forbidden", key, principal.actor, now, body)
        try:
            await kit.store.write(lambda tx: tx.audit.append([entry]))
        except StoreError as error:
            self._passed_over[key] = untold + 1
            _log.warning("a refusal could not be put on record", extra={"code": error.code})


def known_agents(kit: Equipment, tx: Tx) -> frozenset[str]:
    """Every agent a kill switch or a grant may name: those of the configuration, those that tokens
    were made for, and whoever calls without a token."""
    on_lines = {line.agent_id for line in kit.lines.values() if line.agent_id}
    return tx.tokens.agents() | kit.agents.keys() | on_lines | {LOCAL.agent}


def lifetime_of(text: str) -> timedelta:
    """`30d`, `12h`, `2w`, `90m`. Raises InvalidField."""
    found = _LIFETIME.fullmatch(text)
    lifetime = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
    if lifetime is None or lifetime > LIFETIME_MAX:
        raise InvalidField("A lifetime is a number with m, h, d or w, for example 30d.")
    return lifetime


def token_view(token: Token, now: datetime) -> dict[str, object]:
    """A token for a listing: nothing here lets anybody in."""
    return {
        "id": token.id,
        "name": token.name,
        "kind": token.kind.value,
        "agent": token.agent or None,
        "lines": None if token.lines is None else sorted(token.lines),
        "state": token.state(now),
        "created_at": moment(token.created_at),
        "created_by": token.created_by,
        "expires_at": moment(token.expires_at),
        "revoked_at": moment(token.revoked_at),
        "last_used_at": moment(token.last_used_at),
    }


def _store(kit: Equipment, tx: Tx, token: Token, hash_: str, now: datetime) -> None:
    if tx.tokens.alive(now) >= LIVE_TOKENS_MAX:
        raise TooMany(f"There are {LIVE_TOKENS_MAX} live tokens; revoke those nobody uses.")
    tx.tokens.add(token, hash_)
    body = {
        "kind": token.kind,
        "name": token.name,
        "agent": token.agent,
        "lines": None if token.lines is None else sorted(token.lines),
        "expires_at": moment(token.expires_at),
    }
    tx.audit.append([kit.audit("token_created", token.id, token.created_by, now, body)])


def _checked(kit: Equipment, wanted: Wanted) -> Wanted:
    if not is_name(wanted.name):
        raise InvalidField(
            "`name` takes up to 64 small letters, digits, dots, dashes and underscores, a letter "
            "first, and nothing like a phone number."
        )
    unknown = sorted((wanted.lines or frozenset()) - kit.lines.keys())
    if unknown or wanted.lines == frozenset():
        known = ", ".join(sorted(kit.lines)) or "none is configured"
        raise InvalidField(f"`lines` names lines of the configuration. Known: {known}.")
    return Wanted(wanted.name, wanted.kind, wanted.lines, _agent(wanted), wanted.lifetime)


def _agent(wanted: Wanted) -> str:
    if wanted.kind is not PrincipalKind.AGENT:
        if wanted.agent:
            raise InvalidField("`agent` is for tokens of kind agent.")
        return ""
    agent = wanted.agent or wanted.name
    if not is_name(agent) or agent == LOCAL.agent:
        raise InvalidField(
            f"`agent` is named as `name` is; `{LOCAL.agent}` is whoever calls without a token."
        )
    return agent


def _bearer(kit: Equipment, kind: PrincipalKind) -> str:
    secret = base64.urlsafe_b64encode(kit.ids.random_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    return f"rf_{_LETTERS[kind]}_{secret}"


def _hash(bearer: str) -> str:
    """256 random bits need neither salt nor a slow hash."""
    return hashlib.sha256(bearer.encode()).hexdigest()


async def _note_use(kit: Equipment, token: Token, now: datetime) -> None:
    before = now - USE_NOTED_EVERY
    if token.last_used_at is not None and token.last_used_at > before:
        return
    try:
        await kit.store.write(lambda tx: tx.tokens.used(token.id, now, before))
    except StoreError as error:
        # When it was last used is a comfort; whoever calls need not wait for a busy store.
        _log.info("a token's use could not be noted", extra={"code": error.code})
