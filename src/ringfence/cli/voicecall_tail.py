"""`ringfence voicecall tail`: calls as they go on, in lines for people or for programs. It reads the
store again and again and remembers what it has told; it changes nothing."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.bootstrap import Gateway
    from ringfence.ports import Tx

POLL_MS_MIN = 50
CALLS_SEEN_MAX = 100
"""Of so many calls, the newest, a change is noticed."""
_MOMENTS = ("created_at", "answered_at", "ended_at")


@click.command("tail")
@click.option("--call-id", "call_id", metavar="ID", help="Only this call.")
@click.option(
    "--since",
    type=click.IntRange(0, 10_000),
    default=25,
    show_default=True,
    metavar="LINES",
    help="How many lines of what was before.",
)
@click.option(
    "--poll",
    type=click.IntRange(POLL_MS_MIN, 60_000),
    default=250,
    show_default=True,
    metavar="MS",
    help="How often to look.",
)
@click.option("--no-follow", is_flag=True, help="Show what was before, and end.")
@common.json_option
@click.pass_context
def tail(
    ctx: click.Context,
    call_id: str | None,
    since: int,
    poll: int,
    no_follow: bool,
    as_json: bool,
) -> None:
    """Follow calls live: who rings, who answers, each sentence with how much of it was heard, the end
    and why. Until Ctrl-C. With --json one object a line."""
    show = _as_json if as_json else _as_text

    async def work(gateway: Gateway) -> None:
        kit, watching = gateway.kit, Watching(call_id)
        before = await kit.store.read(watching.news)
        for one in deque(before, maxlen=since):
            click.echo(show(one))
        while not no_follow:
            await kit.clock.sleep(poll / 1000)
            for one in await kit.store.read(watching.news):
                click.echo(show(one))

    try:
        common.with_gateway(ctx, work)
    except KeyboardInterrupt:
        ctx.exit(130)


@dataclass(slots=True)
class Watching:
    """What was told already: of each call its moments and how many words of it. A call that is over and
    told is not read again."""

    call_id: str | None = None
    _moments: set[tuple[str, str]] = field(default_factory=set)
    _words: dict[str, int] = field(default_factory=dict)
    _over: set[str] = field(default_factory=set)

    def news(self, tx: Tx) -> list[dict[str, Any]]:
        """What happened since the last time, in order of time."""
        from ringfence.gateway.call_views import call_view, words_view

        found = []
        for call in self._calls(tx):
            if call.id in self._over:
                continue
            view = call_view(call)
            found += [
                {
                    "at": view[name],
                    "event": name.removesuffix("_at"),
                    **_who(view),
                    **_how(view, name),
                }
                for name in _MOMENTS
                if view[name] is not None and self._is_new(call.id, name)
            ]
            told = self._words.get(call.id, 0)
            words = [one for one in tx.calls.words_of(call.id) if one.n > told]
            found += [{"event": "words", **_who(view), **words_view(one)} for one in words]
            if words:
                self._words[call.id] = words[-1].n
            if call.is_over:
                self._over.add(call.id)
        return sorted(found, key=lambda one: (one["at"], one["call"], one.get("n", 0)))

    def _calls(self, tx: Tx) -> Iterable[Any]:
        if self.call_id is None:
            return tx.calls.listing(CALLS_SEEN_MAX, None, None, None)
        call = tx.calls.get(self.call_id) or tx.calls.of_messages([self.call_id]).get(self.call_id)
        return [] if call is None else [call]

    def _is_new(self, call_id: str, name: str) -> bool:
        new = (call_id, name) not in self._moments
        self._moments.add((call_id, name))
        return new


def spoken_line(words: dict[str, Any]) -> str:
    """One sentence of a call: when, who, what; of ours, up to where it was heard."""
    heard = words["heard"]
    cut = "" if heard is None or heard == words["text"] else f"  (heard: {heard or 'nothing'})"
    return f"{words['at']}  {words['who']:<8} {words['text']}{cut}"


def _who(view: dict[str, Any]) -> dict[str, Any]:
    number = view.get("to") or view.get("from")
    kept = ("line", "direction", "mode")
    return {"call": view["id"], "number": number} | {name: view[name] for name in kept}


def _how(view: dict[str, Any], name: str) -> dict[str, Any]:
    """How it ended; before that nobody knows."""
    kept = ("state", "end_reason", "lasted_s") if name == "ended_at" else ()
    return {name: view[name] for name in kept}


def _as_json(one: dict[str, Any]) -> str:
    return json.dumps(one, ensure_ascii=False)


def _as_text(one: dict[str, Any]) -> str:
    """The end of an id is what tells calls of one moment apart."""
    name = f"…{one['call'][-6:]}"
    if one["event"] == "words":
        return f"{name}  {spoken_line(one)}"
    way = "to" if one["direction"] == "out" else "from"
    match one["event"]:
        case "created":
            what = f"call {way} {one['number']} ({one['mode']}, line {one['line']})"
        case "answered":
            what = "answered"
        case _:
            why = one["end_reason"] or one["state"]
            lasted = f", {one['lasted_s']} s" if one["lasted_s"] is not None else ""
            what = f"over: {why}{lasted}"
    return f"{name}  {one['at']}  {what}"
