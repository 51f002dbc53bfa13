"""`ringfence intakes`: what people answered to a line's questions, and how far it came. Looks only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ringfence.cli import common

if TYPE_CHECKING:
    from ringfence.bootstrap import Gateway

LISTED = ("number", "line", "state", "answers", "updated_at")
LISTED_MAX = 1_000


@click.group("intakes")
def command() -> None:
    """What people answered to a line's questions."""


@command.command("list")
@common.line_option
@common.json_option
@click.pass_context
def list_(ctx: click.Context, account: str | None, as_json: bool) -> None:
    """The newest intake of each person, the last changed first, on all lines (or on --account)."""

    async def work(gateway: Gateway) -> list[dict[str, Any]]:
        from ringfence.gateway.views import intake_view

        line = common.line_of(gateway.settings, account).id if account else None
        found = await gateway.kit.store.read(lambda tx: tx.intakes.listing(line, LISTED_MAX))
        return [intake_view(intake) for intake in found]

    rows = common.with_gateway(ctx, work)
    if as_json:
        common.print_json({"intakes": rows})
        return
    shown = [{**row, "answers": _in_words(row["answers"])} for row in rows]
    common.print_table(shown, LISTED, "Nobody was asked anything.")


def _in_words(answers: dict[str, str]) -> str:
    return "; ".join(f"{name}: {value or '(skipped)'}" for name, value in answers.items())
