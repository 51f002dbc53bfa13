"""`ringfence voicecall latency`: how long people waited in calls, from what is on record. Counts, means,
percentiles and a histogram; nothing that was said is shown, and nobody."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.bootstrap import Gateway
    from ringfence.ports import Tx

BOUNDS_MS = (100, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000)
BAR = 40
_WORDS = {
    "answer_ms": "person's words on record → agent's words let through",
    "listen_ms": "agent's words let through → person's next words on record",
    "over_ms": "live sound: end of speech → the turn is over",
    "allowed_ms": "live sound: end of speech → first sentence let through",
    "made_ms": "live sound: end of speech → first sound made",
    "sent_ms": "live sound: end of speech → first frame sent",
    "played_ms": "live sound: end of speech → its beginning played",
}
_LIVE = ("over_ms", "allowed_ms", "made_ms", "sent_ms", "played_ms")


@click.command("latency")
@click.option(
    "--last",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    metavar="CALLS",
    help="Of how many calls, the newest.",
)
@common.json_option
@click.pass_context
def latency(ctx: click.Context, last: int, as_json: bool) -> None:
    """How long each turn took, as percentiles and a histogram: from a person's words being on record to
    the agent's answer having passed the gate, and from there to the person's next words. Of turns in live
    sound also what came when, counted from the end of the person's speech."""

    async def work(gateway: Gateway) -> dict[str, Any]:
        return await gateway.kit.store.read(lambda tx: _measured(tx, last))

    document = common.with_gateway(ctx, work)
    if as_json:
        common.print_json(document)
    else:
        _print(document)


def _measured(tx: Tx, last: int) -> dict[str, Any]:
    from ringfence.gateway.call_views import answer_times_ms, listen_times_ms

    calls = [call.id for call in tx.calls.listing(last, None, None, None)]
    said = [tx.calls.words_of(call_id) for call_id in calls]
    times = tx.calls.times_of(calls)
    live = {name: summary([getattr(one, name) for one in times]) for name in _LIVE}
    return {
        "calls": len(said),
        "answer_ms": summary([one for words in said for one in answer_times_ms(words)]),
        "listen_ms": summary([one for words in said for one in listen_times_ms(words)]),
        **live,
    }


def summary(times_ms: Sequence[int]) -> dict[str, Any]:
    """Of whole milliseconds; every figure but the count is None where there are none."""
    ordered = sorted(times_ms)
    counts = [0] * (len(BOUNDS_MS) + 1)
    for one in ordered:
        counts[sum(one > bound for bound in BOUNDS_MS)] += 1
    names = [*(f"<= {bound}" for bound in BOUNDS_MS), f"> {BOUNDS_MS[-1]}"]
    return {
        "count": len(ordered),
        "min": ordered[0] if ordered else None,
        "max": ordered[-1] if ordered else None,
        "mean": round(sum(ordered) / len(ordered)) if ordered else None,
        **{f"p{share}": _percentile(ordered, share) for share in (50, 90, 95, 99)},
        "histogram": dict(zip(names, counts, strict=True)),
    }


def _percentile(ordered: Sequence[int], share: int) -> int | None:
    """Nearest rank: a value that was really measured."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _print(document: dict[str, Any]) -> None:
    turns = max(document[name]["count"] for name in _WORDS)
    click.echo(f"The newest {document['calls']} calls: {turns} turns.")
    for name, words in _WORDS.items():
        found = document[name]
        if not found["count"]:
            continue
        click.echo(f"\n{words}: {found['count']} turns")
        figures = ("min", "mean", "p50", "p90", "p95", "p99", "max")
        click.echo("  " + "  ".join(f"{one} {found[one]} ms" for one in figures))
        most = max(found["histogram"].values())
        for label, count in found["histogram"].items():
            bar = "#" * math.ceil(BAR * count / most)
            click.echo(f"  {label + ' ms':>11} {count:>6} {bar}".rstrip())
