"""A whole history: the ground, the cast, the agent's arsenal and what honest people do. Every method is
one move; what it was answered is looked at, and what honest people did is written into the book."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hostile import oracle
from hostile.cast import AGENTS, LINES, OWNERS, Book, Deed, Kind
from hostile.ground import SECRET, Answer, Died, Ground, form, signed
from ringfence.gateway import consent, drafts, grants, halt, pairing, principals, release
from ringfence.gateway.evidence import Statement
from ringfence.model.consent import ConsentKind, Level, Method
from ringfence.model.contact import SwitchScope
from ringfence.model.draft import Draft
from ringfence.model.errors import RingfenceError
from ringfence.model.message import MessageClass
from ringfence.model.phone import PhoneNumber
from ringfence.model.principal import PrincipalKind
from ringfence.ports import AgentReply, AgentTurn, Tx

# What an agent's token is for. Every other route and method there is must turn it away.
OPEN_TO_AGENTS = frozenset(
    {
        ("POST", "/sms/send"),
        ("GET", "/sms/inbox"),
        ("GET", "/sms/messages/{id}"),
        ("GET", "/sms/templates"),
        ("GET", "/sms/templates/{name}/preview"),
        ("POST", "/sms/templates/{name}/preview"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/messages"),
        ("POST", "/api/v1/messages"),
        ("GET", "/api/v1/messages/{id}"),
        ("GET", "/api/v1/templates"),
        ("GET", "/api/v1/templates/{name}"),
        ("POST", "/api/v1/templates/{name}/preview"),
        ("GET", "/api/v1/calls"),
        ("POST", "/api/v1/calls"),
        ("GET", "/api/v1/calls/{id}"),
        ("POST", "/api/v1/calls/{id}/end"),
        ("POST", "/api/v1/calls/{id}/speak"),
        ("POST", "/api/v1/calls/{id}/digits"),
        ("POST", "/api/v1/calls/{id}/ask"),
    }
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-HJKMNP-Z2-9]{4}(?![A-Za-z0-9])")


@dataclass
class Puppet:
    """The agent that is asked for answers: what it says next is the hostile agent's choice."""

    world: World
    id: str = "default"
    keeps_history: bool = False

    async def reply(self, turn: AgentTurn) -> AgentReply:
        return self.world.answers(turn)

    async def check(self) -> str:
        return ""

    async def close(self) -> None:
        return None


class World:
    """One history of one kind of deployment on one ground."""

    def __init__(
        self, kind: Kind, seed: int, ground: Callable[[Mapping[str, Any], int, Any], Ground]
    ) -> None:
        self.kind, self.seed = kind, seed
        self.book = Book(kind)
        self.ground = ground(kind.document(), seed, {"default": Puppet(self)})
        self.answers_due: deque[tuple[str, dict[str, Any]]] = deque(maxlen=20)
        self.tokens: dict[str, str] = {}
        self.bad_tokens: list[str] = []
        self.people_tokens: dict[str, str] = {}
        self.message_ids: list[str] = []
        self.keyed: deque[tuple[str, str, dict[str, Any]]] = deque(maxlen=20)
        self.seen_ids: deque[str] = deque(maxlen=30)
        self.tally: Counter[str] = Counter()
        self.routes: list[tuple[str, str]] = []

    # -- beginning and end -----------------------------------------------------------------------

    async def open(self) -> None:
        await self.ground.open()
        kinds = PrincipalKind
        for name, kind, lines in (
            ("shop", kinds.AGENT, None),
            ("clerk", kinds.AGENT, frozenset({"second"})),
            ("gone", kinds.AGENT, None),
            ("ann", kinds.OPERATOR, None),
            ("ben", kinds.APPROVER, None),
        ):
            deed = self._deed("token_created")
            issued = await principals.create(
                self.ground.kit, principals.Wanted(name, kind, lines), "operator:cli"
            )
            self._done(deed)
            if name == "gone":
                await principals.revoke(self.ground.kit, issued.token.id, "operator:cli")
                self.bad_tokens.append(issued.bearer)
            elif kind is kinds.AGENT:
                self.tokens[name] = issued.bearer
            else:
                self.people_tokens[name] = issued.bearer
        await self.ground.settle()

    async def close(self) -> list[str]:
        """Give what is under way time to go wrong; then the oracle speaks."""
        try:
            await self.ground.passes(timedelta(minutes=2))
            for deed in self.book.deeds:
                if deed.hi is None and not deed.extra.get("open"):
                    deed.hi = self.ground.known()
            found, self.tally = oracle.findings(self.ground, self.book)
            return found
        finally:
            await self.ground.close()

    # -- the agent asks --------------------------------------------------------------------------

    def bearer(self, agent: str) -> dict[str, str]:
        return {} if agent == "local" else {"authorization": f"Bearer {self.tokens[agent]}"}

    async def asks(
        self,
        agent: str,
        method: str,
        path: str,
        document: Any = None,
        headers: Mapping[str, str] = {},
    ) -> Answer:
        """A request of the agent's; whatever comes back must not tell what approves its drafts."""
        self.book.requests += 1
        body = b"" if document is None else _dumped(document)
        answer = await self.ground.ask(method, path, {**self.bearer(agent), **headers}, body)
        self._tells_no_code(answer.body, f"{method} {path}")
        return answer

    async def sends(
        self,
        agent: str,
        line: str,
        to: str,
        text: str,
        *,
        number: str = "",
        key: str = "",
        door: str = "/sms/send",
        more: Mapping[str, Any] = {},
        tagged: bool = True,
    ) -> Answer:
        """Propose a text; `number` is how the recipient is written."""
        said = self.book.says(agent, line, to, text, "api")
        body = {"to": number or to, "body": said.text, "line": line, **more}
        if key:
            body["idempotency_key"] = key
        answer = await self.asks(agent, "POST", door, body)
        self._noted(said, answer, key)
        return answer

    def _noted(self, said: Any, answer: Answer, key: str = "") -> None:
        if answer.status == 0:
            said.unsure += 1
            return
        if not answer.taken:
            return
        message = str((answer.document or {}).get("id", ""))
        self.message_ids.append(message)
        del self.message_ids[:-40]
        said.ids.add(message)
        if key:
            self.book.keys.setdefault((said.agent, key), set()).add(message)

    async def sends_again(self, agent: str, key: str, body: Mapping[str, Any]) -> Answer:
        """The same key with whatever body."""
        answer = await self.asks(agent, "POST", "/sms/send", {**body, "idempotency_key": key})
        if answer.taken:
            message = str((answer.document or {}).get("id", ""))
            known = self.book.keys.setdefault((agent, key), set())
            if known and answer.headers.get("idempotency-replayed") != "true":
                self.book.found("a replayed key was not taken for one")
            known.add(message)
        return answer

    async def fills(self, agent: str, line: str, to: str, template: str, fields: Any) -> Answer:
        said = self.book.says(agent, line, to, "", "template")
        values = fields(f"No {said.tag} ") if callable(fields) else fields
        said.text = str(values)
        body = {"to": to, "line": line, "template": template, "fields": values}
        answer = await self.asks(agent, "POST", "/api/v1/messages", body)
        self._noted(said, answer)
        return answer

    async def calls(self, agent: str, line: str, to: str, text: str, mode: str) -> Answer:
        """Propose a call on a line where nobody configured any."""
        body = {"to": to, "message": text, "line": line, "mode": mode}
        return await self.asks(agent, "POST", "/api/v1/calls", body)

    async def floods(self, agent: str, line: str, to: str, text: str, count: int) -> None:
        """Many at once, the same words each time."""
        said = self.book.says(agent, line, to, text, "api")
        body = _dumped({"to": to, "body": said.text, "line": line})
        self.book.requests += count
        for start in range(0, count, 100):
            wave = [
                self.ground.ask("POST", "/sms/send", self.bearer(agent), body)
                for _ in range(min(100, count - start))
            ]
            for answer in await asyncio.gather(*wave):
                self._noted(said, answer)

    def private_routes(self) -> list[tuple[str, str]]:
        """Every (method, path) of the private door, and every method it does not have."""
        if not self.routes:
            paths = sorted({route.path for route in self.ground.gateway.private.routes})
            self.routes = [(method, path) for path in paths for method in METHODS]
        return self.routes

    async def storms(
        self, agent: str, route: tuple[str, str], fill: str, document: Any, extra: Mapping[str, str]
    ) -> None:
        """One route an agent has no business at, with everything it may have learned."""
        method, path = route
        where = re.sub(r"\{[a-z_]+\}", _quoted(fill), path)
        if method == "GET":
            document = None
        answer = await self.asks(agent, method, where, document, extra)
        if answer.taken and route not in OPEN_TO_AGENTS:
            self.book.found(f"{method} {path} let an agent in ({answer.status})")

    async def knocks(self, headers: Mapping[str, str], route: tuple[str, str]) -> None:
        """With tokens that are none, or more headers than are good for it."""
        method, path = route
        where = re.sub(r"\{[a-z_]+\}", "x", path)
        answer = await self.ground.ask(method, where, headers, b"{}" if method != "GET" else b"")
        self.book.requests += 1
        self._tells_no_code(answer.body, where)
        named = headers.get("authorization", "")
        if answer.taken and (named or route not in OPEN_TO_AGENTS):
            self.book.found(f"{method} {path} let in {named[:24]!r} with {sorted(headers)}")

    async def reads(self, agent: str, path: str) -> None:
        answer = await self.asks(agent, "GET", path)
        document = answer.document
        if isinstance(document, dict):
            for row in document.get("messages", ()):
                self.seen_ids.append(str(row.get("id", "")))
                self._own_or_inbound(agent, row)

    def _own_or_inbound(self, agent: str, row: Mapping[str, Any]) -> None:
        """An agent sees what it wrote itself and what was let in, no more."""
        if row.get("direction") == "out" and row.get("initiator") != f"agent:{agent}":
            self.book.found(f"{agent} was shown a message of {row.get('initiator')}")

    def answers(self, turn: AgentTurn) -> AgentReply:
        """What the agent answers a person with."""
        shown = "\n".join([turn.body, *(entry.body for entry in turn.history)])
        self._tells_no_code(shown.encode(), "the turn of an agent")
        text, more = self.answers_due.popleft() if self.answers_due else ("", {})
        if not text:
            return AgentReply("")
        numbers = self.ground.look(lambda tx: tx.people.by_contact([turn.contact_id]))
        to = numbers[turn.contact_id].e164
        said = self.book.says(
            "default", turn.line, to, text, "reply", turn=turn.turn_id, asked=turn.received_at
        )
        said.unsure = 1
        return AgentReply(said.text, **more)

    # -- the agent at the public door, and with its phones --------------------------------------

    async def forges(self, fields: Sequence[tuple[str, str]], path: str, how: str) -> None:
        """A webhook nobody but the carrier could have signed."""
        url = self.ground.public_url + path
        headers = {
            "unsigned": {"content-type": "application/x-www-form-urlencoded"},
            "other token": signed(url, fields, "another-token"),
            "other url": signed(url + "?x=1", fields, SECRET),
            "other fields": signed(url, [*fields, ("Extra", "1")], SECRET),
        }[how]
        self.book.requests += 1
        answer = await self.ground.ask_public("POST", path, headers, form(fields))
        if answer.taken:
            self.book.found(f"a forged webhook ({how}) was taken")

    async def replays(self, place: int, changed: bool) -> None:
        """A signed webhook that was captured on its way, once more; or with other words."""
        captured = [one for one in self.ground.captured() if one.kind == "message"]
        if not captured:
            return
        request = captured[place % len(captured)].request
        url, headers, body = request.wire()
        path = url.removeprefix(self.ground.public_url)
        if changed:
            body = body.replace(b"Body=", b"Body=OK+", 1)
        self.book.requests += 1
        given = {name.lower(): value for name, value in headers.items()}
        answer = await self.ground.ask_public("POST", path, given, body)
        if changed and answer.taken and body != request.wire()[2]:
            self.book.found("a captured webhook with other words was taken")

    async def accomplice_texts(self, number: str, line: str, body: str) -> None:
        """From a phone the agent holds. It may even know the code: it must be of no use to it."""
        await self._hears(number, line, body)

    # -- people ------------------------------------------------------------------------------------

    async def person_texts(self, number: str, line: str, body: str) -> None:
        await self._hears(number, line, body)

    async def _hears(self, number: str, line: str, body: str) -> None:
        word = body.strip().upper()
        deed = None
        if word in ("STOP", "START"):
            deed = self._deed("opt_out" if word == "STOP" else "opt_in", number=number)
            deed.extra["silent"] = True  # a second STOP changes nothing and leaves no entry
        self.book.heard.setdefault((line, number), []).append(self.ground.clock.now())
        sent = await self.ground.texts(number, body, line)
        if deed is not None:
            if sent.reached:
                self._done(deed)
            else:
                deed.hi = self.ground.known()

    # -- what honest operators do -------------------------------------------------------------------

    def waiting(self) -> list[Draft]:
        return list(self.ground.look(lambda tx: tx.drafts.waiting(None, 50)))

    def codes(self) -> set[str]:
        return {draft.code for draft in self.waiting()}

    async def decides(self, place: int, verb: str, way: str, words: str) -> None:
        """An owner looks at a draft and decides, by the command line, the API or a text."""
        waiting = self.waiting()
        if not waiting:
            return
        draft = waiting[place % len(waiting)]
        message = self.ground.look(lambda tx: tx.messages.get(draft.message_id))
        if message is None:
            return
        shown = words if verb == "edit" else message.body
        kind = {"ok": "draft_approved", "no": "draft_rejected", "edit": "draft_edited"}[verb]
        deed = self._deed(
            kind, about=draft.message_id, number=draft.number.e164, line=draft.line, text=shown
        )
        match way:
            case "text":
                deed.extra.update(silent=True, open=True)
                command = f"{verb.upper()} {draft.code}" + (f" {words}" if verb == "edit" else "")
                await self._hears(OWNERS[place % 2], draft.line, command)
            case "api":
                await self._decides_by_api(deed, draft, verb, words)
            case _:
                await self._operates(deed, lambda tx: self._decided(tx, draft, verb, words))
        self.ground.kit.outbox_bell.ring()

    async def thinks_again(self, place: int) -> None:
        waiting = self.waiting()
        if not waiting:
            return
        draft = waiting[place % len(waiting)]
        message = self.ground.look(lambda tx: tx.messages.get(draft.message_id))
        if message is None:
            return
        about: dict[str, Any] = {
            "about": draft.message_id,
            "number": draft.number.e164,
            "line": draft.line,
            "text": message.body,
        }
        for kind, verb in (("draft_approved", "ok"), ("draft_rejected", "no")):
            deed = self._deed(kind, **about)
            await self._operates(
                deed,
                lambda tx, verb=verb: self._decided(tx, draft, verb, ""),  # type: ignore[misc]
            )

    def _decided(self, tx: Tx, draft: Draft, verb: str, words: str) -> None:
        kit, now, actor = self.ground.kit, self.ground.clock.now(), "operator:cli"
        current = tx.drafts.get(draft.message_id)
        assert current is not None
        match verb:
            case "ok":
                drafts.approve(kit, tx, current, actor, now)
            case "edit":
                drafts.edit(kit, tx, current, words, actor, now)
            case _:
                drafts.reject(kit, tx, current, "no", actor, now)

    async def _decides_by_api(self, deed: Deed, draft: Draft, verb: str, words: str) -> None:
        ends: dict[str, tuple[str, Any]] = {
            "ok": ("approve", None),
            "no": ("reject", {"reason": "no"}),
            "edit": ("edit", {"body": words}),
        }
        end, document = ends[verb]
        who = "ann" if len(self.book.deeds) % 2 else "ben"
        answer = await self.ground.ask(
            "POST",
            f"/api/v1/drafts/{draft.code}/{end}",
            {"authorization": f"Bearer {self.people_tokens[who]}"},
            b"" if document is None else _dumped(document),
        )
        if answer.taken:
            self._done(deed)
        else:
            deed.hi = self.ground.known()

    async def grants_one(
        self, agent: str, numbers: Sequence[str], classes: Sequence[str], count: int, hours: int
    ) -> None:
        now = self.ground.clock.now()
        until = now + timedelta(hours=hours)
        wanted = grants.Wanted(
            agent,
            recipients=frozenset(map(PhoneNumber, numbers)),
            classes=frozenset(map(MessageClass, classes)),
            count=count,
            until=until,
        )
        deed = self._deed("grant_created")
        deed.extra.update(
            agent=agent, numbers=frozenset(numbers), classes=set(classes), count=count, until=until
        )
        kit = self.ground.kit
        made = await self._operates(
            deed, lambda tx: grants.add(kit, tx, wanted, "operator:cli", now)
        )
        if made is not None:
            deed.about = made.id

    async def revokes_grant(self, place: int) -> None:
        made = [deed for deed in self.book.deeds if deed.kind == "grant_created" and deed.about]
        if not made:
            return
        chosen = made[place % len(made)]
        deed = self._deed("grant_revoked", about=chosen.about)
        kit, now = self.ground.kit, self.ground.clock.now()
        await self._operates(
            deed, lambda tx: grants.revoke(kit, tx, chosen.about, "operator:cli", now)
        )

    async def stops(self, scope: SwitchScope, subject: str, way: str) -> None:
        deed = self._switch("stop", scope, subject)
        if way == "text" and scope is SwitchScope.EVERYTHING:
            deed.extra.update(silent=True, open=True)
            await self._hears(OWNERS[0], "default", "HALT")
            return
        if way == "api":
            given = {} if scope is SwitchScope.EVERYTHING else {scope.value: subject}
            await self._by_api(deed, "/api/v1/stop", given)
            return
        kit, now = self.ground.kit, self.ground.clock.now()
        await self._operates(
            deed, lambda tx: halt.stop(kit, tx, scope, subject, "why", "operator:cli", now)
        )

    async def resumes(self, place: int, way: str) -> None:
        engaged = self.ground.look(lambda tx: list(tx.switches.engaged()))
        if not engaged:
            return
        switch = engaged[place % len(engaged)]
        deed = self._switch("resume", switch.scope, switch.subject)
        if way == "api":
            everything = switch.scope is SwitchScope.EVERYTHING
            given = {} if everything else {switch.scope.value: switch.subject}
            await self._by_api(deed, "/api/v1/resume", given)
            return
        kit, now = self.ground.kit, self.ground.clock.now()
        await self._operates(
            deed,
            lambda tx: halt.resume(kit, tx, switch.scope, switch.subject, "operator:cli", now),
        )

    def _switch(self, kind: str, scope: SwitchScope, subject: str) -> Deed:
        contact = scope is SwitchScope.CONTACT
        deed = self._deed(
            kind,
            about=scope.value if contact else f"{scope.value}:{subject}",
            number=subject if contact else "",
        )
        deed.extra["line"] = subject if scope is SwitchScope.LINE else ""
        deed.extra["agent"] = subject if scope is SwitchScope.AGENT else ""
        return deed

    async def _by_api(self, deed: Deed, path: str, document: Any) -> None:
        bearer = {"authorization": f"Bearer {self.people_tokens['ann']}"}
        answer = await self.ground.ask("POST", path, bearer, _dumped(document))
        if answer.taken:
            self._done(deed)
        else:
            deed.hi = self.ground.known()

    async def blocks(self, number: str) -> None:
        kit, now = self.ground.kit, self.ground.clock.now()
        deed = self._deed("blocked", number=number)
        await self._operates(
            deed, lambda tx: halt.block(kit, tx, PhoneNumber(number), "operator:cli", now)
        )

    async def unblocks(self, number: str) -> None:
        kit, now = self.ground.kit, self.ground.clock.now()
        deed = self._deed("unblocked", number=number)
        await self._operates(
            deed, lambda tx: halt.unblock(kit, tx, PhoneNumber(number), "operator:cli", now)
        )

    async def pairs(self, place: int) -> None:
        """Let in one of those who asked; now and then it is somebody who should not have been."""
        now = self.ground.clock.now()
        requests = self.ground.look(lambda tx: list(tx.access.requests(None, now)))
        if not requests:
            return
        request = requests[place % len(requests)]
        deed = self._deed(
            "pairing_approved", about=request.id, number=request.number.e164, line=request.line
        )
        kit, line = self.ground.kit, self.ground.kit.lines[request.line]
        await self._operates(
            deed, lambda tx: pairing.approve(kit, tx, line, request.code, "operator:cli", True, now)
        )

    async def unpairs(self, number: str, line: str) -> None:
        kit, now = self.ground.kit, self.ground.clock.now()
        deed = self._deed("pairing_revoked", number=number, line=line)
        await self._operates(
            deed,
            lambda tx: pairing.revoke(
                kit, tx, kit.lines[line], PhoneNumber(number), "operator:cli", now
            ),
        )

    async def records_consent(self, number: str, programme: str) -> None:
        kit, now = self.ground.kit, self.ground.clock.now()
        deed = self._deed("consent", number=number, line=programme)
        said = Statement(
            PhoneNumber(number),
            ConsentKind.GRANTED,
            Method.PAPER,
            programme,
            Level.TRANSACTIONAL,
            disclosure="I agree to texts about my orders.",
            evidence="form 7",
        )
        await self._operates(deed, lambda tx: consent.record(kit, tx, said, "operator:cli", now))

    async def releases(self, place: int, end: bool) -> None:
        """Let go, or end, what a kill switch held."""
        held = self.ground.look(
            lambda tx: [i for i in tx.outbox.pending_where(None, None) if i.state.value == "held"]
        )
        if not held:
            return
        chosen = held[place % len(held)].message_id
        kit, now = self.ground.kit, self.ground.clock.now()
        how = release.cancel if end else release.release
        deed = self._deed("message_cancelled" if end else "released", about=chosen)
        await self._operates(deed, lambda tx: how(kit, tx, chosen, "operator:cli", now))

    # -- both at once ----------------------------------------------------------------------------------

    async def races(self, *moves: Coroutine[Any, Any, Any]) -> None:
        """Moves at the same time, and the worker in the middle of them."""
        await asyncio.gather(*moves, self.ground.settle())

    # -- the book ------------------------------------------------------------------------------------

    def _deed(self, kind: str, **about: Any) -> Deed:
        deed = Deed(kind, self.ground.known(), **about)
        self.book.deeds.append(deed)
        return deed

    def _done(self, deed: Deed) -> None:
        deed.hi, deed.sure = self.ground.known(), True

    async def _operates(self, deed: Deed, job: Callable[[Tx], Any]) -> Any:
        """Do it in the store as the command line would; an error means that it was not done, and a
        crash that nobody knows."""
        try:
            result = await self.ground.act(job)
        except Died:
            deed.hi = self.ground.known()
            return None
        except RingfenceError:
            self.book.deeds.remove(deed)
            return None
        self._done(deed)
        self.ground.kit.outbox_bell.ring()
        return result

    # -- what must not be told -------------------------------------------------------------------------

    def _tells_no_code(self, told: bytes, where: str) -> None:
        """Nothing an agent is shown has the code of a draft that waits."""
        shown = set(_CODE.findall(told.decode("utf-8", "replace")))
        if not shown or not (shown := shown - self.book.guessed):
            return
        if leaked := shown & self.codes():
            self.book.found(
                f"{where} told an agent {len(leaked)} codes of waiting drafts: {told[-300:]!r}"
            )

    def guesses(self, code: str) -> str:
        """A code the agent makes up, or was told by somebody who holds a phone with it."""
        self.book.guessed.add(code)
        return code


def _dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


__all__ = ["AGENTS", "LINES", "World"]
